package player

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// session is what the client does on one connection. The goroutine of roam
// reads; after the welcome a writer and a datagram reader run beside it.
type session struct {
	c       *Client
	link    link
	fail    context.CancelCauseFunc // ends the connection
	silence *time.Timer             // runs until the edge's first frame
	running sync.WaitGroup
	since   time.Time // of the welcome; zero: not yet
	bye     bool      // has been said; the writer's own
}

// visit plays at an edge until the connection ends. It returns for how long the
// player was seated (0: not at all), and why it ended.
func (c *Client) visit(ctx context.Context, conn link, edge string) (seated time.Duration, err error) {
	c.mu.Lock()
	c.edge = edge
	c.mu.Unlock()
	ctx, fail := context.WithCancelCause(ctx)
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(closed)
		conn.Close(closeCode(context.Cause(ctx)))
	})
	s := &session{c: c, link: conn, fail: fail}
	s.silence = time.AfterFunc(welcomeTimeout, func() { fail(errSilent) })
	if c.cfg.roams() {
		s.running.Go(func() { s.fail(s.watch(ctx, c.cfg.Silence)) })
	}
	err = s.play(ctx)
	s.silence.Stop()
	fail(err)
	<-closed
	s.running.Wait()
	c.setSeated(false)
	if !s.since.IsZero() {
		seated = max(time.Since(s.since), 1)
	}
	return seated, fmt.Errorf("edge %s: %w", edge, s.cause(ctx, err))
}

// cause is the best word for why the connection has ended: what the edge said
// last, else what failed first.
func (s *session) cause(ctx context.Context, read error) error {
	if _, ok := errors.AsType[*ByeError](read); ok {
		return read
	}
	return context.Cause(ctx)
}

// watch asks the edge for a sign of life when nothing has come for a fifth of silence,
// and ends the connection when nothing comes all the same. A game that sends updates
// more often is never asked. Who does not answer is asked again, and so is the spare
// connection then, for it may be our own network that has failed. It asks itself first
// whether it is the sick one: when its own timer comes late, this process did not run,
// and what the edge has sent lies in the socket.
func (s *session) watch(ctx context.Context, silence time.Duration) error {
	step := silence / 10
	tick := time.NewTicker(step)
	defer tick.Stop()
	last := time.Now()
	heard, asked := last, last
	before, _ := s.link.Heard()
	packets := before
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		now := time.Now()
		late := now.Sub(last) > 2*step
		last = now
		n, patience := s.link.Heard()
		if patience = max(patience, silence); n == before {
			patience = max(patience, roamHandshakeTimeout) // as for a handshake, which would come next
		}
		switch {
		case late, n != packets:
			heard, asked, packets = now, now, n
		case now.Sub(heard) > patience:
			return errMute
		case now.Sub(asked) >= silence/5:
			if asked != heard { // it has not answered
				s.c.askSpare()
			}
			asked = now
			s.link.Ask()
		}
	}
}

func (c *Client) setSeated(seated bool) {
	c.mu.Lock()
	c.seated = seated
	c.mu.Unlock()
}

// play says hello and reads until the connection ends.
func (s *session) play(ctx context.Context) error {
	if _, err := s.link.Write(s.c.hello().Append(nil)); err != nil {
		return err
	}
	r := wire.NewReader(s.link, wire.LinkEdge)
	for {
		t, body, err := r.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errHungUp
		}
		if err != nil {
			return err
		}
		s.silence.Stop()
		if err := s.frame(ctx, t, body); err != nil {
			return err
		}
	}
}

func (c *Client) hello() wire.Hello {
	c.mu.Lock()
	defer c.mu.Unlock()
	return wire.Hello{
		Version: wire.Version, Region: c.region, Player: c.cfg.Player,
		Durable: c.log.Acked(), Tail: c.log.Tail(), Token: c.token,
	}
}

// frame takes what may come at any time.
func (s *session) frame(ctx context.Context, t wire.Type, body []byte) error {
	switch t {
	case wire.TypeUpdate:
		var f wire.Update
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.c.tell(ctx, event{kind: t, on: true, payload: slices.Clone(f.Payload)})
	case wire.TypeHold:
		var f wire.Hold
		if err := f.Decode(body); err != nil {
			return err
		}
		s.c.heard(f.Epoch)
		return s.c.tell(ctx, event{kind: t, code: f.Reason})
	case wire.TypePressure:
		var f wire.Pressure
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.c.tell(ctx, event{kind: t, on: f.On})
	case wire.TypeProtection:
		var f wire.Protection
		if err := f.Decode(body); err != nil {
			return err
		}
		s.c.heard(f.Epoch)
		return s.protection(ctx, f.Protected)
	case wire.TypeBye:
		var f wire.Bye
		if err := f.Decode(body); err != nil {
			return err
		}
		return &ByeError{Code: f.Reason, Text: f.Text, First: f.First, Last: f.Last, RetryAfter: retryAfter(f.RetryMillis)}
	case wire.TypeMoved:
		var f wire.Moved
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.moved(ctx, f)
	case wire.TypeMode:
		var f wire.Mode
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.mode(ctx, f)
	default:
		if s.since.IsZero() {
			return s.unseatedFrame(ctx, t, body)
		}
		return s.seatedFrame(ctx, t, body)
	}
}

// unseatedFrame takes what must come before the rest.
func (s *session) unseatedFrame(ctx context.Context, t wire.Type, body []byte) error {
	switch t {
	case wire.TypeReseated: // while the edge brings a new primary up to date
		return s.reseated(ctx, body)
	case wire.TypeWelcome:
		var f wire.Welcome
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.welcome(ctx, f)
	default:
		return broken(wire.CodeProtocol, "%v before a welcome", t)
	}
}

// seatedFrame takes what must not come before the welcome.
func (s *session) seatedFrame(ctx context.Context, t wire.Type, body []byte) error {
	switch t {
	case wire.TypeDurable:
		var f wire.Durable
		if err := f.Decode(body); err != nil {
			return err
		}
		s.c.heard(f.Epoch)
		news, err := s.c.durable(f.Seq)
		if err != nil || !news {
			return err
		}
		return s.c.tell(ctx, event{kind: t, seq: f.Seq})
	case wire.TypeRefused:
		var f wire.Refused
		if err := f.Decode(body); err != nil {
			return err
		}
		if tail := s.c.tail(); f.Seq == 0 || f.Seq > tail {
			return broken(wire.CodeAckAhead, "action %d refused, the last one is %d", f.Seq, tail)
		}
		return s.c.tell(ctx, event{kind: t, seq: f.Seq, code: f.Reason, text: f.Text})
	case wire.TypeReseated:
		return s.reseated(ctx, body)
	default:
		return broken(wire.CodeProtocol, "%v in a running session", t)
	}
}

func (s *session) reseated(ctx context.Context, body []byte) error {
	var f wire.Reseated
	if err := f.Decode(body); err != nil {
		return err
	}
	if f.Epoch < s.c.epoch.Load() {
		return errBehind
	}
	s.c.heard(f.Epoch)
	return s.c.tell(ctx, event{kind: wire.TypeReseated, epoch: f.Epoch, seq: f.Applied})
}

// welcome seats the player: from here on actions flow.
func (s *session) welcome(ctx context.Context, f wire.Welcome) error {
	before, err := s.c.seat(f)
	if err != nil {
		return err
	}
	s.since = time.Now()
	if err := s.protection(ctx, f.Protected); err != nil {
		return err
	}
	s.running.Go(func() { s.fail(s.write(ctx)) })
	s.running.Go(func() { s.fail(s.datagrams(ctx)) })
	if !s.c.wasSeated() {
		close(s.c.welcomed)
	}
	if !s.c.parted {
		return nil // the first one: Dial returns
	}
	if err := s.c.tell(ctx, event{kind: resumed}); err != nil {
		return err
	}
	s.c.parted = false
	s.c.resumes.Add(1)
	if f.Durable == before {
		return nil
	}
	return s.c.tell(ctx, event{kind: wire.TypeDurable, seq: f.Durable})
}

// protection tells the handler what changed.
func (s *session) protection(ctx context.Context, protected bool) error {
	if s.c.unprotected.Swap(!protected) == !protected {
		return nil
	}
	return s.c.tell(ctx, event{kind: wire.TypeProtection, on: protected})
}

// moved takes in that the player is in another region, whose epochs begin anew.
func (s *session) moved(ctx context.Context, f wire.Moved) error {
	s.c.mu.Lock()
	s.c.region = f.Region
	s.c.mu.Unlock()
	s.c.epoch.Store(f.Epoch)
	if err := s.c.tell(ctx, event{kind: wire.TypeMoved, text: f.Region}); err != nil || s.since.IsZero() {
		return err
	}
	return s.protection(ctx, f.Protected)
}

// mode tells the handler what changed.
func (s *session) mode(ctx context.Context, f wire.Mode) error {
	s.c.mu.Lock()
	before := s.c.mode
	s.c.mode = f
	s.c.mu.Unlock()
	if f == before {
		return nil
	}
	return s.c.tell(ctx, event{kind: wire.TypeMode, mode: f})
}

// write sends actions. An edge that stops reading them has a bye to say, which
// must not be cut off: it may be on its way, and final.
func (s *session) write(ctx context.Context) error {
	err := pump.Run(ctx, s.link, s.c.wake, s)
	if toldWhy(err) {
		_ = sleep(ctx, goodbye) // or until the bye has ended ctx
	}
	return err
}

// Fill implements pump.Source: it moves the log's sent mark.
func (s *session) Fill(dst []byte) []byte {
	c := s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(dst) < pump.Batch {
		a, ok := c.log.Next()
		if !ok {
			break
		}
		dst = wire.Act{Seq: a.Seq, Payload: a.Payload}.Append(dst)
		fault.Point(fault.ClientAfterSend)
	}
	if len(dst) == 0 && c.closing.Load() && !s.bye {
		s.bye = true
		dst = wire.Bye{Reason: wire.CodeLeft}.Append(dst)
	}
	return dst
}

// datagrams takes unreliable updates. What belongs to an epoch that is over was
// overtaken by the news of it.
func (s *session) datagrams(ctx context.Context) error {
	for {
		b, err := s.link.ReceiveDatagram(ctx)
		if err != nil {
			return err
		}
		t, body, rest, err := wire.Parse(b, wire.LinkEdge)
		if err != nil {
			return err
		}
		if t != wire.TypeUpdate || len(rest) > 0 {
			return broken(wire.CodeProtocol, "datagram of %v and %d more bytes", t, len(rest))
		}
		var f wire.Update
		if err := f.Decode(body); err != nil {
			return err
		}
		if f.Epoch < s.c.epoch.Load() {
			s.c.dropped.Add(1)
			continue
		}
		s.c.offer(f.Payload)
	}
}

// broken is the error for what an edge must not send.
func broken(code wire.Code, format string, args ...any) error {
	return &wire.Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}
