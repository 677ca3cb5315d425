package game

import "slices"

// gather keeps an action for the next tick.
func (r *region) gather(index uint64, a Action) {
	if len(r.gathered) == 0 {
		r.first = index
	}
	start := len(r.memory)
	r.memory = append(r.memory, a.Payload...)
	a.Payload = r.memory[start:len(r.memory):len(r.memory)]
	r.gathered = append(r.gathered, a)
}

// full bounds what a tick is given, for the reason that bounds an inbox.
func (r *region) full() bool { return len(r.gathered) >= maxEvents || len(r.memory) >= maxBytes }

// timer is the time of a tick. On the standby of a World that commits, time
// passes by the primary's outcomes: there is a tick only for actions that came
// without one.
func (r *region) timer() error {
	if r.standby && r.outcomer != nil && len(r.gathered) == 0 {
		return nil
	}
	if err := r.tick(); err != nil {
		return err
	}
	return r.tell()
}

// tick gives the World what was gathered, and then tells who has left.
func (r *region) tick() error {
	if len(r.out.gone) > 0 { // let go by a call between the ticks: their actions go along
		r.gathered = slices.DeleteFunc(r.gathered, func(a Action) bool { return r.out.gone[a.Player] })
	}
	if len(r.gathered) == 0 {
		r.beginIdle()
	} else {
		r.begin(r.first, r.last)
	}
	r.ticker.Tick(&r.out, r.gathered)
	r.applied = r.last
	if err := r.end(); err != nil {
		return err
	}
	r.gathered, r.memory = r.gathered[:0], r.memory[:0]
	for _, player := range r.leaving {
		if err := r.tellLeave(player); err != nil {
			return err
		}
	}
	r.leaving = r.leaving[:0]
	return nil
}

// flush applies what was gathered, because something comes that is after it.
func (r *region) flush() error {
	if len(r.gathered) == 0 {
		return nil
	}
	return r.tick()
}
