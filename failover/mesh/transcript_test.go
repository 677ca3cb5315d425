package mesh

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
)

var update = flag.Bool("update", false, "rewrite the transcripts; commit the changes only if you understand them")

// A transcript is a sequence of
//
//	machine backups=2 key=value ...
//	given <change of the world>
//	[<milliseconds>] <event> key=value ...
//	  command
//	  -> state
//
// Commands that write are carried out in the world at once, unless `given` says
// that writes fail or are lost; the Controller sees them at the next `see`. Lines
// that do not begin with a bracket, `machine` or `given` are output: the test
// compares them.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			got := play(t, string(text))
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				return
			}
			require.Equal(t, string(text), got)
		})
	}
}

func play(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	var s *stage
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"), line == "":
			fmt.Fprintln(&out, line)
		case strings.HasPrefix(line, "machine"):
			fmt.Fprintln(&out, line)
			s = newStage(t, parse(t, line))
		case strings.HasPrefix(line, "given "):
			fmt.Fprintln(&out, line)
			s.given(parse(t, strings.TrimPrefix(line, "given ")))
		case strings.HasPrefix(line, "["):
			fmt.Fprintln(&out, line)
			stamp, rest, _ := strings.Cut(line[1:], "] ")
			ms, err := strconv.Atoi(stamp)
			require.NoError(t, err, line)
			for _, said := range s.step(epoch.Add(time.Duration(ms)*time.Millisecond), parse(t, rest)) {
				fmt.Fprintln(&out, "  "+said)
			}
			fmt.Fprintln(&out, "  -> "+s.state())
		}
	}
	return out.String()
}

// words is a parsed line.
type words struct {
	t    *testing.T
	name string
	args map[string]string
}

func parse(t *testing.T, line string) words {
	t.Helper()
	fields := strings.Fields(line)
	e := words{t, fields[0], map[string]string{}}
	for i, w := range fields[1:] {
		k, v, set := strings.Cut(w, "=")
		if i == 0 && !set {
			e.args[""] = k
			continue
		}
		e.args[k] = v
	}
	return e
}

func (e words) has(key string) bool { _, ok := e.args[key]; return ok }

func (e words) num(key string) int {
	if e.args[key] == "" {
		return 0
	}
	n, err := strconv.Atoi(e.args[key])
	require.NoError(e.t, err)
	return n
}

// stage is a world and the Controller that acts upon it.
type stage struct {
	t      *testing.T
	w      *world
	c      *Controller
	writes string // "", fail, lost
}

func newStage(t *testing.T, e words) *stage {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Name = "ctl"
	if e.has("backups") {
		cfg.Backups = e.num("backups")
	}
	cfg.Regions, cfg.Critical = list(e.args["regions"]), list(e.args["critical"])
	cfg.Launch.AtOnce = e.num("launches")
	if e.has("moves") {
		cfg.Moves.AtOnce = e.num("moves")
	}
	c, err := New(cfg)
	require.NoError(t, err)
	return &stage{t: t, w: newWorld(cfg.Backups), c: c}
}

func (s *stage) given(e words) {
	who := e.args[""]
	switch e.name {
	case "server":
		s.w.server(who, e.args)
	case "failing", "passing":
		s.w.servers[who].Passing = e.name == "passing"
	case "gone":
		delete(s.w.servers, who)
	case "region": // primary= (empty: free) insync= epoch=
		v := s.w.region(who)
		if p, ok := e.args["primary"]; ok {
			v.Primary, v.Epoch = nil, max(v.Epoch, 1)
			if p != "" {
				v.Primary = &discovery.Holder{Incarnation: p, Session: "s-" + p}
			}
		}
		if set, ok := e.args["insync"]; ok {
			v.InSync, v.InSyncKnown = list(set), set != ""
		}
		if lead, ok := e.args["lead"]; ok {
			s.w.version++
			v.Seats.Lead, v.Seats.Version = lead, s.w.version
		}
		if e.has("score") {
			s.w.version++
			v.Seats.Score, v.Seats.Version = uint64(e.num("score")), s.w.version
		}
	case "drain":
		s.w.draining[who] = discovery.Drain{By: "operator", Since: epoch}
	case "undrain":
		delete(s.w.draining, who)
	case "consul":
		s.w.stale = who == "away"
	case "level":
		s.w.version++
		s.w.state, s.w.stateAt = discovery.MeshState{Level: who, Fidelity: 0.5, Since: epoch}, s.w.version
	case "writes":
		s.writes = who
	default:
		s.t.Fatalf("unknown change %q", e.name)
	}
}

func (s *stage) step(now time.Time, e words) (out []string) {
	var ev Event
	switch e.name {
	case "see":
		ev = Seen{s.w.mesh()}
	case "tick":
		ev = Tick{}
	case "load":
		ev = LoadSeen{e.args[""], Load{Players: e.num("players"), Kept: e.num("kept"), Pressure: e.has("pressure")}}
	case "launch-failed":
		ev = LaunchEnded{e.args[""], errors.New("no room")}
	case "launch-ok":
		ev = LaunchEnded{e.args[""], nil}
	case "seats-written":
		ev = SeatsWritten{e.args[""], errRaced}
	case "move":
		if err := s.c.Move(now, e.args[""], e.args["to"]); err != nil {
			return []string{"refused: " + err.Error()}
		}
		ev = Tick{}
	default:
		s.t.Fatalf("unknown event %q", e.name)
	}
	for _, cmd := range s.c.Step(now, ev) {
		out = append(out, show(cmd))
		if s.writes == "" {
			require.NoError(s.t, s.w.write(cmd), "the Controller has not seen what it has written: add a see")
		}
		if put, ok := cmd.(PutSeats); ok && s.writes == "fail" {
			s.c.Step(now, SeatsWritten{put.Region, errRaced})
		}
	}
	return out
}

func show(cmd Command) string {
	switch cmd := cmd.(type) {
	case PutSeats:
		text := fmt.Sprintf("PutSeats %s %v", cmd.Region, cmd.Seats.Servers)
		if len(cmd.Removed) > 0 {
			text += fmt.Sprintf(" removed=%v", cmd.Removed)
		}
		if cmd.Seats.Lead != "" {
			text += " lead=" + cmd.Seats.Lead
		}
		return fmt.Sprintf("%s score=%d", text, cmd.Seats.Score)
	case PutState:
		return fmt.Sprintf("PutState %s fidelity=%v retry=%dms", cmd.State.Level, cmd.State.Fidelity, cmd.State.RetryAfter)
	case Tell:
		word := "raise"
		switch {
		case !cmd.Alert.Active:
			word = "clear"
		case cmd.Alert.Repeated > 0:
			word = fmt.Sprintf("repeat(%d)", cmd.Alert.Repeated)
		}
		return fmt.Sprintf("Alert %s %s %s: %s", word, cmd.Alert.Severity, cmd.Alert.Key, cmd.Alert.Message)
	}
	return fmt.Sprintf("%T%+v", cmd, cmd)[len("mesh."):]
}

func (s *stage) state() string {
	st := s.c.Status()
	text := fmt.Sprintf("%v pressure=%.2f covered=%d/%d", st.Level, st.Pressure, st.Covered, len(st.Regions))
	for _, m := range st.Moves {
		text += fmt.Sprintf(" [%s %s to %s]", m.Region, m.State, m.To)
	}
	return text
}
