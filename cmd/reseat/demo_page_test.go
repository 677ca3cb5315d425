package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/proxy/admin"
)

// guest is a person before the page.
type guest struct {
	*testing.T
	url   string
	lines *bufio.Scanner // of the screen
}

// reads reads the screen until a line says something, and returns that line.
func (g *guest) reads(what string) string {
	g.Helper()
	for g.lines.Scan() {
		g.Log(g.lines.Text())
		if strings.Contains(g.lines.Text(), what) {
			return g.lines.Text()
		}
	}
	g.Fatalf("the demo ended without a word of %q", what)
	return ""
}

func (g *guest) get(path string) string {
	g.Helper()
	res, err := http.Get(g.url + path) //nolint:noctx // loopback
	require.NoError(g, err)
	defer res.Body.Close()
	require.Equal(g, http.StatusOK, res.StatusCode)
	text, err := io.ReadAll(res.Body)
	require.NoError(g, err)
	return string(text)
}

func (g *guest) status() (s admin.Status) {
	g.Helper()
	require.NoError(g, json.Unmarshal([]byte(g.get("mesh/status")), &s))
	return s
}

// presses a button.
func (g *guest) presses(server string, kind admin.FailureKind) {
	g.Helper()
	body, err := json.Marshal(admin.FailureRequest{Server: server, Kind: kind})
	require.NoError(g, err)
	res, err := http.Post(g.url+"mesh/simulate_failure", "application/json", bytes.NewReader(body)) //nolint:noctx // loopback
	require.NoError(g, err)
	defer res.Body.Close()
	require.Equal(g, http.StatusAccepted, res.StatusCode)
}

// TestDemoPage: a person kills the server that leads the critical region, and then
// empties another one, and stops the demo.
func TestDemoPage(t *testing.T) {
	t.Setenv(asReseat, "1") // the processes are this test binary
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out bytes.Buffer
	story, screen := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		args := []string{"demo", "--page", "--json", "--players=12", "--rate=5", "--regions=3", "--servers=4"}
		ended <- run(ctx, args, strings.NewReader(""), &out, screen)
		_ = screen.Close()
	}()
	g := &guest{T: t, lines: bufio.NewScanner(story)}
	_, g.url, _ = strings.Cut(g.reads("the page is at "), " at ")
	g.reads("until Ctrl-C")
	require.Contains(t, g.get(""), "<html")

	before := g.status()
	require.True(t, before.TestEndpoints)
	i := slices.IndexFunc(before.Regions, func(r admin.RegionStatus) bool { return r.Critical })
	victim := before.Regions[i].Primary
	g.presses(victim.Name, admin.FailureKill)
	g.reads(victim.Name + " is killed")
	g.reads(before.Regions[i].Name + " is served by")
	g.reads("every region has all its backups again, without " + victim.Name)
	g.reads(victim.Name + " started again")
	g.reads("all is as before")

	after := g.status()
	require.NotEqual(t, victim.Incarnation, after.Regions[i].Primary.Incarnation)
	require.Greater(t, after.Regions[i].Epoch, before.Regions[i].Epoch)
	require.True(t, slices.ContainsFunc(after.Failovers, func(f admin.FailoverStatus) bool {
		return f.Region == before.Regions[i].Name && f.From == victim.Name && f.To == after.Regions[i].Primary.Name
	}), "%+v", after.Failovers)
	require.True(t, slices.ContainsFunc(after.Servers, func(s admin.ServerStatus) bool {
		return s.Name == victim.Name && s.Incarnation != victim.Incarnation && s.Passing
	}), "%+v", after.Servers)
	require.Equal(t, 3, after.Coverage.Covered)

	next := after.Regions[i].Primary.Name
	g.presses(next, admin.FailureDrain)
	g.reads(next + " is to be emptied")
	g.reads("all is as before")
	interrupt()
	go func() { _, _ = io.Copy(io.Discard, story) }()
	require.NoError(t, <-ended)

	var r demo.Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	require.True(t, r.OK, r.Problems)
	require.True(t, r.Settings.Page)
	require.Len(t, r.Rounds, 2)
	require.Equal(t, "kill", r.Rounds[0].Fault)
	require.Equal(t, []string{victim.Name}, r.Rounds[0].Servers)
	require.Contains(t, movedIn(r.Rounds[0]), before.Regions[i].Name)
	require.True(t, r.Rounds[1].Planned) // and it may be over before it is noticed
	require.Equal(t, r.Verdict.Sent, r.Verdict.Durable)
}

// movedIn names the regions that had to move.
func movedIn(r demo.Round) (names []string) {
	for _, f := range r.Regions {
		names = append(names, f.Region)
	}
	return names
}
