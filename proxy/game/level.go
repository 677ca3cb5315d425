package game

import (
	"context"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Leveler is a World that wants to know when so much has failed at once that the
// mesh gives something up, so that it can do less, too. What there is to know while
// it works it can ask [Out.Fidelity] for.
type Leveler interface {
	// Level is called at each change, and at first if all is not normal: on
	// standbys, too, where Out is silent. fidelity, from 0 to 1, is the share of
	// unreliable updates that still reach their players. Level is told nothing that
	// is part of the state, and must change nothing that is.
	Level(out *Out, level wire.Level, fidelity float64)
}

// Fidelity is the share of unreliable updates that reach their players, from 0 to 1:
// edges leave out the others, except in regions that they are told are critical. It
// is 1 as long as all is well, and stays the same during a call.
//
// A game need not see to it itself; but it can save itself the work, and the
// processor's time, of what few will see: move a crowd of animals in every second
// tick only, or show positions less often. What it sends less often is left out as
// often, all the same. It must not depend on this what becomes of the state, unless
// that is committed: a standby may be told later, or never.
func (o *Out) Fidelity() float64 { return o.mode.Share() }

// takeMode takes the mesh's word, for all regions and for those that are to come.
func (s *session) takeMode(ctx context.Context, f wire.Mode) error {
	s.mode = f
	for _, r := range s.regions {
		if err := r.inbox.put(ctx, event{kind: wire.TypeMode, number: uint64(f.Level), seq: f.Fidelity}, nil); err != nil {
			return err
		}
	}
	return nil
}

// setMode tells the World what has changed.
func (r *region) setMode(mode wire.Mode) error {
	if mode == r.out.mode {
		return nil
	}
	r.out.mode = mode
	if r.leveler == nil {
		return nil
	}
	r.beginIdle()
	r.leveler.Level(&r.out, mode.Level, mode.Share())
	return r.end()
}
