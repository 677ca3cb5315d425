package player

import (
	"context"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// event is one call of the Handler to be made. kind is the type of the frame
// that caused it.
type event struct {
	kind    wire.Type
	seq     uint64 // Durable, Refused; Reseated: applied
	epoch   uint64
	code    wire.Code
	on      bool
	text    string // Refused; Moved: the region
	mode    wire.Mode
	payload []byte
	err     error
}

// The kinds of events that no frame causes.
const (
	lost wire.Type = 1<<62 + iota // above all types that a frame can have
	resumed
)

// tell queues an event. It waits while the queue is full, so that a Handler
// which is too slow holds up the edge, until ctx ends.
func (c *Client) tell(ctx context.Context, ev event) error {
	select {
	case c.news <- ev:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// offer queues an unreliable update, in place of the oldest if there is no room.
// Only the datagram reader calls it.
func (c *Client) offer(payload []byte) {
	for {
		select {
		case c.datagrams <- payload:
			return
		default:
		}
		select {
		case <-c.datagrams:
			c.dropped.Add(1)
		default:
		}
	}
}

// callbacks calls the Handler until the session has ended and all is told.
func (c *Client) callbacks() {
	defer close(c.done)
	for {
		select {
		case ev, open := <-c.news:
			if !open {
				return
			}
			if !c.closing.Load() {
				c.cfg.Handler.call(ev)
			}
		case payload := <-c.datagrams:
			if !c.closing.Load() {
				c.cfg.Handler.call(event{kind: wire.TypeUpdate, payload: payload})
			}
		}
	}
}

func (h *Handler) call(ev event) {
	switch {
	case ev.kind == wire.TypeUpdate && h.Update != nil:
		h.Update(ev.payload, ev.on)
	case ev.kind == wire.TypeDurable && h.Durable != nil:
		h.Durable(ev.seq)
	case ev.kind == wire.TypeHold && h.Hold != nil:
		h.Hold(ev.code)
	case ev.kind == wire.TypeReseated && h.Reseated != nil:
		h.Reseated(ev.epoch, ev.seq)
	case ev.kind == wire.TypeRefused && h.Refused != nil:
		h.Refused(ev.seq, ev.code, ev.text)
	case ev.kind == wire.TypePressure && h.Pressure != nil:
		h.Pressure(ev.on)
	case ev.kind == wire.TypeProtection && h.Protection != nil:
		h.Protection(ev.on)
	case ev.kind == wire.TypeMoved && h.Moved != nil:
		h.Moved(ev.text)
	case ev.kind == wire.TypeMode && h.Level != nil:
		h.Level(ev.mode.Level, ev.mode.Share())
	case ev.kind == lost && h.Lost != nil:
		h.Lost(ev.err)
	case ev.kind == resumed && h.Resumed != nil:
		h.Resumed()
	}
}
