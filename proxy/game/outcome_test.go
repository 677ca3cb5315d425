package game_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// An outcome says which actions it stands for.
func TestCommitRange(t *testing.T) {
	_ = run(t, of(&handlers{}), func(s *sidecar) {
		s.host(1, "town", 10, []byte{1})
		s.dones.Store(true)
		s.send(known(4, "ann", true), do(11, 4, 1, "commit a; commit b"))
		s.then(outcome(11, 11, "a"), outcome(11, 11, "b"), seen(4, 11, "commit a; commit b"), s.done(11))
	})
	cfg := of(&roller{})
	cfg.Tick = time.Second
	_ = run(t, cfg, func(s *sidecar) {
		s.host(1, "town", 10, []byte{1})
		s.dones.Store(true)
		s.send(known(4, "ann", true), do(12, 4, 1, "x"), do(13, 4, 2, "commit a"), do(15, 4, 3, "y")) // 11 and 14 were refused
		time.Sleep(1500 * time.Millisecond)
		s.then(seen(4, 15, "x"), outcome(12, 15, "a"), seen(4, 15, "commit a"), seen(4, 15, "y"), s.done(15))
	})
}

// What a long run of actions has caused does not wait for its end.
func TestDoneInBetween(t *testing.T) {
	w := &world{apply: func(*game.Out, game.Action) { time.Sleep(time.Second) }}
	_ = run(t, of(w), func(s *sidecar) {
		t := s.t
		s.host(1, "town", 0, nil)
		s.dones.Store(true)
		s.send(known(4, "ann", true), do(1, 4, 1, ""))
		synctest.Wait()
		for i := uint64(2); i <= 201; i++ { // come while the first one is applied
			s.send(do(i, 4, i, ""))
		}
		for _, want := range []uint64{1, 65, 129, 193, 201} {
			require.Equal(t, want, expect[wire.Done](s).Index)
		}
	})
}

func TestCommitsDropped(t *testing.T) {
	var kept *game.Out
	d := &handlers{}
	cfg := game.Config{New: func(region string) game.World {
		if region == "town" {
			return &world{apply: func(out *game.Out, _ game.Action) { kept = out; out.Commit(nil) }}
		}
		return d
	}}
	_ = run(t, cfg, func(s *sidecar) {
		t := s.t
		s.host(1, "town", 0, nil)
		s.send(known(4, "ann", true), do(1, 4, 1, ""))
		s.cut()
		require.EqualValues(t, 1, kept.Dropped())
	})
	w := &committer{}
	_ = run(t, of(w), func(s *sidecar) {
		t := s.t
		s.host(1, "town", 0, nil)
		s.send(known(4, "ann", true), do(1, 4, 1, ""))
		require.Len(t, expect[wire.Outcome](s).Payload, wire.MaxOutcome)
		s.cut()
		w.out.Commit(nil)
		require.EqualValues(t, 1, w.out.Dropped())
	})
}

// committer commits as much as the action's seq says above the limit.
type committer struct {
	world
	out *game.Out
}

func (c *committer) ApplyOutcome([]byte) error { return nil }
func (c *committer) Apply(out *game.Out, a game.Action) {
	c.out = out
	out.Commit(make([]byte, wire.MaxOutcome+int(a.Seq)-1))
}

func TestCommitTooLarge(t *testing.T) {
	err := run(t, of(&committer{}), func(s *sidecar) {
		t := s.t
		s.host(1, "town", 0, nil)
		s.send(known(4, "ann", true), do(1, 4, 2, ""))
		_, open := <-s.got
		require.False(t, open)
	})
	require.ErrorIs(t, err, game.ErrOutcomeTooLarge)
	require.ErrorContains(t, err, "town")
}

func TestOutcomeFails(t *testing.T) {
	torn := errors.New("torn")
	w := &handlers{d: dice{fail: torn}}
	err := run(t, of(w), func(s *sidecar) {
		t := s.t
		s.standby(0)
		s.send(outcome(1, 2, "x"))
		_, open := <-s.got
		require.False(t, open)
	})
	require.ErrorIs(t, err, game.ErrOutcome)
	require.ErrorIs(t, err, torn)
	require.ErrorContains(t, err, "actions 1 to 2")
	require.NotErrorIs(t, err, game.ErrSidecarGone)
}

// Applying an outcome is a call as any other: it can hang.
func TestOutcomeHangs(t *testing.T) {
	cfg := of(&sleeper{})
	cfg.Hang = time.Second
	_ = run(t, cfg, func(s *sidecar) {
		s.standby(0)
		s.send(outcome(1, 1, ""))
		time.Sleep(1100 * time.Millisecond)
		before := s.beats.Load()
		time.Sleep(time.Second)
		require.Equal(s.t, before, s.beats.Load())
	})
}

type sleeper struct{ world }

func (*sleeper) ApplyOutcome([]byte) error { time.Sleep(5 * time.Second); return nil }

// Who left can still have an action under way, and is not answered.
func TestActionAfterLeave(t *testing.T) {
	_ = run(t, of(&handlers{}), func(s *sidecar) {
		t := s.t
		s.host(1, "town", 0, nil)
		s.send(
			known(4, "ann", true), known(4, "ann", false), // says nothing about her being there
			wire.Leave{ID: 1, Handle: 4}, do(1, 4, 1, "x"), wire.Leave{ID: 1, Handle: 4},
			known(4, "ann", false), do(2, 4, 2, "y"), // a tail is answered
			known(5, "bob", true), known(6, "bob", false), do(3, 6, 1, "z"), wire.Leave{ID: 1, Handle: 6}, do(4, 5, 1, "z"),
		)
		require.Equal(t, seen(4, 2, "y"), expect[wire.Emit](s))
		require.Equal(t, seen(5, 3, "z"), expect[wire.Emit](s), "where he is")
		require.Equal(t, seen(5, 4, "z"), expect[wire.Emit](s))
		_, state := s.cut()
		require.Equal(t, "ann joins, ann leaves, ann does x, ann does y, bob joins, bob does z, bob does z", string(state))
	})
}
