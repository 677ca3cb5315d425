package demo

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// replay feeds the log lines of a file to a timeline. Each line is
// "process offset-in-ms json"; the file's first line is the fault.
func replay(t *testing.T, name string) (drawn string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")

	var out bytes.Buffer
	tl := &timeline{screen: NewScreen(&out)}
	fault := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tl.begin(fault)
	tl.add(fault, markFault, lines[0])
	servers := names{"i1": "server-1", "i2": "server-2"}
	for _, line := range lines[1:] {
		from, rest, _ := strings.Cut(line, " ")
		after, text, _ := strings.Cut(strings.TrimSpace(rest), " ")
		offset, err := time.ParseDuration(after)
		require.NoError(t, err, line)
		e, ok := fleet.ParseEvent(from, []byte(text), fault.Add(offset))
		require.True(t, ok, line)
		if say := words[e.Name]; say != nil {
			tl.add(e.At, markStep, say(e, servers))
		}
	}
	tl.add(fault.Add(31*time.Millisecond), markDone, "all 50 players play on, all kept actions are durable")
	tl.end()
	return out.String()
}

func TestTimelineOfAKill(t *testing.T) {
	require.Equal(t, strings.TrimPrefix(`
      +0.0 ms  ✗ game of server-2 killed (SIGKILL)
      +3.1 ms  · sidecar of server-2 notices: the game process ended
      +3.4 ms  · edge suspects server-2: nothing listens at its port
      +3.6 ms  · edge keeps the actions of 50 players, 63 so far
      +7.9 ms  · server-1 elected, epoch 4
     +15.2 ms  · server-1 serves epoch 4
     +16.0 ms  · edge switches 50 players to server-1
     +16.5 ms  · edge-2 follows server-1
     +21.7 ms  · edge has re-sent 63 kept actions of 50 players
     +31.0 ms  ✓ all 50 players play on, all kept actions are durable
   +1203.4 ms  · server-2 is back, as a backup without state
   +1220.0 ms  · server-2 has copied the state, 3.2 KiB
   +1230.0 ms  · server-1 and server-2 are in sync
`, "\n"), replay(t, "kill.log"))
}

func TestTimelineWaitsForWhatCameEarlier(t *testing.T) {
	var out bytes.Buffer
	tl := &timeline{screen: NewScreen(&out)}
	fault := time.Now()
	tl.add(fault, markStep, "before any fault: not shown")
	require.Empty(t, tl.begin(fault))
	tl.add(fault, markFault, "fault")
	tl.add(fault.Add(-time.Nanosecond), markStep, "before the fault: not shown")
	tl.add(fault.Add(2*time.Millisecond), markStep, "second")
	tl.flush(fault.Add(settleTime))
	require.Equal(t, 1, strings.Count(out.String(), "\n"))
	tl.add(fault.Add(time.Millisecond), markStep, "first")
	tl.add(fault.Add(3*time.Millisecond), markStep, "first") // said already
	tl.add(fault.Add(3*time.Millisecond), markStep, "")
	tl.flush(fault.Add(settleTime + 2*time.Millisecond))
	require.Equal(t, []string{"fault", "first", "second"}, texts(tl.begin(fault)))
	tl.add(fault, markFault, "next")
	require.Equal(t, []string{"next"}, texts(tl.end()))
	tl.add(time.Now(), markStep, "after the end: not shown")
	require.Empty(t, tl.end())
}

func texts(entries []Entry) (all []string) {
	for _, e := range entries {
		all = append(all, e.Text)
	}
	return all
}

// TestWords says every event once, with and without what it usually carries: no
// event of a process may make the demo stumble.
func TestWords(t *testing.T) {
	for name, say := range words {
		bare := event(t, map[string]any{"event": name})
		require.NotPanics(t, func() { say(bare, nil) }, name)
	}
	n := names{"i1": "server-1"}
	for want, attrs := range map[string]map[string]any{
		"server-9 has two witnesses against server-1: it is silent": {"event": "detected", "primary": "i1", "reason": "silence"},
		"server-9 has two witnesses against a server: odd_one":      {"event": "detected", "primary": "i7", "reason": "odd_one"},
		"server-9 keeps the actions of 1 player, 0 so far":          {"event": "held", "players": 1, "reason": "drain"},
		"server-9 gives up: there is a newer primary":               {"event": "down", "reason": "deposed"},
		"": {"event": "suspect", "witness": "edge"},
		"no backup is in sync: the edges keep the state":               {"event": "insync", "members": []string{}, "cold": true},
		"server-1 alone is in sync":                                    {"event": "insync", "members": []string{"i1"}},
		"server-1 is too slow to stay in sync":                         {"event": "late", "backup": "i1"},
		"server-9 has the newest snapshot of the edges, 3.2 KiB":       {"event": "restored", "bytes": 3277},
		"server-9 sets an action of bot-007 aside: servers died of it": {"event": "quarantined", "player": "bot-007"},
	} {
		e := event(t, attrs)
		require.Equal(t, want, words[e.Name](e, n))
	}
}

func event(t *testing.T, attrs map[string]any) fleet.Event {
	t.Helper()
	line, err := json.Marshal(attrs)
	require.NoError(t, err)
	e, ok := fleet.ParseEvent("server-9", line, time.Now())
	require.True(t, ok)
	return e
}
