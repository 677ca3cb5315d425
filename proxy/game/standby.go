package game

import (
	"fmt"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// promote makes a standby primary: what came before is applied in silence, what
// comes after is heard.
func (r *region) promote(epoch uint64) error {
	switch {
	case r.failed.Load():
		return r.broken(wire.CodeProtocol, "promotion of a region that could not be hosted")
	case !r.standby:
		return r.broken(wire.CodeProtocol, "promotion of a primary")
	}
	if err := r.flush(); err != nil {
		return err
	}
	if err := r.tell(); err != nil {
		return err
	}
	r.standby, r.out.muted = false, false
	return send(r.out.to, wire.Hosted{
		ID: r.head.ID, Epoch: epoch, OK: true, Outcomes: r.outcomer != nil, Arrivals: r.arriver != nil,
	})
}

// apply gives the World an outcome in place of the actions that came to it. An
// error ends Run: the World may have applied a part.
func (r *region) apply(ev *event) error {
	if err := r.expected(ev); err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	r.calls.Add(1)
	err := r.outcomer.ApplyOutcome(ev.payload)
	r.calls.Add(1)
	if err != nil {
		return fmt.Errorf("%w: region %q, actions %d to %d: %w", ErrOutcome, r.head.Region, ev.from, ev.number, err)
	}
	r.outcome.From, r.outcome.To = ev.from, ev.number
	r.last, r.applied = ev.number, ev.number
	return nil
}

// expected tells whether an outcome may come now: after all that has come, or as
// another part of the outcome that came last.
func (r *region) expected(ev *event) error {
	again := ev.from == r.outcome.From && ev.number == r.outcome.To && ev.number == r.last
	switch {
	case r.outcomer == nil:
		return r.broken(wire.CodeProtocol, "outcome for a World that takes none")
	case ev.from == 0, ev.from > ev.number+1, ev.number < r.last, ev.from <= ev.number && ev.from <= r.last && !again:
		return r.broken(wire.CodeProtocol, "outcome of actions %d to %d after %d", ev.from, ev.number, r.last)
	}
	return nil
}
