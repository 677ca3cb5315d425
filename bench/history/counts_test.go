package history

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A count that fields does not list could be in a gate and never be asked for.
func TestEveryCountIsAskedFor(t *testing.T) {
	var c Counts
	v := reflect.ValueOf(&c).Elem()
	require.Len(t, fields, v.NumField())
	for i := range v.NumField() {
		gate := Counts{}
		reflect.ValueOf(&gate).Elem().Field(i).SetUint(2)
		require.Equal(t, []string{fields[i].name + ": 0, must be 2 or more"}, c.below(gate), v.Type().Field(i).Name)
		require.Empty(t, gate.below(gate))
	}
}

func TestCount(t *testing.T) {
	const ms = int64(1e6)
	at := func(after int64) int64 { return simStart + after*ms }
	h, err := Read(strings.NewReader(""))
	require.NoError(t, err)
	h.Players = []*Player{{
		Name: "ann",
		Ops: []Op{
			{Player: "ann", N: 1, Seq: 1, Sent: at(50), Durable: at(60), Replied: at(60)},
			{Player: "ann", N: 2, Seq: 2, Sent: at(90), Durable: at(140)},
			{Player: "ann", N: 3, Seq: 3, Sent: at(150)},
		},
		News: []Record{
			{What: Connected, Edge: "a"},
			{What: Held},
			{What: Reseated},
			{What: Lost},
			{What: Resumed, Edge: "a"},
			{What: Lost},
			{What: Resumed, Edge: "b"},
			{What: Full},
			{What: Room},
			{What: Refused},
		},
	}}
	e := &Evidence{
		Started:  simStart,
		Faults:   []Fault{{At: at(100)}, {At: at(110)}, {At: at(145)}},
		Counters: map[string]uint64{counterDuplicates: 4, counterGaps: 5, counterStale: 6},
	}
	for _, ev := range []struct {
		name, from string
		at         int64
		attrs      map[string]any
	}{
		{eventElected, "game-1", -10, map[string]any{"epoch": 1}},
		{eventInSync, "game-1", 0, map[string]any{"members": []string{"b", "c"}}},
		{eventElected, "game-2", 120, map[string]any{"epoch": 2}},
		{eventServing, "game-2", 125, map[string]any{"epoch": 2}},
		{eventInSync, "game-2", 126, map[string]any{"members": []string{"c"}}},
		{eventResent, "edge-1", 130, map[string]any{"epoch": 2, "actions": 1}},
		{eventResent, "edge-2", 130, map[string]any{"epoch": 2, "actions": 3}},
		{eventElected, "game-3", 148, map[string]any{"epoch": 3}}, // nothing is in flight
		{eventServing, "game-3", 149, map[string]any{"epoch": 3}},
		{eventResent, "edge-1", 149, map[string]any{"epoch": 3, "actions": 0}},
		{eventInSync, "game-3", 149, map[string]any{"members": []string{"d", "e"}}},
		{eventElected, "elsewhere", 149, map[string]any{"epoch": 9, "region": "other"}},
	} {
		e.Events = append(e.Events, event(ev.name, ev.from, at(ev.at), ev.attrs))
	}
	e.Region = "demo"
	require.Equal(t, Counts{
		Players: 1, Actions: 3, Durable: 2, Unknown: 1, Rate: 20,
		Faults: 3, DoubleFaults: 1, Takeovers: 2, TakeoversInFlight: 1, TakeoversResent: 1, Shrinks: 1, Grows: 1,
		Holds: 1, Reseats: 1, Losses: 2, Resumes: 2, ResumesElsewhere: 1, Fulls: 1, Refused: 1,
		Duplicates: 4, Stale: 6, Gaps: 5,
	}, Count(h, e))
}
