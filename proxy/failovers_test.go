package proxy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

	e.ForgetFailovers()
	require.Empty(t, e.Failovers())
	require.EqualValues(t, keptFailovers+6, e.failovers.begin(Failover{}), "IDs are not used again")
}
