package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/admin"
)

// The first word of any process is when the fault was noticed; that a game is gone
// names no region.
func TestNoticed(t *testing.T) {
	th := newTheater(t, Region{Name: "big", Players: 3, fixed: []string{"a", "b", "c"}}, Region{Name: "else", Players: 5, fixed: []string{"b", "c", "d"}})
	th.concern(th.standings(), []string{"a"})
	th.say("a", -5*ms, "game_down", nil) // of an earlier life
	th.say("c", 9*ms, "suspect", map[string]any{"region": "big"})
	th.say("b", 6*ms, "game_down", nil) // another server's
	th.say("a", 7*ms, "game_down", nil)
	th.say("edge", 8*ms, "held", map[string]any{"region": "big"})
	th.say("edge", 3*ms, "held", map[string]any{"region": "else"})
	moves, _ := th.end()
	require.Len(t, moves, 1)
	require.Equal(t, 7*ms, moves[0].Noticed)
}

// Of several edges the last one counts, and of earlier faults nothing.
func TestReach(t *testing.T) {
	began := time.Now()
	f := &Failover{Region: "big"}
	for start, stages := range map[time.Duration][]admin.StageStatus{
		-time.Second: {{Name: "held", MS: 0}, {Name: "durable", MS: 900}},
		5 * ms:       {{Name: "held", MS: 0}, {Name: "elected", MS: 2.5}},
		6 * ms:       {{Name: "held", MS: 0}, {Name: "elected", MS: 1}, {Name: "serving", MS: 1}},
	} {
		f.reach(admin.FailoverStatus{Started: began.Add(start), Stages: stages}, began)
	}
	require.Equal(t, []Stage{{"held", 6 * ms}, {"serving", 7 * ms}, {"elected", 7*ms + 500*time.Microsecond}}, f.Stages)
}
