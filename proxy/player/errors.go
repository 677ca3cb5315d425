package player

import (
	"context"
	"errors"
	"fmt"

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
}

func (e *ByeError) Error() string {
	s := "bye: " + e.Code.String()
	if e.Text != "" {
		s += ": " + e.Text
	}
	if e.Last > 0 {
		s += fmt.Sprintf(" (actions %d to %d)", e.First, e.Last)
	}
	return s
}

// retried holds the codes after which the session goes on, on another edge or
// later: what ended was the connection, or an edge's ability to serve it. Every
// other code ends the session: asking again would change nothing, or do harm.
var retried = map[wire.Code]bool{
	wire.CodeNone:        true, // closed without a reason
	wire.CodeJoinTimeout: true, // our hello was too slow
	wire.CodeShutdown:    true, // that edge stops
	wire.CodeDrain:       true,
	wire.CodeOverloaded:  true, // come back later
	wire.CodeSlow:        true, // we did not read for a while
	wire.CodeLinkClosed:  true,
	wire.CodeStaleEpoch:  true, // that edge follows a primary that was replaced
	wire.CodeStaleAttach: true,
	wire.CodeNotServing:  true,
	wire.CodeGameExit:    true, // what happens behind the edge
	wire.CodeGameHang:    true,
	wire.CodeGameFault:   true,
	wire.CodeRefusedUDP:  true,
	wire.CodeSilence:     true,
	wire.CodeNoLock:      true,
	wire.CodeDeposed:     true,
}

// final tells whether err ends the session, or only a connection.
func final(err error) bool {
	var (
		bye   *ByeError
		broke *wire.Error
	)
	switch {
	case errors.As(err, &bye):
		return !retried[bye.Code]
	case errors.As(err, &broke):
		return true
	}
	return false // the network's doing: idle timeout, reset, refused, unreachable
}

// hopeless tells whether an edge would answer the same the next time: it has no
// certificate that we trust, or speaks another protocol.
func hopeless(err error) bool {
	var transport *quic.TransportError
	return errors.As(err, &transport) && transport.ErrorCode.IsCryptoError()
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
	case errors.Is(err, ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return wire.CodeLeft
	}
	return wire.CodeNone
}
