package sidecar

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/buffer"
)

// The table against a naive log: whatever cuts come, a snapshot's marks are
// exactly what the log holds up to its index, and each action becomes covered once.
func TestTableAgainstNaiveLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab := newTable()
		var naive []string // player by index - 1
		player := rapid.SampledFrom([]string{"cat", "ann", "bob", "dan"})
		seen := map[string]bool{}
		for range rapid.IntRange(0, 80).Draw(t, "steps") {
			if rapid.IntRange(0, 4).Draw(t, "what") > 0 {
				p := player.Draw(t, "player")
				seen[p] = true
				naive = append(naive, p)
				require.EqualValues(t, len(naive), tab.append(tab.find(p)))
				continue
			}
			before := tab.base
			index := rapid.Uint64Range(0, uint64(len(naive))+2).Draw(t, "index")
			changed, ok := tab.cutAt(index)
			require.Equal(t, index >= before && index <= uint64(len(naive)), ok)
			if !ok {
				continue
			}
			count := map[string]uint64{}
			for _, p := range naive[:index] {
				count[p]++
			}
			fresh := map[string]bool{}
			for _, p := range naive[before:index] {
				fresh[p] = true
			}
			require.Len(t, changed, len(fresh))
			for _, m := range changed {
				require.True(t, fresh[m.row.player])
				require.Equal(t, count[m.row.player], m.seq)
			}
			marks := tab.marks()
			require.Len(t, marks, len(seen))
			for i, m := range marks {
				require.Equal(t, count[m.Player], m.Applied)
				require.True(t, i == 0 || marks[i-1].Player < m.Player, "sorted")
			}
		}
	})
}

func TestInstallGoesOnAfterTheSnapshot(t *testing.T) {
	tab := newTable()
	tab.append(tab.find("gone"))
	tab.install(&buffer.Snapshot{Index: 40, Players: []buffer.PlayerMark{{Player: "ann", Attach: 3, Applied: 7}}})
	ann := tab.find("ann")
	require.Equal(t, row{id: 1, player: "ann", attach: 3, have: 7, cut: 7, durable: 7}, *ann)
	require.EqualValues(t, 41, tab.append(ann))
	require.Len(t, tab.marks(), 1, "what the snapshot does not know is forgotten")
	require.Nil(t, tab.get(0))
	require.Nil(t, tab.get(2))
}

func TestPaceInterval(t *testing.T) {
	p := Pace{Min: 20 * time.Millisecond, Max: time.Second, Rate: 1 << 20, Share: 20, Bytes: 1 << 20}
	for _, tc := range []struct {
		size int
		took time.Duration
		want time.Duration
	}{
		{0, 0, 20 * time.Millisecond},
		{1 << 10, 100 * time.Microsecond, 20 * time.Millisecond},
		{1 << 18, 0, 250 * time.Millisecond},
		{0, 10 * time.Millisecond, 200 * time.Millisecond},
		{1 << 18, 10 * time.Millisecond, 250 * time.Millisecond},
		{1 << 30, time.Hour, time.Second},
	} {
		require.Equal(t, tc.want, p.Interval(tc.size, tc.took), fmt.Sprint(tc))
	}
	require.NoError(t, Pace{}.withDefaults().validate())
	require.ErrorContains(t, Pace{Min: 2, Max: 1, Rate: 1, Share: 1, Bytes: 1}.validate(), "min not above max")
	require.ErrorContains(t, Pace{Min: 1, Max: 1, Rate: -1, Share: 1, Bytes: 1}.validate(), "must be positive")
}

func BenchmarkTableAppend(b *testing.B) {
	tab := newTable()
	rows := make([]*row, 100)
	for i := range rows {
		rows[i] = tab.find(fmt.Sprintf("player %d", i))
	}
	b.ReportAllocs()
	for i := range b.N {
		tab.append(rows[i%len(rows)])
		if i%1000 == 999 {
			_, _ = tab.cutAt(tab.index)
		}
	}
}
