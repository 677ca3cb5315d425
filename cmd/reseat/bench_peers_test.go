package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/election"
	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/peers"
)

func TestBenchPeersUsage(t *testing.T) {
	for args, want := range map[string]string{
		"bench peers now":                       `reseat bench peers takes no arguments, but got "now": see reseat bench peers --help`,
		"bench peers --only=envoy":              `--only: unknown contender "envoy": choose from reseat, nginx-tcp, nginx-udp, haproxy-default, haproxy-100ms, haproxy-observe, haproxy-ask, haproxy-all`,
		"bench peers --load=100":                `--load: "100": write players and actions per second of each, as in 100x20`,
		"bench peers --load=5000x1":             `--load: "5000x1": players are 1 to 999`,
		"bench peers --fault=cut":               `--fault: unknown fault "cut": choose from kill, freeze`,
		"bench peers --json --markdown":         `--json and --markdown: leave one of them out`,
		"bench peers --rounds=0":                `--rounds 0 is not 1 to 100`,
		"bench peers --consul=/nowhere/consul":  `no Consul: exec: "/nowhere/consul": stat /nowhere/consul: no such file or directory: name its binary with --consul or RESEAT_CONSUL (make consul prints one)`,
		"bench consul --regions=0":              `--regions: "0" is not a number from 1 to 200`,
		"bench consul --watchers=many":          `--watchers: "many" is not a number from 1 to 200`,
		"bench consul --way=ttl":                `--way: unknown way "ttl": choose from session, check`,
		"bench consul --samples=0":              `--samples 0 is not 1 to 10000`,
		"bench consul --consul=/nowhere/consul": `no Consul: exec: "/nowhere/consul": stat /nowhere/consul: no such file or directory: name its binary with --consul or RESEAT_CONSUL (make consul prints one)`,
	} {
		_, err := call(t, strings.Fields(args)...)
		require.EqualError(t, err, want, args)
		require.Equal(t, 2, exitCode(err), args)
	}
	_, err := call(t, "peers-players")
	require.ErrorContains(t, err, "are no crowd", "without an address nobody plays")
}

// bench runs a benchmark on real processes and reads its result. That this machine was
// too busy, or has not got everything, is none of the test's business.
func bench(t *testing.T, result any, args ...string) {
	t.Helper()
	var out, table bytes.Buffer
	err := run(t.Context(), append([]string{"bench"}, args...), strings.NewReader(""), &out, &table)
	if !errors.Is(err, measure.ErrLoaded) && !errors.Is(err, errNotAll) {
		require.NoError(t, err, "%s", &table)
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), result), "%v\n%s", err, &table)
	t.Logf("%s", &table)
}

func TestBenchPeers(t *testing.T) {
	dir := t.TempDir()
	var r struct {
		Contenders []peers.Entrant `json:"contenders"`
		Outcomes   []peers.Outcome `json:"outcomes"`
	}
	bench(t, &r, "peers", "--consul="+consul.Memory, "--only=reseat,haproxy-all,nginx-udp", "--load=6x10", "--fault=kill", "--rounds=1", "--json", "--out="+dir)
	require.Len(t, r.Contenders, 3)
	there := map[string]bool{}
	for _, c := range r.Contenders {
		there[c.Name] = c.Missing == ""
		if c.Missing != "" {
			t.Logf("%s is not tested: %s", c.Name, c.Missing)
		}
	}
	require.True(t, there["reseat"])
	for _, o := range r.Outcomes {
		require.True(t, there[o.Contender])
		delete(there, o.Contender)
		require.Zero(t, o.Never(), o.Contender)
		require.Len(t, o.Interruptions, 6)
		require.NotZero(t, o.Acked)
		require.Zero(t, o.Lost)
		if o.Contender == "reseat" {
			require.Zero(t, o.Missing+o.Twice+o.Reconnects)
		} else {
			require.GreaterOrEqual(t, o.Missing, 6, "the backup knows nothing: %s", o.Contender)
		}
		if o.Contender == "haproxy-all" {
			require.GreaterOrEqual(t, o.Reconnects, 6)
		}
	}
	for name, left := range there {
		require.False(t, left, "%s has no outcome", name)
	}
	for _, file := range []string{"peers.json", "peers-kill-6x10.svg", "peers-kill-6x10.png"} {
		_, err := os.Stat(filepath.Join(dir, file))
		require.NoError(t, err)
	}
}

func TestBenchConsul(t *testing.T) {
	dir := t.TempDir()
	var r election.Result
	bench(t, &r, "consul", "--consul="+consul.Memory, "--regions=3", "--watchers=2", "--samples=3", "--json", "--out="+dir)
	require.Equal(t, "in memory", r.Consul)
	require.Len(t, r.Measures, 4)
	for _, m := range r.Measures {
		require.Empty(t, m.Failed)
		require.GreaterOrEqual(t, m.Rounds, 3)
		require.Len(t, m.Samples, m.Rounds*m.Failing)
		for _, s := range m.Samples {
			require.Positive(t, s.Free)
			require.GreaterOrEqual(t, s.Taken, s.Free)
			require.GreaterOrEqual(t, s.All, s.First)
		}
	}
	_, err := os.Stat(filepath.Join(dir, "consul-session.svg"))
	require.NoError(t, err)
}
