package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/chaos"
	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/history"
)

func TestChaosUsage(t *testing.T) {
	for args, want := range map[string]string{
		"chaos --consul=memory now":                  "reseat chaos takes no arguments, but got \"now\": see reseat chaos --help",
		"chaos --consul=memory --players=1":          "--players 1 is not 2 to 999",
		"chaos --consul=memory --rate=0":             "--rate 0 is not 0.1 to 1000",
		"chaos --consul=memory --for=1h --ci":        "--for draws cells at random: leave --cells and --ci out",
		"chaos judge":                                "judge needs the directory of a report",
		"chaos --consul=/nowhere/consul --players=9": `no Consul: exec: "/nowhere/consul": stat /nowhere/consul: no such file or directory: name its binary with --consul or RESEAT_CONSUL (make consul prints one)`,
	} {
		_, err := call(t, strings.Fields(args)...)
		require.EqualError(t, err, want, args)
		require.Equal(t, 2, exitCode(err), args)
	}
}

// TestChaos runs one short cell, and judges it again by what it left.
func TestChaos(t *testing.T) {
	t.Setenv(asReseat, "1") // the processes are this test binary
	var out, table bytes.Buffer
	err := run(t.Context(), []string{
		"chaos", "--consul=" + consul.Memory, "--cells=freeze-1s", "--players=10", "--rate=20", "--keep", "--json", "--dir=" + t.TempDir(),
	}, strings.NewReader(""), &out, &table)
	require.NoError(t, err, "%s", &table)
	var r chaos.Result
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	require.Equal(t, history.OK, r.Outcome)
	require.NotZero(t, r.Counts.TakeoversInFlight)
	require.NotZero(t, r.Stall)
	again, err := call(t, "chaos", "judge", r.Dir)
	require.NoError(t, err)
	require.Contains(t, again, "freeze-1s")
}
