package game

import (
	"context"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// hosting takes the frames with which regions come and go.
func (s *session) hosting(ctx context.Context, t wire.Type, body []byte) error {
	switch t {
	case wire.TypeHost:
		var f wire.Host
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.host(ctx, f)
	case wire.TypeState:
		var f wire.State
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.state(ctx, f)
	case wire.TypePromote:
		var f wire.Promote
		if err := f.Decode(body); err != nil {
			return err
		}
		return s.forward(ctx, f.ID, event{kind: t, number: f.Epoch}, nil)
	case wire.TypeUnhost:
		var f wire.Unhost
		if err := f.Decode(body); err != nil {
			return err
		}
		delete(s.loading, f.ID)
		s.unhost(f.ID)
		return nil
	default:
		return broken(wire.CodeUnknownType, "%v in a running session", t)
	}
}

// host announces a region. Its state follows, unless it has none.
func (s *session) host(ctx context.Context, f wire.Host) error {
	r := s.regions[f.ID]
	switch {
	case s.loading[f.ID] != nil, r != nil && !r.failed.Load():
		return broken(wire.CodeProtocol, "region %d is hosted already", f.ID)
	case f.Size > wire.MaxSnapshot:
		return broken(wire.CodeTooLarge, "state of %d bytes, the limit is %d", f.Size, wire.MaxSnapshot)
	case f.Standby && s.cfg.NoStandby:
		return broken(wire.CodeProtocol, "standby of %q, which this game did not offer", f.Region)
	case f.New && f.Size > 0:
		return broken(wire.CodeBadSnapshot, "new region %q with a state", f.Region)
	}
	s.unhost(f.ID) // the remains of one that failed
	if f.Size == 0 {
		s.launch(ctx, f, nil)
		return nil
	}
	s.loading[f.ID] = &loading{head: f, state: make([]byte, 0, f.Size)}
	return nil
}

// state takes the next chunk of a state, and launches the region with the last.
func (s *session) state(ctx context.Context, f wire.State) error {
	l := s.loading[f.ID]
	switch {
	case l == nil:
		return broken(wire.CodeBadSnapshot, "state for region %d, which expects none", f.ID)
	case f.Offset != uint64(len(l.state)) || len(f.Data) == 0 || uint64(len(l.state)+len(f.Data)) > l.head.Size:
		return broken(wire.CodeBadSnapshot, "%d bytes of state at %d, after %d of %d",
			len(f.Data), f.Offset, len(l.state), l.head.Size)
	}
	l.state = append(l.state, f.Data...)
	if uint64(len(l.state)) == l.head.Size {
		delete(s.loading, f.ID)
		s.launch(ctx, l.head, l.state)
	}
	return nil
}

// launch starts a region's goroutine.
func (s *session) launch(ctx context.Context, head wire.Host, state []byte) {
	r := newRegion(s.cfg, head, s.mode, s.out)
	ctx, r.stop = context.WithCancel(ctx)
	s.mu.Lock()
	s.regions[head.ID] = r
	s.mu.Unlock()
	s.start(func() error {
		defer close(r.done)
		return r.run(ctx, state)
	})
}

// unhost ends a region, if there is one, and waits for the end: nothing of it
// may be sent under an ID that could be given to another one next.
func (s *session) unhost(id uint64) {
	r := s.regions[id]
	if r == nil {
		return
	}
	r.stop()
	<-r.done
	s.mu.Lock()
	delete(s.regions, id)
	s.mu.Unlock()
}
