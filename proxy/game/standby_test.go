package game_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// dice is a World whose actions come to what they call for: "commit x" commits
// x, other payloads commit nothing.
type dice struct {
	diary
	fail error
}

func (d *dice) Apply(out *game.Out, a game.Action) {
	d.note("%s does %s", a.Player, a.Payload)
	for part := range strings.SplitSeq(string(a.Payload), "; ") {
		if what, ok := strings.CutPrefix(part, "commit "); ok {
			out.Commit([]byte(what))
		}
	}
	out.Send(a.Player, a.Payload)
}

func (d *dice) ApplyOutcome(delta []byte) error {
	d.note("outcome %s", delta)
	return d.fail
}

// roller is dice in tick style.
type roller struct {
	dice
	idle string // what a tick without actions commits
}

func (r *roller) Tick(out *game.Out, actions []game.Action) {
	if len(actions) == 0 && r.idle != "" {
		r.note("time")
		out.Commit([]byte(r.idle))
	}
	for _, a := range actions {
		r.Apply(out, a)
	}
}

// handlers is dice without the Tick that its diary has.
type handlers struct{ d dice }

func (h *handlers) Apply(out *game.Out, a game.Action) { h.d.Apply(out, a) }
func (h *handlers) ApplyOutcome(delta []byte) error    { return h.d.ApplyOutcome(delta) }
func (h *handlers) Join(out *game.Out, player string)  { h.d.Join(out, player) }
func (h *handlers) Leave(out *game.Out, player string) { h.d.Leave(out, player) }
func (h *handlers) Snapshot(dst []byte) []byte         { return h.d.Snapshot(dst) }
func (h *handlers) Restore([]byte) error               { return nil }
func outcome(from, to uint64, delta string) wire.Outcome {
	return wire.Outcome{ID: 1, From: from, To: to, Payload: []byte(delta)}
}

func seen(handle, after uint64, what string) wire.Emit {
	return wire.Emit{ID: 1, Handle: handle, After: after, Reliable: true, Payload: []byte(what)}
}

func known(handle uint64, player string, here bool) wire.Join {
	return wire.Join{ID: 1, Handle: handle, Here: here, Player: player}
}

// standby makes the game host region 1 as a standby.
func (s *sidecar) standby(index uint64) wire.Hosted {
	s.dones.Store(true)
	s.send(wire.Host{ID: 1, Epoch: 4, Index: index, New: index == 0, Standby: true, Region: "town"})
	return expect[wire.Hosted](s)
}

// then expects exactly these frames next. How many actions come in one batch is not said,
// so a Done may stand between any two.
func (s *sidecar) then(frames ...any) {
	s.t.Helper()
	for _, want := range frames {
		got := <-s.got
		for done, ok := got.(wire.Done); ok && want != any(done); done, ok = got.(wire.Done) {
			got = <-s.got
		}
		require.Equal(s.t, want, got)
	}
	synctest.Wait()
	require.Empty(s.t, s.got)
}

func (s *sidecar) done(index uint64) wire.Done { return wire.Done{ID: 1, Index: index} }

// A standby follows in silence, and is heard from its promotion on.
func TestStandbyPromoted(t *testing.T) {
	_ = run(t, of(&handlers{}), func(s *sidecar) {
		t := s.t
		require.True(t, s.hello.Standby)
		require.Equal(t, wire.Hosted{ID: 1, Epoch: 4, OK: true, Outcomes: true}, s.standby(10))
		s.send(known(4, "ann", false), do(11, 4, 1, "x"), do(12, 4, 2, "commit y"), outcome(13, 14, "z"))
		s.then(s.done(14))
		s.send(wire.Promote{ID: 1, Epoch: 5}, do(15, 4, 5, "commit t"), outcome(16, 16, "u"), known(4, "ann", true), do(17, 4, 7, "v"))
		s.then(
			wire.Hosted{ID: 1, Epoch: 5, OK: true, Outcomes: true},
			outcome(15, 15, "t"), seen(4, 15, "commit t"), seen(4, 17, "v"), s.done(17),
		)
		index, state := s.cut()
		require.EqualValues(t, 17, index)
		require.Equal(t, "ann does x, ann does commit y, outcome z, ann does commit t, outcome u, ann joins, ann does v", string(state))
	})
}

// What a standby keeps to itself is not counted as dropped.
func TestStandbyDropsNothing(t *testing.T) {
	var kept *game.Out
	w := &world{apply: func(out *game.Out, _ game.Action) {
		kept = out
		out.Send("nobody", make([]byte, wire.MaxUpdate+1))
		out.Broadcast(nil)
		out.Commit(make([]byte, wire.MaxOutcome+1))
	}}
	err := run(t, of(w), func(s *sidecar) {
		t := s.t
		require.False(t, s.standby(0).Outcomes)
		s.send(known(4, "ann", false), do(1, 4, 1, ""), wire.Leave{ID: 1, Handle: 4})
		s.then(s.done(1))
		require.Zero(t, kept.Dropped())
		s.send(wire.Promote{ID: 1, Epoch: 5}, do(2, 4, 2, "")) // a handle keeps its name
		s.then(wire.Hosted{ID: 1, Epoch: 5, OK: true}, wire.Emit{ID: 1, After: 2, Reliable: true, Payload: []byte{}}, s.done(2))
		require.EqualValues(t, 2, kept.Dropped())
	})
	require.ErrorIs(t, err, game.ErrSidecarGone)
}

func TestNoStandby(t *testing.T) {
	cfg := of(&world{})
	cfg.NoStandby = true
	err := run(t, cfg, func(s *sidecar) {
		require.False(s.t, s.hello.Standby)
		s.send(wire.Host{ID: 1, New: true, Standby: true, Region: "town"})
		_, open := <-s.got
		require.False(s.t, open)
	})
	require.ErrorContains(t, err, "did not offer")
}

// On a standby, time passes for a World that commits no outcomes.
func TestStandbyTicks(t *testing.T) {
	cfg := of(&diary{})
	cfg.Tick = time.Second
	_ = run(t, cfg, func(s *sidecar) {
		s.standby(0)
		s.send(known(4, "ann", false), do(1, 4, 1, "x"))
		s.then()
		time.Sleep(time.Second)
		s.then(s.done(1))
		s.send(do(2, 4, 2, "y"), wire.Promote{ID: 1, Epoch: 5}, do(3, 4, 3, "z"))
		s.then(s.done(2), wire.Hosted{ID: 1, Epoch: 5, OK: true}) // y is not told: it came before
		time.Sleep(time.Second)
		s.then(seen(4, 3, "z"), s.done(3))
	})
}

// On a standby, time stands still for a World that commits outcomes.
func TestStandbyTicksByOutcomes(t *testing.T) {
	cfg := of(&roller{idle: "i"})
	cfg.Tick = time.Second
	_ = run(t, cfg, func(s *sidecar) {
		t := s.t
		s.standby(0)
		s.send(known(4, "ann", false), outcome(1, 0, "a"), outcome(1, 2, "b"), outcome(1, 2, "c"))
		time.Sleep(3500 * time.Millisecond)
		s.then(s.done(2))
		s.send(do(3, 4, 1, "x"), outcome(4, 4, "d"), do(5, 4, 2, "y"))
		synctest.Wait()
		_, state := s.cutAfter(s.done(4))
		require.Equal(t, "outcome a, outcome b, outcome c, ann does x, outcome d", string(state))
		time.Sleep(time.Second)
		s.then(s.done(5))
		s.send(wire.Promote{ID: 1, Epoch: 5})
		s.then(wire.Hosted{ID: 1, Epoch: 5, OK: true, Outcomes: true})
		time.Sleep(time.Second)
		s.then(outcome(6, 5, "i"))
		_, state = s.cut()
		require.True(t, strings.HasSuffix(string(state), "ann does y, time"))
	})
}

// cutAfter is cut when a frame comes first.
func (s *sidecar) cutAfter(first any) (uint64, []byte) {
	require.Equal(s.t, first, <-s.got)
	return s.cut()
}

func TestBadStandbyFrames(t *testing.T) {
	host := wire.Host{ID: 1, Region: "town", New: true, Standby: true}
	ready := []pump.Frame{host, known(4, "ann", false), do(1, 4, 1, ""), outcome(2, 3, "")}
	for name, c := range map[string]struct {
		first []pump.Frame
		then  pump.Frame
		want  wire.Code
	}{
		"promotion of none":         {nil, wire.Promote{ID: 1}, wire.CodeProtocol},
		"promotion while loading":   {[]pump.Frame{wire.Host{ID: 1, Region: "town", Size: 4, Standby: true}}, wire.Promote{ID: 1}, wire.CodeProtocol},
		"promotion of a primary":    {[]pump.Frame{wire.Host{ID: 1, Region: "town", New: true}}, wire.Promote{ID: 1}, wire.CodeProtocol},
		"promoted twice":            {append(ready, wire.Promote{ID: 1, Epoch: 2}), wire.Promote{ID: 1, Epoch: 3}, wire.CodeProtocol},
		"promotion of a failed":     {[]pump.Frame{wire.Host{ID: 1, Region: "ruin", New: true, Standby: true}}, wire.Promote{ID: 1}, wire.CodeProtocol},
		"somebody is there":         {ready, known(4, "ann", true), wire.CodeProtocol},
		"outcome to one that can't": {[]pump.Frame{wire.Host{ID: 1, Region: "plain", New: true, Standby: true}}, outcome(1, 1, ""), wire.CodeProtocol},
		"outcome of none":           {nil, outcome(1, 1, ""), wire.CodeProtocol},
		"outcome from 0":            {ready, outcome(0, 4, ""), wire.CodeProtocol},
		"outcome of the past":       {ready, outcome(1, 1, ""), wire.CodeProtocol},
		"outcome after the past":    {ready, outcome(3, 2, ""), wire.CodeProtocol},
		"outcome that overlaps":     {ready, outcome(3, 4, ""), wire.CodeProtocol},
		"outcome of less than none": {ready, outcome(9, 4, ""), wire.CodeProtocol},
		"action of an outcome":      {ready, do(3, 4, 3, ""), wire.CodeProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := game.Config{New: func(region string) game.World {
				switch region {
				case "ruin":
					return nil
				case "plain":
					return &world{}
				}
				return &handlers{}
			}}
			err := run(t, cfg, func(s *sidecar) {
				for _, f := range append(c.first, c.then) {
					s.send(f)
				}
				for open := true; open; { // until the game hangs up
					_, open = <-s.got
				}
			})
			var broke *wire.Error
			require.ErrorAs(t, err, &broke)
			require.Equal(t, c.want.String(), broke.Code.String(), "%v", err)
		})
	}
}
