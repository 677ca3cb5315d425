package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/admin"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files of this test")

// aStatus is a mesh on a bad day.
func aStatus() admin.Status {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return at.Add(-d) }
	return admin.Status{
		At: at, Controller: &admin.ControllerStatus{Edge: "edge-2", Incarnation: "e2", Admin: "http://10.0.0.2:7700", Since: ago(time.Hour)},
		Level:    admin.LevelStatus{Name: "light", Fidelity: 0.75, Since: ago(time.Minute), Failures: 3, ServersFailed: 0.25},
		Coverage: admin.CoverageStatus{Regions: 3, Covered: 1, Percent: 100.0 / 3, Unprotected: []string{"docks"}},
		Servers: []admin.ServerStatus{
			{Name: "game-1", Incarnation: "a1", Address: "game-1.internal:7800", Zone: "zone-a", Host: "host-1", Passing: true, PrimaryOf: []string{"arena", "plaza"}, BackupOf: []string{}},
			{Name: "game-2", Incarnation: "b1", Address: "game-2.internal:7800", Zone: "zone-b", Host: "host-2", Passing: true, Draining: true, Pool: true, PrimaryOf: []string{}, BackupOf: []string{"arena"}},
			{Name: "game-3", Incarnation: "c1", Address: "game-3.internal:7800", Host: "host-3", PrimaryOf: []string{}, BackupOf: []string{}},
			{Name: "game-4", Incarnation: "d1", Address: "game-4.internal:7800", Passing: true, Draining: true, Drained: true, PrimaryOf: []string{}, BackupOf: []string{}},
		},
		Regions: []admin.RegionStatus{
			{
				Name: "arena", Epoch: 12, State: admin.Serving, Primary: &admin.PrimaryRef{Name: "game-1", Incarnation: "a1"}, InSync: []string{"game-1", "game-2"},
				InSyncKnown: true, Seats: []string{"game-2"}, Protected: true, Players: 120, Kept: 4, Score: 12004, Rank: 2, Since: ago(time.Hour), Lead: "game-2",
			},
			{Name: "docks", Epoch: 3, State: admin.Vacant, InSync: []string{}, Seats: []string{}, Rank: 3, Since: ago(42 * time.Second)},
			{
				Name: "plaza", Epoch: 7, State: admin.Restoring, Primary: &admin.PrimaryRef{Name: "game-1", Incarnation: "a1"}, InSync: []string{"game-1", "game-3"},
				InSyncKnown: true, Seats: []string{}, Protected: true, Players: 30, Kept: 61, Score: 1 << 40, Rank: 1, Critical: true, Since: ago(300 * time.Millisecond),
			},
		},
		Edges: []admin.EdgeStatus{
			{Name: "edge-1", Incarnation: "e1", Address: "10.0.0.1:7777", Admin: "http://10.0.0.1:7700", Passing: true, Here: true},
			{Name: "edge-2", Incarnation: "e2", Address: "10.0.0.2:7777", Passing: true},
		},
		Failovers: []admin.FailoverStatus{
			{
				ID: 1, Region: "arena", From: "game-3", To: "game-1", EpochBefore: 11, Epoch: 12, Reason: "game_exit", Started: ago(time.Hour), Players: 118, Actions: 31, Done: true, Rank: 2,
				Stages: []admin.StageStatus{{Name: "held"}, {Name: "elected", MS: 12.34}, {Name: "serving", MS: 20}, {Name: "switched", MS: 20.4}, {Name: "durable", MS: 25.9}, {Name: "resent", MS: 26}},
			},
			{ID: 2, Region: "plaza", From: "game-3", EpochBefore: 6, Reason: "silence", Started: ago(900 * time.Millisecond), Players: 30, Stages: []admin.StageStatus{{Name: "held"}, {Name: "elected", MS: 402}}},
		},
		Alerts: []admin.AlertStatus{{Severity: "critical", Message: "region docks has no primary: nobody who may lead it is alive", Region: "docks", Since: ago(32 * time.Second)}},
	}
}

func TestDrawStatus(t *testing.T) {
	var out bytes.Buffer
	drawStatus(&out, aStatus())
	golden := filepath.Join("testdata", "status.txt")
	if *rewrite {
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String())

	out.Reset()
	drawStatus(&out, admin.Status{Stale: true, Level: admin.LevelStatus{Name: "normal", Fidelity: 1}, Coverage: admin.CoverageStatus{Percent: 100}})
	require.Equal(t, `STALE: Consul does not answer, this is what it said last
level       normal, fidelity 1.00; servers lost in the window: 0, 0 %
coverage    100 %: 0 of 0 regions have all their backups
controller  none: lost backups are not replaced

no regions: nothing is registered, and nobody has played

no servers are registered

no failovers are recorded
`, out.String())
}

// However long the names are, a line has 100 columns.
func TestStatusFits(t *testing.T) {
	s := aStatus()
	long := strings.Repeat("ö-long-name-", 5)
	for i := range s.Regions {
		s.Regions[i].Name, s.Regions[i].Lead = long, long
		s.Regions[i].InSync, s.Regions[i].InSyncKnown = []string{long, long, long, long}, true
		s.Regions[i].Primary = &admin.PrimaryRef{Name: long}
		s.Regions[i].Players, s.Regions[i].Epoch = 1e6, 1e6
	}
	for i := range s.Servers {
		s.Servers[i].Name, s.Servers[i].Address, s.Servers[i].Zone, s.Servers[i].Host = long, long+":65535", long, long
		s.Servers[i].PrimaryOf, s.Servers[i].BackupOf = strings.Split(strings.Repeat(long+" ", 9), " "), []string{long}
	}
	for i := range s.Failovers {
		s.Failovers[i].Region, s.Failovers[i].From, s.Failovers[i].To = long, long, long
	}
	for i := range s.Edges {
		s.Edges[i].Name, s.Edges[i].Address, s.Edges[i].Admin = long, long, "https://"+long
	}
	s.Alerts[0].Message = strings.Repeat(long, 4)
	s.Coverage.Unprotected = []string{long, long}
	var out bytes.Buffer
	drawStatus(&out, s)
	for line := range strings.Lines(out.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), pageWidth, line)
	}
}

// fakeAPI answers as an edge's API does.
type fakeAPI struct {
	*httptest.Server
	status atomic.Pointer[admin.Status]
	asked  chan string // method, path and body of commands
	refuse atomic.Pointer[admin.Problem]
}

func newFakeAPI(t *testing.T) *fakeAPI {
	t.Helper()
	f := &fakeAPI{asked: make(chan string, 8)}
	s := aStatus()
	f.status.Store(&s)
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if p := f.refuse.Load(); p != nil {
			w.WriteHeader(p.Status)
			_ = json.NewEncoder(w).Encode(p)
			return
		}
		var answer any
		switch r.URL.Path {
		case "/mesh/status":
			answer = f.status.Load()
		case "/mesh/drain":
			answer = admin.DrainReply{Server: "game-1", Incarnation: "a1", Draining: true}
		case "/mesh/move":
			answer = admin.MoveReply{Region: "plaza", To: "game-2", Incarnation: "b1"}
		}
		if r.Method == http.MethodPost {
			f.asked <- r.URL.Path + " " + string(body)
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(f.Close)
	t.Setenv("RESEAT_ADMIN", f.URL)
	return f
}

// change lets the next answers be another status.
func (f *fakeAPI) change(how func(*admin.Status)) {
	s := aStatus()
	how(&s)
	f.status.Store(&s)
}

func TestStatusCommand(t *testing.T) {
	f := newFakeAPI(t)
	out, err := call(t, "status")
	require.NoError(t, err)
	require.Contains(t, out, "level       light, fidelity 0.75")

	out, err = call(t, "status", "--json", "--admin", f.URL)
	require.NoError(t, err)
	var s admin.Status
	require.NoError(t, json.Unmarshal([]byte(out), &s))
	require.Equal(t, aStatus(), s)

	f.refuse.Store(&admin.Problem{Status: 401, Code: "token", Detail: "send the token"})
	_, err = call(t, "status")
	require.EqualError(t, err, "send the token")
	require.Equal(t, 1, exitCode(err))

	f.Close()
	_, err = call(t, "status")
	require.ErrorContains(t, err, "nothing listens at "+f.URL)
}

func TestStatusUsage(t *testing.T) {
	loose := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(loose, []byte(strings.Repeat("x", 32)), 0o644))
	for _, tt := range []struct{ args, want string }{
		{"status now", `reseat status takes no arguments, but got "now": see reseat status --help`},
		{"status --admin ftp://h", `"ftp://h" is not the address of an edge's API: write http://host:port, as http://127.0.0.1:7700`},
		{"status --token-file " + loose, "admin: token file " + loose + " can be read by others (mode 0644): chmod 600 " + loose},
		{"status --ca-file /nowhere", "CA file /nowhere"},
		{"drain", "write reseat drain SERVER: see reseat drain --help"},
		{"drain a b", "write reseat drain SERVER: see reseat drain --help"},
		{"drain a --undo --wait", "--undo is done at once: leave --wait out"},
		{"move arena", "write reseat move REGION SERVER: see reseat move --help"},
	} {
		_, err := call(t, strings.Fields(tt.args)...)
		require.ErrorContains(t, err, tt.want, tt.args)
		require.Equal(t, 2, exitCode(err), tt.args)
	}
}

// follow runs a command and returns its lines as they come.
func follow(t *testing.T, args ...string) (lines <-chan string, done <-chan error, stop context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	read, write := io.Pipe()
	out, ended := make(chan string, 100), make(chan error, 1)
	go func() {
		err := run(ctx, args, strings.NewReader(""), write, io.Discard)
		_ = write.Close()
		ended <- err
	}()
	go func() {
		defer close(out)
		text := ""
		buf := make([]byte, 4096)
		for {
			n, err := read.Read(buf)
			text += string(buf[:n])
			for {
				line, rest, whole := strings.Cut(text, "\n")
				if !whole {
					break
				}
				out <- line
				text = rest
			}
			if err != nil {
				return
			}
		}
	}()
	return out, ended, cancel
}

func TestWatch(t *testing.T) {
	f := newFakeAPI(t)
	lines, done, stop := follow(t, "status", "--watch", "--json")
	for range 2 {
		var s admin.Status
		require.NoError(t, json.Unmarshal([]byte(<-lines), &s), "one a line")
	}
	stop()
	require.NoError(t, <-done)

	lines, done, stop = follow(t, "status", "--watch")
	for line := range lines {
		if strings.HasPrefix(line, "level") {
			break
		}
	}
	f.refuse.Store(&admin.Problem{Status: 500, Code: "internal", Detail: "out of order"})
	for line := range lines {
		if line == "out of order" {
			break
		}
	}
	f.refuse.Store(nil)
	for line := range lines {
		if strings.HasPrefix(line, "level") {
			break
		}
	}
	stop()
	require.NoError(t, <-done)
}

func TestDrainCommand(t *testing.T) {
	f := newFakeAPI(t)
	out, err := call(t, "drain", "game-1")
	require.NoError(t, err)
	require.Equal(t, "game-1 (a1) is being emptied\n", out)
	require.Equal(t, `/mesh/drain {"server":"game-1"}`, <-f.asked)
	out, err = call(t, "drain", "game-1", "--undo")
	require.NoError(t, err)
	require.Equal(t, "game-1 (a1) is not to be emptied any more\n", out)
	require.Equal(t, `/mesh/drain {"server":"game-1","undo":true}`, <-f.asked)

	lines, done, _ := follow(t, "drain", "game-1", "--wait")
	require.Equal(t, "game-1 (a1) is being emptied", <-lines)
	require.Equal(t, "game-1 still leads arena, plaza", <-lines)
	f.change(func(s *admin.Status) { s.Servers[0].PrimaryOf, s.Servers[0].BackupOf = nil, []string{"arena"} })
	require.Equal(t, "game-1 still backs arena", <-lines)
	f.change(func(s *admin.Status) { s.Servers[0].PrimaryOf, s.Servers[0].Drained = nil, true })
	require.Equal(t, "game-1 is empty: it may be stopped", <-lines)
	require.NoError(t, <-done)

	f.change(func(s *admin.Status) { s.Servers = s.Servers[1:] })
	out, err = call(t, "drain", "game-1", "--wait")
	require.NoError(t, err)
	require.Contains(t, out, "game-1 is gone\n")

	f.change(func(*admin.Status) {})
	_, err = call(t, "drain", "game-1", "--wait", "--timeout", "1ms")
	require.ErrorContains(t, err, "not done within 1ms")
	require.Equal(t, 1, exitCode(err))
	lines, done, stop := follow(t, "drain", "game-1", "--wait")
	<-lines
	<-lines
	stop()
	require.ErrorContains(t, <-done, "interrupted")
}

func TestMoveCommand(t *testing.T) {
	f := newFakeAPI(t)
	lines, done, _ := follow(t, "move", "plaza", "game-2", "--wait")
	require.Equal(t, "plaza is to be led by game-2 (b1)", <-lines)
	require.Equal(t, `/mesh/move {"region":"plaza","to":"game-2"}`, <-f.asked)
	require.Equal(t, "game-2 copies the state", <-lines)
	f.change(func(s *admin.Status) { s.Regions[2].InSync = []string{"game-1", "game-2"} })
	require.Equal(t, "game-2 is in sync, and takes over", <-lines)
	f.change(func(s *admin.Status) {
		s.Regions[2].Primary, s.Regions[2].State, s.Regions[2].Epoch = &admin.PrimaryRef{Name: "game-2", Incarnation: "b1"}, admin.Serving, 8
	})
	require.Equal(t, "plaza is led by game-2, epoch 8", <-lines)
	require.NoError(t, <-done)

	f.change(func(s *admin.Status) { s.Servers[1].Passing = false })
	_, err := call(t, "move", "plaza", "game-2", "--wait")
	require.ErrorContains(t, err, "game-2 has failed: plaza is not moved to it")
	f.change(func(s *admin.Status) { s.Regions = nil })
	_, err = call(t, "move", "plaza", "game-2", "--wait")
	require.ErrorContains(t, err, "region plaza is gone")
}
