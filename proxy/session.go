package proxy

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

const (
	// playerQueue bounds what waits for a player to read it. A player who lets
	// so much gather is closed; his client comes back.
	playerQueue = 256 << 10
	// writeTimeout is how long one write to a player may take.
	writeTimeout = 5 * time.Second
)

// session is one connection of one player.
type session struct {
	home     atomic.Pointer[region] // changed under the locks of both regions, see lock
	player   string
	conn     *quic.Conn
	end      context.CancelCauseFunc    // the first cause counts
	farewell atomic.Pointer[wire.Moved] // to be said before the last word

	out     *pump.Buffer
	durable atomic.Uint64 // highest durable seq
	epoch   atomic.Uint64 // of that ack
	told    uint64        // of it, what has been written; owned by the writer
	room    pump.Waker    // the log has room again

	datagrams     *pump.Datagrams
	datagramsOnce sync.Once

	newcomer bool     // as far as he knows, he has never been here
	token    [32]byte // for his next Hello
	show     []byte   // hash of the one that he showed; nil: none
	next     []byte   // hash of token

	// Guarded by home.mu.
	log       *slog.Logger
	actions   *buffer.Log // nil until seated
	arrival   *arrival    // nil: the primary has him, or he has come from nowhere else
	handle    uint64
	number    uint64         // attach number, 0: none yet
	attached  bool           // the primary that serves has answered our attach
	refused   []wire.Refused // to be told after the welcome
	lost      uint64         // the first durable action that the region lacks; 0: none
	spoke     bool           // the player has acted, so the welcome has reached him
	suspect   uint64         // actions up to here were on their way when a primary died
	mark      uint64         // the highest durable mark that client or edge have seen
	need      uint64         // to be seated: all up to here must be durable
	full      bool           // the reader waits for room
	held      bool           // he has been told that no primary serves
	mentioned bool           // something waits for him that is in no hurry
	owed      time.Time      // since a failover he waits for a durable action that is as old; zero: he does not
	timed     timed          // how long its actions take
	share     uint64         // of the next unreliable update, in thousandths: a whole one is passed on
	over      bool
	first     uint64 // when over: the seqs that are not durable
	last      uint64
}

// endError is the cause with which a session ends.
type endError struct {
	code wire.Code
	text string
}

func (e *endError) Error() string { return e.code.String() + ": " + e.text }

func codeOf(err error) wire.Code {
	if end, ok := errors.AsType[*endError](err); ok {
		return end.code
	}
	if errors.Is(err, context.Canceled) {
		return wire.CodeShutdown
	}
	if c := wire.CodeOf(err); c != wire.CodeLinkClosed {
		return c
	}
	return link.Cause(err)
}

// serve runs one player's connection from the Hello to the last frame.
func (e *Edge) serve(ctx context.Context, c *call, hello wire.Hello) {
	r := e.regions[hello.Region]
	if r == nil {
		c.refuse(e, &endError{wire.CodeUnknownName, fmt.Sprintf("region %q is not served here", hello.Region)})
		return
	}
	s := newSession(r, c.conn, hello)
	sctx, end := context.WithCancelCause(c.conn.Context())
	s.end = end
	stop := context.AfterFunc(ctx, func() { end(&endError{wire.CodeShutdown, "the edge stops"}) })
	defer stop()
	if err := r.join(s); err != nil {
		c.refuse(e, err)
		return
	}
	bye := s.pass(sctx, c.reader, c.stream)
	if moved := s.farewell.Load(); moved != nil {
		sayBye(c.conn, c.stream, bye, moved.Append(nil)...)
	} else {
		sayBye(c.conn, c.stream, bye)
	}
	end(nil)
}

// pass passes on what player and region say to each other until one of them has had
// enough, and returns the last word to him. He is read on the caller's goroutine: there
// are thousands of them.
func (s *session) pass(ctx context.Context, reader *wire.Reader, stream *quic.Stream) wire.Bye {
	ctx, stop := context.WithCancelCause(ctx)
	context.AfterFunc(ctx, func() { stream.CancelRead(0) })
	written := make(chan struct{})
	go func() {
		defer close(written)
		stop(pump.Run(ctx, deadlineWriter{stream}, s.out.Waker, s))
	}()
	stop(s.read(ctx, reader))
	bye := s.leave(context.Cause(ctx))
	_ = stream.SetWriteDeadline(time.Now()) // ends a write that a slow player holds up
	<-written
	return bye
}

func newSession(r *region, conn *quic.Conn, hello wire.Hello) *session {
	s := &session{
		player: hello.Player, conn: conn, mark: hello.Durable, log: r.log.With("player", hello.Player),
		newcomer: newcomer(hello), out: pump.NewBuffer(playerQueue), room: pump.NewWaker(),
	}
	s.home.Store(r)
	if len(hello.Token) > 0 {
		s.show = hash(hello.Token)
	}
	_, _ = rand.Read(s.token[:])
	s.next = hash(s.token[:])
	return s
}

// hash is what leaves the edge of a token: whoever reads a region's state cannot
// come in anybody's name.
func hash(token []byte) []byte {
	sum := sha256.Sum256(token)
	return sum[:]
}

// mayReplace tells whether the player who said hello is the one of the session
// that runs: he shows the token that this one was welcomed with, or, had the
// welcome not reached him, the one that it came with.
func (s *session) mayReplace(old *session) bool {
	return len(s.show) > 0 && (subtle.ConstantTimeCompare(s.show, old.next) == 1 ||
		!old.spoke && subtle.ConstantTimeCompare(s.show, old.show) == 1)
}

// read takes the player's frames until the stream ends.
func (s *session) read(ctx context.Context, reader *wire.Reader) error {
	for {
		t, body, err := reader.Next()
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
		switch t {
		case wire.TypeAct:
			var f wire.Act
			if err := f.Decode(body); err != nil {
				return err
			}
			if err := s.act(ctx, f); err != nil {
				return err
			}
		case wire.TypeBye:
			return &endError{wire.CodeLeft, "the player left"}
		case wire.TypeHello, wire.TypeSpare:
			return &endError{wire.CodeJoinTwice, "this session has joined already"}
		default:
			return &endError{wire.CodeUnknownType, fmt.Sprintf("frame %#x from a player", uint64(t))}
		}
	}
}

// act keeps one action. While the log is full the player's stream is not read,
// so that flow control pushes back, and the player is told.
func (s *session) act(ctx context.Context, f wire.Act) error {
	err := s.keep(f)
	for errors.Is(err, buffer.ErrFull) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.room:
		}
		err = s.keep(f)
	}
	return err
}

// lose notes that durable actions are missing from seq on. They end with the
// player's durable mark, and his session with them.
func (s *session) lose(seq uint64) {
	if seq <= s.mark {
		s.lost = seq
	}
}

// add queues a frame for the player. A full queue ends the session.
func (s *session) add(f pump.Frame) {
	if pump.Add(s.out, f) != nil {
		s.end(errSlow)
	}
}

// put queues an encoded frame for the player. The caller sees to it that the writer is
// woken.
func (s *session) put(encoded []byte) {
	if s.out.Put(encoded) != nil {
		s.end(errSlow)
	}
}

var errSlow = &endError{wire.CodeSlow, "you do not read what you are sent"}

// Fill implements pump.Source: what waits, then the newest durable mark, once,
// however many acks made it.
func (s *session) Fill(dst []byte) []byte {
	dst = s.out.Fill(dst)
	if d := s.durable.Load(); d > s.told {
		s.told = d
		dst = wire.Durable{Epoch: s.epoch.Load(), Seq: d}.Append(dst)
	}
	return dst
}

// ack tells the player, with the next write, that actions are durable. The caller sees
// to it that the writer is woken.
func (s *session) ack(epoch, seq uint64) {
	s.epoch.Store(epoch)
	s.durable.Store(seq)
}

// datagram sends an unreliable update. The sender starts with the first one.
func (s *session) datagram(encoded []byte) {
	s.datagramsOnce.Do(func() {
		s.datagrams = pump.NewDatagrams()
		go func() { _ = s.datagrams.Run(s.conn.Context(), s.conn.SendDatagram) }()
	})
	s.datagrams.Put(encoded)
}

// sayBye writes a Bye as the last frame, behind what is to come before it, and gives
// the player a moment to close first: a connection that is closed over it may arrive
// before the frame.
func sayBye(conn *quic.Conn, stream *quic.Stream, bye wire.Bye, before ...byte) {
	if stream != nil && conn.Context().Err() == nil {
		_ = stream.SetWriteDeadline(time.Now().Add(goodbye))
		if _, err := stream.Write(bye.Append(before)); err == nil {
			_ = stream.Close()
			select {
			case <-conn.Context().Done():
			case <-time.After(goodbye):
			}
		}
	}
	_ = conn.CloseWithError(quic.ApplicationErrorCode(bye.Reason), bye.Text)
}

func textOf(err error) string {
	if end, ok := errors.AsType[*endError](err); ok {
		return end.text
	}
	if bad, ok := errors.AsType[*wire.Error](err); ok {
		return bad.Detail[:min(len(bad.Detail), wire.MaxText)]
	}
	return ""
}

// deadlineWriter bounds each write to a player.
type deadlineWriter struct{ stream *quic.Stream }

func (w deadlineWriter) Write(b []byte) (int, error) {
	_ = w.stream.SetWriteDeadline(time.Now().Add(writeTimeout))
	n, err := w.stream.Write(b)
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		err = errSlow
	}
	return n, err
}
