package main

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/discovery/consultest"
)

// TestMesh is a whole day of a mesh on a real Consul: two of its five servers die at
// once, their regions come back by rank, it is degraded and recovers, others take
// the places of the dead until every region has all its backups, and they come back;
// then a server is emptied. Nothing is lost, and the APIs of both edges tell at each
// point what Consul and the processes tell.
func TestMesh(t *testing.T) {
	agent := consultest.Start(t)
	r := play(t, "--players=24", "--rate=4", "--regions=4", "--servers=5", "--edges=2", "--fault=many:2,drain", "--consul="+agent.Address)
	require.Len(t, r.Rounds, 2)
	require.Len(t, r.Regions, 4)
	for region, verdict := range r.Regions {
		require.Empty(t, verdict.Violations, region)
		require.NotZero(t, verdict.Durable, region)
	}
	kill, drain := r.Rounds[0], r.Rounds[1]

	require.Len(t, kill.Servers, 2)
	ranked(t, kill)
	require.GreaterOrEqual(t, len(kill.Levels), 2)
	require.Less(t, kill.Levels[0].Fidelity, 1.0)
	require.Equal(t, demo.Level{At: kill.Levels[len(kill.Levels)-1].At, Level: "normal", Fidelity: 1}, kill.Levels[len(kill.Levels)-1])
	covered(t, kill)
	require.Equal(t, 4, kill.Asked, "both edges, without the dead and with them")
	require.Empty(t, kill.Untrue)

	require.True(t, drain.Planned)
	require.Len(t, drain.Servers, 1)
	require.NotEmpty(t, drain.Regions)
	for _, f := range drain.Regions {
		require.Equal(t, drain.Servers[0], f.From)
		require.NotEqual(t, f.From, f.To)
	}
	require.Empty(t, drain.Untrue)

	require.Zero(t, r.Verdict.Disconnects)
	require.Equal(t, r.Verdict.Sent, r.Verdict.Durable)
	require.Equal(t, len(kill.Regions)+len(drain.Regions), r.Hot)
}

// ranked checks that each region that lost its primary has a rank, by its score, and
// is led by a survivor.
func ranked(t *testing.T, round demo.Round) {
	t.Helper()
	moves := slices.Clone(round.Regions)
	slices.SortFunc(moves, func(a, b demo.Failover) int { return a.Rank - b.Rank })
	require.NotEmpty(t, moves)
	require.True(t, moves[0].Critical, "who leads the critical region is killed, and it comes first")
	for i, f := range moves {
		require.Equal(t, i+1, f.Rank)
		require.NotZero(t, f.Score)
		require.LessOrEqual(t, f.Score, moves[max(0, i-1)].Score)
		require.Contains(t, round.Servers, f.From)
		require.NotContains(t, round.Servers, f.To)
		require.Greater(t, f.EpochAfter, f.EpochBefore)
		require.True(t, f.Hot)
	}
}

// covered checks that every region had three servers in sync before the dead ones
// were back.
func covered(t *testing.T, round demo.Round) {
	t.Helper()
	require.Len(t, round.Covered, 4)
	for _, c := range round.Covered {
		require.Len(t, c.InSync, 3, c.Region)
		require.Contains(t, c.InSync, c.Primary, c.Region)
		for _, dead := range round.Servers {
			require.NotContains(t, c.InSync, dead, c.Region)
		}
	}
}
