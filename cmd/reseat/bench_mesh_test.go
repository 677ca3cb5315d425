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
