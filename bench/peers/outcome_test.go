package peers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/judge"
)

const fault = 100

// told is an account of player 1: when each action was due and acknowledged.
func told(reconnects int, times ...[2]int64) Accounts {
	a := Account{Player: 1, Reconnects: reconnects}
	for _, at := range times {
		a.Samples = append(a.Samples, judge.Sample{Intended: at[0], Sent: at[0], Durable: at[1]})
	}
	return Accounts{Players: []Account{a}, Ended: 1000, Now: 2000}
}

func TestReckon(t *testing.T) {
	one, two, three := action{1, 1}, action{1, 2}, action{1, 3}
	for what, test := range map[string]struct {
		told            Accounts
		primary, backup []action
		want            Outcome
	}{
		"all is well": {
			told(0, [2]int64{10, 11}, [2]int64{110, 111}),
			nil,
			[]action{one, two},
			Outcome{Moved: 1, Acked: 2, Interruptions: []time.Duration{1}},
		},
		"acknowledged by the dead": {
			told(1, [2]int64{10, 11}, [2]int64{90, 150}, [2]int64{120, 151}),
			[]action{one},
			[]action{two, three},
			Outcome{Moved: 1, Acked: 3, Missing: 1, Reconnects: 1, Interruptions: []time.Duration{50}},
		},
		"done by both": {
			told(1, [2]int64{90, 150}, [2]int64{120, 151}),
			[]action{one},
			[]action{one, two},
			Outcome{Moved: 1, Acked: 2, Twice: 1, Reconnects: 1, Interruptions: []time.Duration{50}},
		},
		"done twice by one": {
			told(0, [2]int64{10, 11}, [2]int64{110, 111}),
			nil,
			[]action{one, two, two},
			Outcome{Moved: 1, Acked: 2, Twice: 1, Interruptions: []time.Duration{1}},
		},
		"lost in flight": {
			told(1, [2]int64{90, 0}, [2]int64{120, 151}),
			[]action{one},
			[]action{two},
			Outcome{Moved: 1, Acked: 1, Lost: 1, Reconnects: 1, Interruptions: []time.Duration{1900}},
		},
		"never moved, though the last answers came late": {
			told(0, [2]int64{90, 105}, [2]int64{120, 0}),
			[]action{one},
			nil,
			Outcome{Acked: 1},
		},
	} {
		t.Run(what, func(t *testing.T) {
			require.Equal(t, test.want, reckon(test.told, Kill, fault, test.primary, test.backup))
		})
	}
}

// What was asked for and could not be sent is not lost, but it is waited for.
func TestReckonCountsWhatCouldNotBeSent(t *testing.T) {
	a := told(3, [2]int64{10, 11}, [2]int64{120, 0}, [2]int64{130, 140})
	a.Players[0].Samples[1].Sent = 0
	o := reckon(a, Kill, fault, nil, []action{{1, 1}, {1, 3}})
	require.Zero(t, o.Lost)
	require.Equal(t, []time.Duration{1880}, o.Interruptions)
}

func TestOfDemo(t *testing.T) {
	r := demo.Report{
		Verdict: judge.Verdict{Durable: 50, Lost: 1, Unsettled: 2, Skipped: 3, Doubled: 4, Disconnects: 5},
		Rounds:  []demo.Round{{Stalls: []judge.Stall{{Durable: 7}, {Durable: 8}}}},
		LagMax:  9, Problems: []string{"lost"},
	}
	require.Equal(t, Outcome{
		Moved: 2, Interruptions: []time.Duration{7, 8}, Acked: 50, Missing: 1, Lost: 5, Twice: 4, Reconnects: 5, Lag: 9, Problems: []string{"lost"},
	}, ofDemo(r))
}
