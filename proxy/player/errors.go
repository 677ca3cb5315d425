package player

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Errors of this package. Test with errors.Is.
var (
	// ErrClosed: Close has ended the session.
	ErrClosed = errors.New("player: closed")
	// ErrTooLarge: the payload is longer than the edge takes.
	ErrTooLarge = errors.New("player: payload too large")
	// errSilent: an edge took the connection and then said nothing.
	errSilent = errors.New("the edge does not answer")
	// errMute: nothing at all comes from the edge.
	errMute = errors.New("the edge is silent")
	// errBehind: the edge has not heard yet who is primary now. What it says is not
	// wrong, only old.
	errBehind = &ByeError{Code: wire.CodeStaleEpoch, Text: "the edge follows a primary that was replaced"}
	// errHungUp: the edge ended the stream without a word.
	errHungUp = errors.New("the edge ended the stream")
)

// ByeError is the end of a connection that the other side gave a reason for.
type ByeError struct {
	Code wire.Code
	Text string
	// First and Last are the seqs that the edge knows to be not durable, or to
	// be lost if Code is wire.CodeLost. 0, 0: it named none.
	First, Last uint64
	// RetryAfter is how long the edge asks to wait before the next Dial, if it takes
	// no newcomers. 0: it did not say.
	RetryAfter time.Duration
}

func (e *ByeError) Error() string {
	s := "bye: " + e.Code.String()
	if e.Text != "" {
		s += ": " + e.Text
	}
	if e.Last > 0 {
		s += fmt.Sprintf(" (actions %d to %d)", e.First, e.Last)
	}
	if e.RetryAfter > 0 {
		s += fmt.Sprintf(" (come back in %v)", e.RetryAfter)
	}
	return s
}

// verdict is what the end of a connection, or an edge's refusal of one, means for
// the session.
type verdict uint8

const (
	end   verdict = iota // the session is over: asking again would change nothing, or do harm
	next                 // the next edge at once; a pause when all have failed in a row
	later                // a pause, then the next edge
	other                // as next; but if all say so before the first welcome, the end
	prove                // as later, for 30 s; the end if no edge can hold a connection of ours
	once                 // as later; the second time within a minute the end
	away                 // as next; but the end when no edge has let us in before the first welcome
)

// verdicts holds the codes that do not end the session. The table in DESIGN.md
// says why.
var verdicts = map[wire.Code]verdict{
	wire.CodeNone:         next,
	wire.CodeVersion:      other,
	wire.CodeNotYours:     prove,
	wire.CodeUnknownName:  other,
	wire.CodeJoinTimeout:  next,
	wire.CodeUnauthorized: prove,
	wire.CodeShutdown:     next,
	wire.CodeReplaced:     once,
	wire.CodeSlow:         next,
	wire.CodeExpired:      later,
	wire.CodeOverloaded:   away,
	wire.CodeDegraded:     away,
	wire.CodeMoved:        next,
	wire.CodeGameExit:     next,
	wire.CodeGameHang:     next,
	wire.CodeRefusedUDP:   next,
	wire.CodeSilence:      next,
	wire.CodeNoLock:       next,
	wire.CodeDeposed:      next,
	wire.CodeDrain:        next,
	wire.CodeLinkClosed:   next,
	wire.CodeGameFault:    next,
	wire.CodeGameStarved:  next,
	wire.CodeStaleEpoch:   later,
	wire.CodeStaleAttach:  later,
	wire.CodeNotServing:   next,
}

// judge tells what err means. What the network does (silence, refused, reset,
// unreachable) never ends a session; an edge without a certificate that we trust,
// or of another protocol, is like one that says so.
func judge(err error) verdict {
	var (
		bye   *ByeError
		broke *wire.Error
		quicE *quic.TransportError
	)
	switch {
	case errors.As(err, &bye):
		return verdicts[bye.Code]
	case errors.As(err, &broke):
		return verdicts[broke.Code]
	case errors.As(err, &quicE) && quicE.ErrorCode.IsCryptoError():
		return other
	}
	return next
}

// sooner is the refusal after which there is less to wait. Any other error, and nil,
// gives way to one.
func sooner(a, b error) error {
	first, second := waitOf(a), waitOf(b)
	if judge(a) != away || second > 0 && (first == 0 || second < first) {
		return b
	}
	return a
}

func waitOf(err error) time.Duration {
	if bye, ok := errors.AsType[*ByeError](err); ok {
		return bye.RetryAfter
	}
	return 0
}

// toldWhy tells whether the edge has ended the connection itself, and so forgotten it.
func toldWhy(err error) bool {
	_, ok := errors.AsType[*ByeError](err)
	return ok
}

// closeCode is what the edge is told when the connection ends because of err.
func closeCode(err error) wire.Code {
	var (
		bye   *ByeError
		broke *wire.Error
	)
	switch {
	case errors.As(err, &bye):
		return bye.Code
	case errors.As(err, &broke):
		return broke.Code
	case errors.Is(err, errSilent):
		return wire.CodeJoinTimeout
	case errors.Is(err, errMute):
		return wire.CodeSilence
	case errors.Is(err, ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return wire.CodeLeft
	}
	return wire.CodeNone
}
