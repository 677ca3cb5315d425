package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/mesh"
)

func TestBenchUsage(t *testing.T) {
	for args, want := range map[string]string{
		"bench peers":                               `reseat bench takes no arguments, but got "peers": see reseat bench --help`,
		"bench mesh now":                            `reseat bench mesh takes no arguments, but got "now": see reseat bench mesh --help`,
		"bench mesh --scenes=kill-2":                `--scenes: unknown scene "kill-2": choose from kill-1, kill-3, kill-5, controller, rolling, idle`,
		"bench mesh --scenes=kill-3 --servers=4":    `scene kill-3: --fault many:3 needs --servers 5 or more: every region must keep a server`,
		"bench mesh --players=9":                    `--regions 30 is more than --players 9: somebody must be in each`,
		"bench mesh --consul=/nowhere/consul":       `no Consul: exec: "/nowhere/consul": stat /nowhere/consul: no such file or directory: name its binary with --consul or RESEAT_CONSUL (make consul prints one)`,
		"bench mesh --consul=memory --scenes=,kill": `--scenes: unknown scene "": choose from kill-1, kill-3, kill-5, controller, rolling, idle`,
	} {
		_, err := call(t, strings.Fields(args)...)
		require.EqualError(t, err, want, args)
		require.Equal(t, 2, exitCode(err), args)
	}
}

func TestBenchMesh(t *testing.T) {
	t.Setenv(asReseat, "1") // the processes are this test binary
	var out, table bytes.Buffer
	err := run(t.Context(), []string{
		"bench", "mesh", "--consul=" + consul.Memory, "--scenes=kill-1", "--servers=4", "--regions=3", "--players=9", "--json",
	}, strings.NewReader(""), &out, &table)
	require.NoError(t, err, "%s", &table)
	var r mesh.Result
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	require.True(t, r.OK, r.Problems)
	require.Equal(t, 1, r.Struck)
	require.NotEmpty(t, r.Moves)
	require.NotZero(t, r.Serves.P50)
	require.Contains(t, table.String(), "kill-1")
}
