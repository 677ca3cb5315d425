package demo

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPlayersAreSpreadUnevenly(t *testing.T) {
	var got []int
	for _, r := range regionsOf(Config{Players: 50, Regions: 6, Servers: 6}) {
		got = append(got, r.Players)
	}
	require.Equal(t, []int{14, 12, 9, 7, 5, 3}, got)
	require.Equal(t, []Region{{Name: "demo", Players: 50, fixed: []string{"server-1", "server-2", "server-3"}}},
		regionsOf(Config{Players: 50, Regions: 1, Servers: 3}))
}

func TestEveryRegionAndServerHasAPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Config{Regions: rapid.IntRange(1, 60).Draw(t, "regions"), Servers: rapid.IntRange(3, 30).Draw(t, "servers")}
		cfg.Players = rapid.IntRange(cfg.Regions, 999).Draw(t, "players")
		cfg.Pool = rapid.Bool().Draw(t, "pool")
		regions := regionsOf(cfg)
		require.Len(t, regions, cfg.Regions)
		sum, critical := 0, 0
		for i, r := range regions {
			sum += r.Players
			require.Positive(t, r.Players)
			require.LessOrEqual(t, r.Players, regions[max(0, i-1)].Players)
			if r.Critical {
				critical++
			}
			if !cfg.Pool {
				require.GreaterOrEqual(t, len(r.fixed), 1+backups)
				require.Len(t, slices.Compact(slices.Sorted(slices.Values(r.fixed))), len(r.fixed))
			}
		}
		require.Equal(t, cfg.Players, sum)
		require.Equal(t, cfg.Regions > 1, critical == 1)
		for i := range cfg.Servers {
			require.Equal(t, cfg.Pool, len(fixedOn(regions, serverName(i))) == 0)
		}
	})
}

// row is a region that its first server leads.
func row(players int, servers ...string) standing {
	return standing{Region: Region{Name: fmt.Sprint(servers), Players: players}, leader: servers[0], members: servers}
}

func TestPick(t *testing.T) {
	now := []standing{row(20, "a", "b", "c"), row(10, "b", "c", "d"), row(5, "c", "d", "a"), row(4, "d", "a", "b")}
	require.Equal(t, []string{"a"}, pick(now, 1), "who leads the most")
	require.Equal(t, []string{"a", "b"}, pick(now, 2))
	require.Nil(t, pick(now, 3), "some region would have nobody left")
	now[3].Critical = true
	require.Equal(t, []string{"d"}, pick(now, 1), "who leads the critical one")
	require.Equal(t, []string{"d", "b"}, pick(append(now, row(1, "a", "d")), 2), "with a and d the last one would be lost")
	require.Nil(t, pick(now, 5), "there are only four")
}

func TestPickLeavesEveryRegionAServer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		servers := rapid.IntRange(4, 15).Draw(t, "servers")
		var now []standing
		for range rapid.IntRange(1, 30).Draw(t, "regions") {
			members := rapid.SliceOfNDistinct(rapid.IntRange(0, servers-1), 1, 3, rapid.ID).Draw(t, "members")
			var names []string
			for _, m := range members {
				names = append(names, serverName(m))
			}
			now = append(now, row(rapid.IntRange(1, 99).Draw(t, "players"), names...))
		}
		count := rapid.IntRange(1, 5).Draw(t, "count")
		chosen := pick(now, count)
		if chosen == nil {
			return
		}
		require.Len(t, chosen, count)
		for _, r := range now {
			require.False(t, r.lostWith(chosen))
		}
	})
}

func TestUrgency(t *testing.T) {
	at := func(name string, players int, critical bool, score uint64) standing {
		return standing{Region: Region{Name: name, Players: players, Critical: critical}, score: score}
	}
	order := func(rs ...standing) (names string) {
		for _, r := range slices.SortedFunc(slices.Values(rs), urgency) {
			names += r.Name
		}
		return names
	}
	require.Equal(t, "cabd", order(at("a", 9, false, 0), at("b", 5, false, 0), at("c", 1, true, 0), at("d", 5, false, 0)))
	require.Equal(t, "ba", order(at("a", 9, true, 3), at("b", 1, false, 4)), "the controller's word counts first")
}
