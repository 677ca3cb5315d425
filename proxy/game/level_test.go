package game_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// herd is a World that says how much of it is seen.
type herd struct{ diary }

func (h *herd) Level(out *game.Out, level wire.Level, fidelity float64) {
	h.note("%v %v %v", level, fidelity, out.Fidelity())
	out.Broadcast(fmt.Appendf(nil, "%v", level))
}

func (h *herd) Tick(out *game.Out, actions []game.Action) {
	for _, a := range actions {
		h.note("%s at %v", a.Payload, out.Fidelity())
	}
}

var severe = wire.Mode{Level: wire.LevelSevere, Fidelity: 250}

// A World is told of each change, once and between its other calls, and may speak.
func TestLevel(t *testing.T) {
	cfg := of(&herd{})
	cfg.Tick = time.Second
	_ = run(t, cfg, func(s *sidecar) {
		t := s.t
		s.send(wire.Normal())
		require.True(t, s.host(1, "town", 10, []byte{1}).OK)
		s.send(wire.Join{ID: 1, Handle: 4, Here: true, Player: "ann"}, do(11, 4, 1, "a"))
		time.Sleep(time.Second)
		s.send(wire.Mode{Level: wire.LevelLight, Fidelity: 750}, severe, severe, do(12, 4, 2, "b"))
		for _, want := range []string{"light", "severe"} {
			require.Equal(t, wire.Emit{ID: 1, After: 11, Reliable: true, Payload: []byte(want)}, expect[wire.Emit](s))
		}
		time.Sleep(time.Second)
		s.send(wire.Normal())
		require.Equal(t, "normal", string(expect[wire.Emit](s).Payload))
		_, state := s.cut()
		require.Equal(t, "ann joins, a at 1, light 0.75 0.75, severe 0.25 0.25, b at 0.25, normal 1 1", string(state))
	})
}

// What was so before a region is hosted, or while its state is on the way, its World
// is told first; a standby, too, which says nothing.
func TestLevelOfANewRegion(t *testing.T) {
	for name, host := range map[string]wire.Host{
		"primary": {ID: 1, Epoch: 1, Size: 1, Region: "town"},
		"standby": {ID: 1, Epoch: 1, Size: 1, Standby: true, Region: "town"},
	} {
		t.Run(name, func(t *testing.T) {
			_ = run(t, of(&herd{}), func(s *sidecar) {
				t := s.t
				s.send(wire.Mode{Level: wire.LevelLight, Fidelity: 750}, host, severe, wire.State{ID: 1, Data: []byte{1}})
				require.True(t, expect[wire.Hosted](s).OK)
				if !host.Standby {
					require.Equal(t, "severe", string(expect[wire.Emit](s).Payload))
				}
				_, state := s.cut()
				require.Equal(t, "severe 0.25 0.25", string(state))
				synctest.Wait()
				require.Empty(t, s.got)
			})
		})
	}
}

// All regions of a process are told; one that could not be hosted is not.
func TestLevelOfSeveralRegions(t *testing.T) {
	worlds := map[string]*herd{"town": {}, "sea": {}}
	cfg := game.Config{New: func(region string) game.World {
		if w := worlds[region]; w != nil {
			return w
		}
		panic("no such region")
	}}
	_ = run(t, cfg, func(s *sidecar) {
		t := s.t
		require.True(t, s.host(1, "town", 0, nil).OK)
		require.True(t, s.host(2, "sea", 0, nil).OK)
		require.False(t, s.host(3, "sky", 0, nil).OK)
		s.send(severe)
		heard := map[uint64]string{}
		for range 2 {
			e := expect[wire.Emit](s)
			heard[e.ID] = string(e.Payload)
		}
		require.Equal(t, map[uint64]string{1: "severe", 2: "severe"}, heard)
		synctest.Wait()
		require.Empty(t, s.got)
	})
	require.True(t, strings.HasPrefix(worlds["sea"].lines[0], "severe"))
}

// A World that asks, in place of being told.
func TestFidelity(t *testing.T) {
	w := &world{apply: func(out *game.Out, a game.Action) { out.Send(a.Player, fmt.Append(nil, out.Fidelity())) }}
	_ = run(t, of(w), func(s *sidecar) {
		t := s.t
		require.True(t, s.host(1, "town", 0, nil).OK)
		s.send(wire.Join{ID: 1, Handle: 4, Here: true, Player: "ann"}, do(1, 4, 1, ""), severe, do(2, 4, 2, ""), wire.Normal(), do(3, 4, 3, ""))
		for _, want := range []string{"1", "0.25", "1"} {
			require.Equal(t, want, string(expect[wire.Emit](s).Payload))
		}
	})
}
