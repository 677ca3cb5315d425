package proxy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
)

// The records and their stages are bounded; the newest ones are kept, and one that
// is forgotten is not noted any more.
func TestFailoversAreBounded(t *testing.T) {
	e := &Edge{}
	for range keptFailovers + 5 {
		e.failovers.begin(Failover{Region: "arena"})
	}
	all := e.Failovers()
	require.Len(t, all, keptFailovers)
	require.EqualValues(t, 6, all[0].ID)
	require.EqualValues(t, keptFailovers+5, all[keptFailovers-1].ID)

	for range maxStages + 5 {
		e.failovers.change(50, func(f *Failover) { f.note(Event{Kind: EventElected, At: time.Unix(1, 0)}) })
	}
	e.failovers.change(3, func(*Failover) { t.Fatal("that one is gone") })
	f := e.Failovers()[50-6]
	require.Len(t, f.Stages, maxStages)
	f.Stages[0].Kind = "other" // a copy
	require.Equal(t, EventElected, e.Failovers()[50-6].Stages[0].Kind)

	e.failovers.change(60, func(f *Failover) { f.Reason, f.Started = failover.ReasonDeposed, time.Now() })
	r := &region{edge: e, course: course{last: 60, from: "a"}}
	r.learn("b", failover.ReasonRefused)
	r.learn("a", failover.ReasonClosed)
	require.Equal(t, failover.ReasonDeposed, e.Failovers()[60-6].Reason, "neither is about why it was lost")
	r.learn("a", failover.ReasonRefused)
	require.Equal(t, failover.ReasonRefused, e.Failovers()[60-6].Reason)
	r.learn("a", failover.ReasonGameExit)
	require.Equal(t, failover.ReasonRefused, e.Failovers()[60-6].Reason, "the first word counts")
	e.failovers.change(60, func(f *Failover) { f.Reason, f.Started = failover.ReasonDeposed, time.Now().Add(-hindsight) })
	r.learn("a", failover.ReasonRefused)
	require.Equal(t, failover.ReasonDeposed, e.Failovers()[60-6].Reason, "it died of something else, later")

	e.failovers.change(61, func(f *Failover) { f.Reason, f.Started = failover.ReasonLeft, time.Now() })
	r.course.last = 61
	r.view.Servers = []discovery.Server{{Incarnation: "b", Fault: "game_hang"}}
	r.consult()
	require.Equal(t, failover.ReasonLeft, e.Failovers()[61-6].Reason, "another server")
	r.view.Servers = []discovery.Server{{Incarnation: "a", Fault: "serverless"}}
	r.consult()
	require.Equal(t, failover.ReasonLeft, e.Failovers()[61-6].Reason, "a word that says nothing")
	r.view.Servers = []discovery.Server{{Incarnation: "a", Fault: "game_exit"}}
	r.consult()
	require.Equal(t, failover.ReasonGameExit, e.Failovers()[61-6].Reason, "its stream ended before its word was read, and Consul had it")

	e.ForgetFailovers()
	require.Empty(t, e.Failovers())
	require.EqualValues(t, keptFailovers+6, e.failovers.begin(Failover{}), "IDs are not used again")
}

// A failover is counted once, when its reason is final: after a second, when its
// record makes room for others, or when it is forgotten.
func TestFailoversAreCounted(t *testing.T) {
	var l failovers
	now := time.Now()
	l.begin(Failover{Region: "b", Reason: failover.ReasonSilence, Started: now.Add(-2 * hindsight)})
	l.begin(Failover{Region: "a", Reason: failover.ReasonDeposed, Started: now})
	silence := FailoverCount{"b", failover.ReasonSilence, 1}
	require.Equal(t, []FailoverCount{silence}, l.counts(now))
	l.change(2, func(f *Failover) { f.Reason = failover.ReasonGameExit })
	want := []FailoverCount{{"a", failover.ReasonGameExit, 1}, silence}
	for range 2 {
		require.Equal(t, want, l.counts(now.Add(hindsight)))
	}

	for range keptFailovers + 1 { // a sidecar may say what it likes
		l.begin(Failover{Region: "a", Reason: "code_9999", Started: now.Add(hindsight)})
	}
	require.Equal(t, append(want[:1:1], FailoverCount{"a", failover.ReasonNone, 1}, silence), l.counts(now.Add(hindsight)))
	e := &Edge{failovers: failovers{list: l.list, sums: l.sums}}
	e.ForgetFailovers()
	require.Equal(t, []FailoverCount{want[0], {"a", failover.ReasonNone, keptFailovers + 1}, silence}, e.failovers.counts(now.Add(hindsight)))
}
