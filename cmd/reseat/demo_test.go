package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/discovery/consultest"
)

func TestDemoUsage(t *testing.T) {
	for args, want := range map[string]string{
		"demo now":                `reseat demo takes no arguments, but got "now": see reseat demo --help`,
		"demo --fault=quake":      `--fault: unknown fault "quake": choose from kill, host, freeze, cut, edge, many, cascade, drain, rolling, controller`,
		"demo --fault=many:0":     `--fault: "many:0": write how many servers are to fail, as in many:2`,
		"demo --fault=kill:2":     `--fault: unknown fault "kill:2": choose from kill, host, freeze, cut, edge, many, cascade, drain, rolling, controller`,
		"demo --fault=many":       `--fault many needs --servers 4 or more: every region must keep a server`,
		"demo --fault=many:3":     `--fault many:3 needs --servers 5 or more: every region must keep a server`,
		"demo --servers=2":        `--servers 2 is not 3 to 30: a region has a primary and two backups`,
		"demo --regions=0":        `--regions 0 is not 1 to 60`,
		"demo --regions=51":       `--regions 51 is more than --players 50: somebody must be in each`,
		"demo --players=0":        `--players 0 is not 1 to 999`,
		"demo --players=1000":     `--players 1000 is not 1 to 999`,
		"demo --rate=0":           `--rate 0 is not 0.1 to 1000`,
		"demo --rounds=-1":        `--rounds -1 is not 1 or more`,
		"demo --edges=0":          `--edges 0 is not 1 to 9`,
		"demo --fault=edge":       `--fault edge needs --edges 2 or more: the players of a dead edge must have another one`,
		"demo --output-commit=":   `--output-commit "" is not known: use strict or none`,
		"demo --players=many":     `invalid argument "many" for "--players" flag: strconv.ParseInt: parsing "many": invalid syntax: see reseat demo --help`,
		"demo --for=9s":           `--for is how long --page goes on: give that, too`,
		"demo --page --for=-1s":   `--for -1s is not positive`,
		"demo --page --fault=a":   `--fault and --page: on the page you decide yourself what fails, leave one of them out`,
		"demo --page --rounds=2":  `--rounds and --page: on the page you decide yourself what fails, leave one of them out`,
		"demo --page --servers=2": `--servers 2 is not 3 to 30: a region has a primary and two backups`,
		"demo-registry surplus":   `reseat demo-registry takes no arguments, but got "surplus": see reseat demo-registry --help`,
	} {
		_, err := call(t, strings.Fields(args)...)
		require.EqualError(t, err, want, args)
		require.Equal(t, 2, exitCode(err), args)
	}
	out, err := call(t)
	require.NoError(t, err)
	require.NotContains(t, out, "demo-", "the demo's own processes are nobody's business")
}

// play runs a demo of real processes and returns its report.
func play(t *testing.T, args ...string) demo.Report {
	t.Helper()
	t.Setenv(asReseat, "1") // the processes are this test binary
	var out, story bytes.Buffer
	err := run(t.Context(), append([]string{"demo", "--json"}, args...), strings.NewReader(""), &out, &story)
	require.NoError(t, err, "%s%s", &story, &out)
	var r demo.Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	require.True(t, r.OK)
	require.Empty(t, r.Problems)
	require.Contains(t, story.String(), "play on, all kept actions are durable", story.String())
	return r
}

func TestDemo(t *testing.T) {
	r := play(t, "--players=20", "--fault=kill,freeze")
	require.Len(t, r.Rounds, 2)
	for _, round := range r.Rounds {
		require.Len(t, round.Regions, 1)
		require.Greater(t, round.Regions[0].EpochAfter, round.Regions[0].EpochBefore)
		require.Len(t, round.Stalls, 20)
		require.NotEmpty(t, round.Timeline)
	}
	require.Equal(t, 2, r.Hot, "backups were in sync, and nothing was restored")
	require.NotZero(t, r.Verdict.Rolls)
	require.NotZero(t, r.Reseats)
	require.Equal(t, r.Verdict.Sent, r.Verdict.Durable)
	require.Greater(t, r.Verdict.Sent, uint64(20))
}

func TestDemoWithEdges(t *testing.T) {
	r := play(t, "--players=20", "--edges=2", "--fault=edge", "--output-commit=none")
	require.Len(t, r.Rounds, 1)
	require.NotZero(t, r.Faults[0].Resumed)
	require.Equal(t, r.Verdict.Disconnects, r.Verdict.Resumes)
	require.Zero(t, r.Epochs, "no server failed")
	require.Equal(t, "none", r.Settings.OutputCommit)
}

// TestDemoOfARollingRestart: every server goes and comes back, and nobody notices.
func TestDemoOfARollingRestart(t *testing.T) {
	r := play(t, "--players=10", "--fault=rolling")
	require.Len(t, r.Rounds, 3)
	moves := 0
	for _, round := range r.Rounds {
		require.True(t, round.Planned)
		moves += len(round.Regions)
	}
	require.NotZero(t, moves)
	require.Zero(t, r.Verdict.Disconnects)
}

// TestDemoWithoutItsController: servers die, and then the edge that decides for the
// mesh. What is under way goes on, and the next edge does the rest.
func TestDemoWithoutItsController(t *testing.T) {
	r := play(t, "--players=12", "--rate=5", "--regions=3", "--servers=5", "--edges=2", "--fault=controller")
	require.Len(t, r.Rounds, 1)
	require.Len(t, r.Regions, 3)
	round := r.Rounds[0]
	require.Len(t, round.Servers, 2)
	require.Len(t, round.Edges, 1)
	require.NotEmpty(t, round.Regions)
	for i, f := range round.Regions {
		require.NotContains(t, round.Servers, f.To)
		require.Contains(t, round.Servers, f.From)
		require.Greater(t, f.EpochAfter, f.EpochBefore)
		require.GreaterOrEqual(t, f.Serves, round.Regions[max(0, i-1)].Serves)
		require.GreaterOrEqual(t, f.Serves, f.Elected)
	}
	require.NotEmpty(t, round.Covered, "the next controller gave all regions their backups")
	require.True(t, slices.ContainsFunc(round.Timeline, func(e demo.Entry) bool { return strings.HasSuffix(e.Text, " is the controller now") }))
	require.Equal(t, r.Verdict.Disconnects, r.Verdict.Resumes)
}

func TestDemoOnRealConsul(t *testing.T) {
	agent := consultest.Start(t)
	r := play(t, "--players=20", "--fault=host", "--consul="+agent.Address)
	require.Len(t, r.Rounds, 1)
	require.Equal(t, "host", r.Faults[0].Fault)
}

// TestDemoInterrupted: who stops it early leaves nothing behind.
func TestDemoInterrupted(t *testing.T) {
	t.Setenv(asReseat, "1")
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var out bytes.Buffer
	err := run(ctx, []string{"demo", "--players=5"}, strings.NewReader(""), &out, &out)
	require.EqualError(t, err, "interrupted", "%s", &out)
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, left)
}
