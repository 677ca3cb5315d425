package bots

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/world"
)

// TestPlayersOfADeadEdge: who lost an edge, and when, is known while it happens,
// and in each player's stall afterwards.
func TestPlayersOfADeadEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		c := newCrowd(t, r, 5)
		require.Equal(t, Moves{On: map[string]int{"edge-1": 3, "edge-2": 2}, Spares: 2}, c.Progress().Moves)
		c.Play(t.Context())
		time.Sleep(time.Second)

		fault := time.Now()
		c.Mark("edge", fault.UnixNano())
		r.kill(0, 200*time.Millisecond)
		time.Sleep(100 * time.Millisecond)
		p := c.Progress()
		require.Equal(t, map[string]int{"edge-2": 2}, p.On)
		require.Equal(t, 3, p.Lost)
		require.WithinRange(t, time.Unix(0, p.LostAt), fault, fault.Add(50*time.Millisecond))
		require.Zero(t, p.Resumed)
		time.Sleep(400 * time.Millisecond)
		p = c.Progress()
		require.Equal(t, map[string]int{"edge-2": 5}, p.On)
		require.Equal(t, 3, p.Resumed)
		require.WithinRange(t, time.Unix(0, p.ResumedAt), fault.Add(200*time.Millisecond), fault.Add(250*time.Millisecond))
		c.Close(time.Now().UnixNano())
		require.Zero(t, c.Progress().Lost, "no window is open")

		c.Stop()
		require.NoError(t, c.Settle(t.Context()))
		after, err := c.Audit(t.Context())
		require.NoError(t, err)
		require.NoError(t, c.Settle(t.Context()))
		result := c.Result()
		v := judge.Judge(result.Ledgers, world.Books{}, after[here], judge.AllowResumes)
		require.True(t, v.OK(), v.Violations)
		require.EqualValues(t, 3, v.Resumes)
		var lost, resumed []int
		for _, s := range result.Faults[0].Stalls {
			lost, resumed = append(lost, s.Lost), append(resumed, s.Resumed)
		}
		require.Equal(t, []int{1, 0, 1, 0, 1}, lost)
		require.Equal(t, []int{1, 0, 1, 0, 1}, resumed)
		require.NoError(t, c.Leave())
	})
}

// A late start counts in the window in which it was due.
func TestLagOfAWindow(t *testing.T) {
	b := &bot{}
	for due, by := range map[int64]int64{90: 90e6, 100: 20e6, 150: 30e6, 160: 9e6, 201: 70e6} {
		b.lagged(due, by)
	}
	require.Equal(t, 30*time.Millisecond, b.stall(judge.Window{From: 100, To: 200}, 300).Lag)
	require.EqualValues(t, 90e6, b.lag)
}

// What the old primary said last is not the first word of the next one.
func TestFirst(t *testing.T) {
	w := judge.Window{From: 100, To: 1000}
	samples := []judge.Sample{{Durable: 90}, {Durable: 110}, {Durable: 250}, {Durable: 260}, {Durable: 1500}}
	for name, test := range map[string]struct {
		seats, resumed []int64
		want           time.Duration
	}{
		"reseated":                        {[]int64{50, 200, 255}, nil, 150},
		"resumed at another edge":         {nil, []int64{255}, 160},
		"neither":                         {[]int64{1200}, nil, 10},
		"it wanted nothing in the window": {[]int64{300}, nil, 0},
	} {
		b := &bot{seats: test.seats, resumed: test.resumed, samples: samples}
		require.Equal(t, test.want, b.first(w), name)
	}
}
