package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/scale"
	"github.com/reseat-proxy/reseat/bench/steady"
)

func TestBenchScaleUsage(t *testing.T) {
	for args, want := range map[string]string{
		"bench scale --sweep=moons":          `--sweep: unknown sweep "moons": choose from players, regions, edges, backups`,
		"bench scale --step=0":               `0 to 400 players in steps of 0 is no sweep`,
		"bench scale --most=9 --step=10":     `10 to 9 players in steps of 10 is no sweep`,
		"bench scale --limit=1us":            `no p99 is below 1µs: 1ms or more`,
		"bench scale --rate=0":               `load 100x0: more than 0 and at most 1000 actions a second`,
		"bench scale --seconds=0":            `--seconds 0: 1 to 600`,
		"bench scale --consul=/nowhere/game": `no Consul: exec: "/nowhere/game": stat /nowhere/game: no such file or directory: name its binary with --consul or RESEAT_CONSUL (make consul prints one)`,
	} {
		_, err := call(t, strings.Fields(args)...)
		require.EqualError(t, err, want, args)
		require.Equal(t, 2, exitCode(err), args)
	}
}

func TestBenchScale(t *testing.T) {
	dir := t.TempDir()
	var out, table bytes.Buffer
	err := run(t.Context(), []string{
		"bench", "scale", "--busy", "--sweep=players,edges", "--rate=10", "--step=4", "--most=8", "--players=6", "--limit=30s", "--seconds=1",
		"--json", "--out", dir,
	}, strings.NewReader(""), &out, &table)
	calm(t, err, &table)
	var r scale.Result
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	require.Len(t, r.Curves, 3)
	for i, want := range []struct {
		sweep scale.Sweep
		path  string
	}{{scale.Players, "relay"}, {scale.Players, "reseat-2"}, {scale.Edges, "reseat"}} {
		c := r.Curves[i]
		require.Equal(t, want.sweep, c.Sweep)
		require.Equal(t, want.path, c.Path)
		require.NotEmpty(t, c.Points)
		for _, p := range c.Points {
			require.Equal(t, p.Pass.Sent, p.Pass.Answered)
			require.Zero(t, p.Pass.Wrong)
			require.InDelta(t, 10*p.Pass.Load.Players, float64(p.Pass.Sent), float64(p.Pass.Load.Players))
			require.Positive(t, p.Pass.CPU[steady.Front])
			require.Positive(t, p.Cores(p.Pass.Servers()))
		}
	}
	edges := r.Curves[2].Points
	require.Equal(t, []int{1, 2, 4}, []int{edges[0].X, edges[1].X, edges[2].X})
	require.Greater(t, edges[2].Pass.Empty.Resident, 3*edges[0].Pass.Empty.Resident, "four edges are counted")
	require.Contains(t, table.String(), "relay: 8 players")
	for _, name := range []string{"scale.json", "scale-players-trips.svg", "scale-edges-memory.png"} {
		_, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
	}
}
