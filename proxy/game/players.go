package game

import (
	"slices"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// join learns a handle, which means one player for ever, and tells of a player
// who is there.
func (r *region) join(ev *event) error {
	known, again := r.players[ev.handle]
	switch {
	case ev.handle == everybody || again && known != ev.player:
		return r.broken(wire.CodeBadHandle, "handle %d for %q is %q", ev.handle, ev.player, known)
	case ev.here && r.standby:
		return r.broken(wire.CodeProtocol, "%q is there, on a standby", ev.player)
	}
	r.players[ev.handle] = ev.player
	if r.out.gone[ev.player] {
		return nil // this was on its way
	}
	if _, there := r.here[ev.player]; !there || ev.here {
		r.out.handles[ev.player] = ev.handle
	}
	if !ev.here {
		return nil
	}
	r.here[ev.player] = ev.handle
	// Back before the tick that would have told of the leave: there was none.
	r.leaving = slices.DeleteFunc(r.leaving, func(p string) bool { return p == ev.player })
	if r.joiner == nil {
		return nil
	}
	r.beginIdle()
	r.joiner.Join(&r.out, ev.player)
	return r.end()
}

// leave ends a player's being there. The handle keeps its name: an action that
// was under way may still come.
func (r *region) leave(handle uint64) error {
	player, known := r.players[handle]
	if !known {
		return r.broken(wire.CodeBadHandle, "leave of unknown handle %d", handle)
	}
	if r.out.handles[player] == handle {
		delete(r.out.handles, player)
	}
	if r.here[player] != handle {
		return nil // was not there, or has come back under another handle
	}
	delete(r.here, player)
	if r.out.gone[player] {
		return nil // it was the World that let him go
	}
	if len(r.gathered) > 0 {
		r.leaving = append(r.leaving, player)
		return nil
	}
	return r.tellLeave(player)
}

func (r *region) tellLeave(player string) error {
	if r.joiner == nil || r.out.gone[player] {
		return nil
	}
	r.beginIdle()
	r.joiner.Leave(&r.out, player)
	return r.end()
}
