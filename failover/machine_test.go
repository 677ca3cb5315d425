package failover

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/discovery"
)

func TestTiming(t *testing.T) {
	require.NoError(t, DefaultTiming().Validate())
	for name, tc := range map[string]struct {
		change func(*Timing)
		says   string
	}{
		"zero":             {func(tm *Timing) { tm.Stagger = 0 }, "timing stagger is 0s: it must be positive"},
		"negative":         {func(tm *Timing) { tm.Retry = -1 }, "retry"},
		"reports too rare": {func(tm *Timing) { tm.Report = 2 * time.Second }, "must be shorter than witness"},
		"no limit":         {func(tm *Timing) { tm.Limit = 0 }, "limit is 0"},
	} {
		tm := DefaultTiming()
		tc.change(&tm)
		require.ErrorContains(t, tm.Validate(), tc.says, name)
	}
	for rank, want := range []time.Duration{0, 15 * time.Millisecond, 30 * time.Millisecond} {
		require.Equal(t, want, DefaultTiming().ClaimDelay(rank))
	}
}

func TestOrderIsAgreedOnAndSpreads(t *testing.T) {
	v := discovery.View{Region: "arena", Epoch: 1, Servers: []discovery.Server{
		{Incarnation: "a", Passing: true}, {Incarnation: "b"}, {Incarnation: "c", Passing: true}, {Incarnation: "d", Passing: true},
	}}
	order := Order(v, "a")
	require.Len(t, order, 3)
	require.Equal(t, "b", order[2].Incarnation, "a failing check comes last")
	for _, s := range order {
		require.NotEqual(t, "a", s.Incarnation, "the lost holder has no rank")
	}
	v.Servers[2].Draining = true
	order = Order(v, "a")
	require.Equal(t, []string{"d", "c", "b"}, []string{order[0].Incarnation, order[1].Incarnation, order[2].Incarnation}, "who is emptied comes after who stays")
	v.Servers[2].Draining = false

	first := map[string]int{}
	for i := range 300 {
		v.Region = string(rune('A' + i))
		first[Order(v, "")[0].Incarnation]++
	}
	for _, inc := range []string{"a", "c", "d"} {
		require.Greater(t, first[inc], 50, "regions spread over the servers: %v", first)
	}
}

func TestImpossibleTransitionsPanic(t *testing.T) {
	now := time.Unix(0, 0)
	for name, ev := range map[string]CandidateEvent{
		"claimed without a claim": Claimed{Epoch: 4},
	} {
		c := NewCandidate(DefaultTiming(), "a", "s", 0)
		require.Panics(t, func() { c.Step(now, ev) }, name)
	}
}

// Whatever an edge hears, in whatever order, its promise never falls, and it
// follows nobody below it.
func TestRegionNeverFollowsBelowItsPromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := NewRegion(DefaultTiming())
		now := time.Unix(0, 0)
		inc := rapid.SampledFrom([]string{"a", "b", "c"})
		epoch := rapid.Uint64Range(0, 6)
		reason := rapid.SampledFrom([]Reason{ReasonRefused, ReasonSilence, ReasonGameExit})
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "ms")) * time.Millisecond)
			before, followed := m.Promised(), m.Primary()
			var ev RegionEvent
			switch rapid.IntRange(0, 6).Draw(t, "event") {
			case 0:
				h := &discovery.Holder{Incarnation: inc.Draw(t, "holder"), Session: "s"}
				ev = ViewSeen{View: discovery.View{Epoch: epoch.Draw(t, "epoch"), Primary: h, Stale: rapid.Bool().Draw(t, "stale")}}
			case 1:
				ev = LinkUp{inc.Draw(t, "inc")}
			case 2:
				ev = LinkDown{inc.Draw(t, "inc"), reason.Draw(t, "why")}
			case 3:
				ev = ElectedHeard{inc.Draw(t, "inc"), epoch.Draw(t, "epoch")}
			case 4:
				ev = ServingHeard{inc.Draw(t, "inc"), epoch.Draw(t, "epoch")}
			case 5:
				ev = EpochHeard{epoch.Draw(t, "epoch")}
			case 6:
				ev = Tick{}
			}
			cmds := m.Step(now, ev)
			require.GreaterOrEqual(t, m.Promised(), before)
			if m.Phase() == Serving {
				require.Equal(t, m.Promised(), m.Epoch())
			}
			if heard, ok := ev.(ServingHeard); m.Primary() != followed && m.Primary() != "" {
				require.True(t, ok, "only its own word makes a primary")
				require.Equal(t, heard.Incarnation, m.Primary())
			}
			for _, cmd := range cmds {
				if sw, ok := cmd.(Switch); ok {
					require.GreaterOrEqual(t, sw.Epoch, before)
				}
			}
		}
	})
}
