package game_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// port is a World that lets go whoever says "sail", with what he has said so far,
// and takes in others. Like handlers, it is no Ticker.
type port struct {
	d    dice
	said map[string]string
}

func (p *port) Apply(out *game.Out, a game.Action) {
	if where, ok := strings.CutPrefix(string(a.Payload), "sail "); ok {
		must(out.Transfer(a.Player, where, []byte(p.said[a.Player]), []byte(a.Player+" sails")))
		p.d.note("%s sails", a.Player)
		out.Send(a.Player, []byte("too late"))
		return
	}
	if p.said == nil {
		p.said = map[string]string{}
	}
	p.said[a.Player] += string(a.Payload)
	p.d.Apply(out, a)
}

func (p *port) Arrive(out *game.Out, player string, baggage []byte) {
	p.d.note("%s arrives with %s", player, baggage)
	out.Send(player, append([]byte("welcome with "), baggage...))
}

func (p *port) Snapshot(dst []byte) []byte         { return p.d.Snapshot(dst) }
func (p *port) Restore([]byte) error               { return nil }
func (p *port) ApplyOutcome(delta []byte) error    { return p.d.ApplyOutcome(delta) }
func (p *port) Join(out *game.Out, player string)  { p.d.Join(out, player) }
func (p *port) Leave(out *game.Out, player string) { p.d.Leave(out, player) }
func (s *sidecar) story() string                   { _, state := s.cut(); return string(state) }
func sail(index, from uint64, baggage string) pump.Frame {
	return wire.Transfer{
		ID: 1, From: from, To: index, Player: "ann", Region: "sea", Delta: []byte("ann sails"), Payload: []byte(baggage),
	}
}

// Who was let go hears nothing more, and what is still under way for him is left
// out, until he is back: then he is who he was.
func TestTransfer(t *testing.T) {
	_ = run(t, of(&port{}), func(s *sidecar) {
		require.True(s.t, s.host(1, "town", 10, []byte{1}).Arrivals)
		s.dones.Store(true)
		s.send(known(4, "ann", true), known(5, "bob", true), do(11, 4, 1, "x"), do(12, 4, 2, "sail sea"), do(13, 4, 3, "y"), do(14, 5, 1, "z"))
		s.then(seen(4, 11, "x"), sail(12, 12, "x"), seen(5, 14, "z"), s.done(14))
		s.send(known(4, "ann", true), wire.Leave{ID: 1, Handle: 4}) // were on their way
		s.send(wire.Arrive{ID: 1, Index: 16, Handle: 4, Payload: []byte("fish")}, known(4, "ann", true), do(17, 4, 9, "v"))
		s.then(seen(4, 16, "welcome with fish"), seen(4, 17, "v"), s.done(17))
		require.Equal(s.t, "ann joins, bob joins, ann does x, ann sails, bob does z, ann arrives with fish, ann joins, ann does v", s.story())
		s.send(wire.Leave{ID: 1, Handle: 4})
		require.Contains(s.t, s.story(), "ann leaves")
	})
}

func TestTransferRefused(t *testing.T) {
	type call struct{ player, region, baggage, delta string }
	long := strings.Repeat("x", wire.MaxOutcome+1)
	for why, c := range map[string]call{
		"no player's name":          {region: "sea"},
		"printable UTF-8":           {player: "ann"},
		"1 to 64 bytes":             {player: "ann", region: strings.Repeat("s", 65)},
		"in that region already":    {player: "ann", region: "town"},
		"baggage of 65537":          {player: "ann", region: "sea", baggage: long},
		"delta of 65537":            {player: "ann", region: "sea", delta: long},
		"has been let go already":   {player: "bob", region: "sea"},
		"make the World an Outcome": {player: "ann", region: "sea"},
	} {
		t.Run(why, func(t *testing.T) {
			var err error
			idle := strings.HasPrefix(why, "make")
			w := &joining{}
			w.apply = func(out *game.Out, a game.Action) {
				if !idle {
					require.NoError(t, out.Transfer("bob", "sea", nil, nil))
					err = out.Transfer(c.player, c.region, []byte(c.baggage), []byte(c.delta))
				}
			}
			w.join = func(out *game.Out, player string) {
				if idle {
					err = out.Transfer(player, "sea", nil, nil)
				}
			}
			_ = run(t, of(w), func(s *sidecar) {
				s.host(1, "town", 0, nil)
				s.send(known(4, "ann", true), do(1, 4, 1, ""))
				if !idle {
					require.Equal(s.t, "bob", expect[wire.Transfer](s).Player)
				}
				s.cut() // and no transfer before it
			})
			require.ErrorIs(t, err, game.ErrTransfer)
			require.ErrorContains(t, err, why)
		})
	}
	var kept *game.Out
	w := &world{apply: func(out *game.Out, _ game.Action) { kept = out }}
	_ = run(t, of(w), func(s *sidecar) {
		s.host(1, "town", 0, nil)
		s.send(known(4, "ann", true), do(1, 4, 1, ""))
		s.cut()
		require.ErrorContains(s.t, kept.Transfer("ann", "sea", nil, nil), "no call is in progress")
	})
}

// joining is a World made of functions that is a Joiner.
type joining struct {
	world
	join func(out *game.Out, player string)
}

func (w *joining) Join(out *game.Out, player string) { w.join(out, player) }
func (w *joining) Leave(*game.Out, string)           {}

// The largest baggage and the largest delta pass.
func TestTransferLargest(t *testing.T) {
	w := &world{apply: func(out *game.Out, a game.Action) {
		_ = out.Transfer(a.Player, "sea", make([]byte, wire.MaxOutcome), make([]byte, wire.MaxOutcome))
	}}
	_ = run(t, of(w), func(s *sidecar) {
		s.host(1, "town", 0, nil)
		s.send(known(4, "ann", true), do(1, 4, 1, ""))
		f := expect[wire.Transfer](s)
		require.Equal(s.t, 2*wire.MaxOutcome, len(f.Delta)+len(f.Payload))
	})
}

// A standby lets go in silence, and takes in as the primary does.
func TestTransferOnStandby(t *testing.T) {
	_ = run(t, of(&port{}), func(s *sidecar) {
		s.standby(0)
		s.send(known(4, "ann", false), do(1, 4, 1, "sail sea"), wire.Arrive{ID: 1, Index: 3, Handle: 4, Payload: []byte("fish")})
		s.then(s.done(3))
		s.send(wire.Promote{ID: 1, Epoch: 2})
		require.True(s.t, expect[wire.Hosted](s).Arrivals)
		s.send(do(4, 4, 2, "x"))
		s.then(seen(4, 4, "x"), s.done(4))
		require.Equal(s.t, "ann sails, ann arrives with fish, ann does x", s.story())
	})
}

// ferry is a port in ticks, from which somebody may be taken between them.
type ferry struct {
	port
	take string // who sails when somebody else joins
}

func (f *ferry) Tick(out *game.Out, actions []game.Action) {
	for _, a := range actions {
		f.Apply(out, a)
	}
}

func (f *ferry) Join(out *game.Out, player string) {
	f.port.Join(out, player)
	if f.take != "" && player != f.take {
		must(out.Transfer(f.take, "sea", nil, []byte("ann sails")))
	}
}

// In ticks, a transfer stands for all actions of its tick, what comes later for the
// player is left out, and an arrival comes after the tick with what came before it.
func TestTransferInTicks(t *testing.T) {
	cfg := of(&ferry{})
	cfg.Tick = time.Second
	_ = run(t, cfg, func(s *sidecar) {
		s.host(1, "town", 10, []byte{1})
		s.dones.Store(true)
		s.send(known(4, "ann", true), known(5, "bob", true), do(11, 4, 1, "sail sea"), do(13, 5, 1, "z"))
		time.Sleep(1500 * time.Millisecond)
		s.then(sail(13, 11, ""), seen(5, 13, "z"), s.done(13))
		s.send(do(14, 4, 2, "y"))
		s.then(s.done(14))
		s.send(do(15, 5, 2, "z"), do(16, 4, 3, "y"), wire.Arrive{ID: 1, Index: 17, Handle: 4, Payload: []byte("fish")})
		s.then(seen(5, 16, "z"), seen(4, 17, "welcome with fish"), s.done(17))
	})
}

// In a tick a player leaves with one of his actions, and those after it are his still.
func TestTransferAfter(t *testing.T) {
	cfg := of(&gate{})
	cfg.Tick = time.Second
	_ = run(t, cfg, func(s *sidecar) {
		s.host(1, "town", 10, []byte{1})
		s.dones.Store(true)
		s.send(known(4, "ann", true), known(5, "bob", true))
		s.send(do(11, 4, 7, "x"), do(12, 5, 1, "z"), do(13, 4, 8, "sail"), do(14, 4, 9, "y"), do(15, 5, 2, "z"))
		time.Sleep(1500 * time.Millisecond)
		s.then(wire.Transfer{ID: 1, From: 11, To: 15, Seq: 8, Player: "ann", Region: "sea", Delta: []byte("d"), Payload: []byte("b")}, s.done(15))
	})
}

// gate is a World in ticks that lets go whoever says "sail".
type gate struct{ diary }

func (g *gate) Tick(out *game.Out, actions []game.Action) {
	for _, a := range actions {
		if string(a.Payload) == "sail" {
			must(out.TransferAfter(a, "sea", []byte("b"), []byte("d")))
		}
	}
}

// Who is let go between two ticks takes along what waits for the next one.
func TestTransferBetweenTicks(t *testing.T) {
	cfg := of(&ferry{take: "ann"})
	cfg.Tick = time.Second
	_ = run(t, cfg, func(s *sidecar) {
		s.host(1, "town", 10, []byte{1})
		s.dones.Store(true)
		s.send(known(4, "ann", true), do(11, 4, 1, "y"), known(5, "bob", true))
		s.then(sail(10, 11, ""))
		time.Sleep(1500 * time.Millisecond)
		s.then(s.done(11))
		require.Equal(s.t, "ann joins, bob joins", s.story())
	})
}

func TestBadArrivals(t *testing.T) {
	hosted := []pump.Frame{wire.Host{ID: 1, Region: "town", New: true}, known(9, "ann", false)}
	for name, c := range map[string]struct {
		w    game.World
		then []pump.Frame
		want error
	}{
		"nobody's":       {&port{}, []pump.Frame{wire.Arrive{ID: 1, Index: 1, Handle: 8}}, &wire.Error{Code: wire.CodeBadHandle}},
		"an index again": {&port{}, []pump.Frame{do(1, 9, 1, ""), wire.Arrive{ID: 1, Index: 1, Handle: 9}}, &wire.Error{Code: wire.CodeProtocol}},
		"not hosted":     {&port{}, []pump.Frame{wire.Arrive{ID: 2, Index: 1, Handle: 9}}, &wire.Error{Code: wire.CodeProtocol}},
		"no Arriver":     {&world{}, []pump.Frame{wire.Arrive{ID: 1, Index: 1, Handle: 9}}, game.ErrArriver},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t, of(c.w), func(s *sidecar) {
				s.send(append(hosted, c.then...)...)
				for open := true; open; { // until the game hangs up
					_, open = <-s.got
				}
			})
			var want, got *wire.Error
			if !errors.As(c.want, &want) {
				require.ErrorIs(t, err, c.want)
				require.ErrorContains(t, err, "ann")
				return
			}
			require.ErrorAs(t, err, &got)
			require.Equal(t, want.Code.String(), got.Code.String(), "%v", err)
		})
	}
}

// Arrive is a call as any other: it can hang, and commit.
func TestArriveCommits(t *testing.T) {
	_ = run(t, of(&customs{}), func(s *sidecar) {
		s.host(1, "town", 0, nil)
		s.dones.Store(true)
		s.send(known(4, "ann", false), wire.Arrive{ID: 1, Index: 5, Handle: 4, Payload: []byte("fish")})
		synctest.Wait()
		s.then(outcome(5, 5, "duty on fish"), s.done(5))
	})
}

// customs commits what it makes of those who arrive.
type customs struct{ committer }

func (c *customs) Arrive(out *game.Out, _ string, baggage []byte) {
	out.Commit(append([]byte("duty on "), baggage...))
}
