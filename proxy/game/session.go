package game

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// greetTime is how long a sidecar may take to answer our hello: it has nothing
// to look up, so silence means that something else listens there.
const greetTime = 5 * time.Second

// session is the connection with the sidecar. Its goroutines: the reader (the
// caller of serve), the writer, the beater, and one for each region.
//
//	socket ──▶ reader ──▶ inbox ──▶ region ──▶ outbox ──▶ writer ──▶ socket
//	                      (one of each per region)  ▲
//	                                      beater ───┘
type session struct {
	cfg     *Config
	out     *outbox
	fail    context.CancelCauseFunc
	running sync.WaitGroup

	// The reader's own: states that are being received, and how the mesh is.
	loading map[uint64]*loading
	mode    wire.Mode

	mu      sync.Mutex         // guards regions for all but the reader, the only one who changes it
	regions map[uint64]*region // by the sidecar's ID
}

// loading is a region whose state is under way.
type loading struct {
	head  wire.Host
	state []byte
}

// serve runs the game over conn, which it closes.
func serve(ctx context.Context, conn net.Conn, cfg Config) error {
	inner, fail := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(inner, func() { _ = conn.Close() })
	defer unhook()
	buffer := pump.NewBuffer(maxOutbox)
	s := &session{
		cfg:     &cfg,
		out:     &outbox{Buffer: buffer, room: func() error { return buffer.Room(inner) }},
		fail:    fail,
		loading: map[uint64]*loading{},
		mode:    wire.Normal(),
		regions: map[uint64]*region{},
	}
	r := wire.NewReader(conn, wire.LinkSidecar)
	err := s.greet(conn, r)
	if err == nil {
		s.start(func() error { return pump.Run(inner, conn, buffer.Waker, buffer) })
		s.start(func() error { return s.beat(inner) })
		err = s.read(inner, r)
	}
	fail(gone(err))
	s.running.Wait()
	_ = conn.Close()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(inner)
}

// gone tells a sidecar that went away from one that broke the protocol.
func gone(err error) error {
	var broke *wire.Error
	switch {
	case errors.Is(err, ErrSnapshotTooLarge), errors.Is(err, ErrOutcomeTooLarge), errors.Is(err, ErrOutcome), errors.Is(err, ErrArriver):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // died, perhaps within a frame
		return ErrSidecarGone
	case errors.As(err, &broke):
		return fmt.Errorf("game: the sidecar broke the protocol: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrSidecarGone, err)
}

// start runs f on a goroutine of the session, which ends with f's error.
func (s *session) start(f func() error) {
	s.running.Go(func() {
		if err := f(); err != nil {
			s.fail(gone(err))
		}
	})
}

// greet exchanges hello and welcome.
func (s *session) greet(conn net.Conn, r *wire.Reader) error {
	_ = conn.SetDeadline(time.Now().Add(greetTime))
	defer func() { _ = conn.SetDeadline(time.Time{}) }()
	hello := wire.GameHello{
		Version: wire.Version, Name: s.cfg.Name,
		Beat: uint64(s.cfg.Beat.Milliseconds()), PID: uint64(os.Getpid()), Standby: !s.cfg.NoStandby,
	}
	if _, err := conn.Write(hello.Append(nil)); err != nil {
		return err
	}
	t, body, err := r.Next()
	if err != nil {
		return err
	}
	var welcome wire.GameWelcome
	if t != wire.TypeGameWelcome {
		return broken(wire.CodeNotHello, "%v instead of a welcome", t)
	}
	if err := welcome.Decode(body); err != nil {
		return err
	}
	if welcome.Version != wire.Version {
		return broken(wire.CodeVersion, "version %d, this game speaks %d", welcome.Version, wire.Version)
	}
	return nil
}

// read dispatches frames until the connection ends.
func (s *session) read(ctx context.Context, r *wire.Reader) error {
	for {
		t, body, err := r.Next()
		if err != nil {
			return err
		}
		if err := s.frame(ctx, t, body); err != nil {
			return err
		}
	}
}

func (s *session) frame(ctx context.Context, t wire.Type, body []byte) error {
	switch t {
	case wire.TypeDo:
		var f wire.Do
		if err := f.Decode(body); err != nil {
			return err
		}
		ev := event{kind: t, handle: f.Handle, number: f.Index, seq: f.Seq}
		return s.forward(ctx, f.ID, ev, f.Payload)
	case wire.TypeOutcome:
		var f wire.Outcome
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.forward(ctx, f.ID, event{kind: t, from: f.From, number: f.To}, f.Payload)
	case wire.TypeArrive:
		var f wire.Arrive
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.forward(ctx, f.ID, event{kind: t, handle: f.Handle, number: f.Index}, f.Payload)
	case wire.TypeCut:
		var f wire.Cut
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.forward(ctx, f.ID, event{kind: t, number: f.N}, nil)
	default:
		return s.seating(ctx, t, body)
	}
}

// seating takes the frames that tell who a region's players are, and how much of it
// they get.
func (s *session) seating(ctx context.Context, t wire.Type, body []byte) error {
	switch t {
	case wire.TypeJoin:
		var f wire.Join
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.forward(ctx, f.ID, event{kind: t, handle: f.Handle, here: f.Here, player: f.Player}, nil)
	case wire.TypeLeave:
		var f wire.Leave
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.forward(ctx, f.ID, event{kind: t, handle: f.Handle}, nil)
	case wire.TypeMode:
		var f wire.Mode
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.takeMode(ctx, f)
	default:
		return s.hosting(ctx, t, body)
	}
}

// forward queues an event for its region.
func (s *session) forward(ctx context.Context, id uint64, ev event, payload []byte) error {
	r := s.regions[id]
	if r == nil {
		return broken(wire.CodeProtocol, "%v for region %d, which is not hosted", ev.kind, id)
	}
	return r.inbox.put(ctx, ev, payload)
}
