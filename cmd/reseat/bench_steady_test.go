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

	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/steady"
)

func TestBenchSteadyUsage(t *testing.T) {
	for args, want := range map[string]string{
		"bench steady --load=many":           `--load: "many" is no load: write PLAYERSxRATE such as 100x30, PLAYERSwWINDOW such as 50w64, or saturated`,
		"bench steady --load=9999x1":         `--load: load 9999x1: 1 to 5000 players`,
		"bench steady --paths=nginx":         `--paths: unknown path "nginx": choose from direct, relay, relay-each, relay-twice, reseat-0, reseat-2, reseat-none`,
		"bench steady --seconds=0":           `--seconds 0: 1 to 600`,
		"bench steady --seconds=NaN":         `--seconds NaN: 1 to 600`,
		"bench steady --rounds=0":            `--rounds 0: 1 to 100`,
		"bench steady --consul=/nowhere/x":   `no Consul: exec: "/nowhere/x": stat /nowhere/x: no such file or directory: name its binary with --consul or RESEAT_CONSUL (make consul prints one)`,
		"bench steady --pprof=/dev/null/x":   `--pprof: mkdir /dev/null: not a directory`,
		"bench steady --json --markdown":     `--json and --markdown: leave one of them out`,
		"bench steady --load=1x3,":           `--load: "" is no load: write PLAYERSxRATE such as 100x30, PLAYERSwWINDOW such as 50w64, or saturated`,
		"bench steady now":                   `reseat bench steady takes no arguments, but got "now": see reseat bench steady --help`,
		"bench steady --quick --load=0x1":    `--load: load 0x1: 1 to 5000 players`,
		"bench steady --load=1x2 --paths=,a": `--paths: unknown path "": choose from direct, relay, relay-each, relay-twice, reseat-0, reseat-2, reseat-none`,
	} {
		_, err := call(t, strings.Fields(args)...)
		require.EqualError(t, err, want, args)
		require.Equal(t, 2, exitCode(err), args)
	}
}

// calm lets an error pass that tells of this machine only.
func calm(t *testing.T, err error, log *bytes.Buffer) {
	t.Helper()
	if !errors.Is(err, measure.ErrLoaded) {
		require.NoError(t, err, "%s", log)
	}
}

func TestBenchSteady(t *testing.T) {
	dir := t.TempDir()
	var out, table bytes.Buffer
	err := run(t.Context(), []string{
		"bench", "steady", "--busy", "--load=4x20,2w8", "--paths=direct,relay,reseat-2", "--seconds=1", "--rounds=1", "--json",
		"--out", dir, "--pprof", filepath.Join(dir, "profiles"),
	}, strings.NewReader(""), &out, &table)
	calm(t, err, &table)
	var r steady.Result
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	require.Len(t, r.Passes, 6)
	for _, p := range r.Passes {
		require.Equal(t, p.Sent, p.Answered, "%+v", p)
		require.Zero(t, p.Wrong)
		require.Positive(t, p.RoundTrip.P50)
		require.GreaterOrEqual(t, p.RoundTrip.P99, p.RoundTrip.P50)
		require.Positive(t, p.Empty.Resident)
		require.Positive(t, p.Idle.Go)
		require.Positive(t, p.Active.Resident)
		require.Positive(t, p.Packets)
		require.Greater(t, p.Bytes, 2.0*steady.Payload)
		roles := []string{steady.Front, steady.Crowd}
		if p.Path != "direct" {
			roles = append(roles, steady.Game)
		}
		if p.Path == "reseat-2" {
			roles = append(roles, steady.Primary, steady.Backup, steady.Standby)
		}
		require.Len(t, p.CPU, len(roles), p.Path)
		for _, role := range roles {
			require.Positive(t, p.CPU[role], "%s of %s", role, p.Path)
		}
		if p.Load.Rate > 0 {
			require.InDelta(t, 80, float64(p.Sent), 5)
			require.Greater(t, p.Packets, 1.0)
		} else {
			require.Greater(t, p.Second, 100.0)
		}
	}
	require.Len(t, r.Rows, 6)
	require.InDelta(t, 1, r.Rows[1].ToRelay.P50, 1e-9)
	require.Positive(t, r.Rows[2].ToRelay.Front)
	require.Contains(t, table.String(), "reseat-2")
	for _, name := range []string{
		"steady.json", "steady-4x20.svg", "steady-2w8.png", "steady-cpu.svg", "profiles/4x20-relay-relay.cpu.pprof",
		"profiles/2w8-reseat-2-edge-1.cpu.pprof", "profiles/2w8-reseat-2-server-1-game.allocs.pprof",
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Positive(t, info.Size(), name)
	}
}
