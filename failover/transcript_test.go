package failover

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
//	[<milliseconds>] <event> key=value ...
//	  command
//	  -> state
//
// Lines that do not begin with a bracket are output: the test compares them.
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

// play runs the events of a transcript and returns it with fresh output.
func play(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	var m stepper
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "#"), line == "":
			fmt.Fprintln(&out, line)
			continue
		case strings.HasPrefix(line, "machine "):
			fmt.Fprintln(&out, line)
			m = newStepper(t, parse(t, line))
			continue
		case !strings.HasPrefix(line, "["):
			continue
		}
		fmt.Fprintln(&out, line)
		stamp, rest, _ := strings.Cut(line[1:], "] ")
		ms, err := strconv.Atoi(stamp)
		require.NoError(t, err, line)
		now := time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond)
		for _, cmd := range m.step(now, parse(t, rest)) {
			fmt.Fprintln(&out, "  "+cmd)
		}
		fmt.Fprintln(&out, "  -> "+m.state())
	}
	return out.String()
}

type stepper interface {
	step(now time.Time, ev event) []string
	state() string
}

// event is a parsed line.
type event struct {
	t    *testing.T
	name string
	args map[string]string
}

func parse(t *testing.T, line string) event {
	t.Helper()
	words := strings.Fields(line)
	e := event{t, words[0], map[string]string{}}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		e.args[k] = v
	}
	return e
}

func (e event) num(key string) uint64 {
	if e.args[key] == "" {
		return 0
	}
	n, err := strconv.ParseUint(e.args[key], 10, 64)
	require.NoError(e.t, err)
	return n
}

func (e event) reason() Reason { return Reason(e.args["reason"]) }

func (e event) suspicion() Suspicion {
	return Suspicion{Epoch: e.num("epoch"), Session: e.args["session"], Incarnation: e.args["of"], Reason: e.reason()}
}

// view reads: epoch= primary=<incarnation>/<session> servers=a,b,!c,~d (! = not passing, ~ = being emptied) lead= stale
func (e event) view() discovery.View {
	v := discovery.View{Region: "arena", Epoch: e.num("epoch")}
	_, v.Stale = e.args["stale"]
	if inc, session, ok := strings.Cut(e.args["primary"], "/"); ok {
		v.Primary = &discovery.Holder{Incarnation: inc, Session: session, Epoch: v.Epoch}
	}
	if set, ok := e.args["insync"]; ok {
		v.InSyncKnown = true
		v.InSync = strings.FieldsFunc(set, func(r rune) bool { return r == ',' })
	}
	for name := range strings.SplitSeq(e.args["servers"], ",") {
		if name != "" {
			v.Servers = append(v.Servers, discovery.Server{
				Incarnation: strings.TrimLeft(name, "!~"), Passing: name[0] != '!', Draining: name[0] == '~',
			})
		}
	}
	v.Seats.Lead = e.args["lead"]
	slices.SortFunc(v.Servers, func(a, b discovery.Server) int { return strings.Compare(a.Incarnation, b.Incarnation) })
	return v
}

func newStepper(t *testing.T, e event) stepper {
	t.Helper()
	switch {
	case has(e, "region"):
		return &regionStepper{NewRegion(DefaultTiming())}
	case has(e, "candidate"):
		c := NewCandidate(DefaultTiming(), e.args["self"], e.args["session"], e.num("floor"))
		if has(e, "barred") {
			c.Bar()
		}
		return &candidateStepper{c, map[string]bool{}}
	}
	if has(e, "insync") {
		return &setStepper{NewInSync(DefaultTiming(), e.args["self"], setSeen(e))}
	}
	t.Fatalf("unknown machine: %v", e)
	return nil
}

func has(e event, key string) bool { _, ok := e.args[key]; return ok }

type regionStepper struct{ m *Region }

func (s *regionStepper) state() string {
	if s.m.Phase() == Serving {
		return fmt.Sprintf("serving %s epoch=%d promised=%d", s.m.Primary(), s.m.Epoch(), s.m.Promised())
	}
	return fmt.Sprintf("holding (%s) promised=%d", s.m.Reason(), s.m.Promised())
}

func (s *regionStepper) step(now time.Time, e event) (out []string) {
	inc := e.args["of"]
	var ev RegionEvent
	switch e.name {
	case "view":
		ev = ViewSeen{View: e.view()}
	case "up":
		ev = LinkUp{inc}
	case "lost":
		ev = LinkDown{inc, e.reason()}
	case "elected":
		ev = ElectedHeard{inc, e.num("epoch")}
	case "serving":
		ev = ServingHeard{inc, e.num("epoch")}
	case "down":
		ev = DownHeard{inc, e.num("epoch"), e.reason()}
	case "epoch":
		ev = EpochHeard{e.num("epoch")}
	case "tick":
		ev = Tick{}
	default:
		e.t.Fatalf("unknown event %q", e.name)
	}
	for _, cmd := range s.m.Step(now, ev) {
		out = append(out, fmt.Sprintf("%T%+v", cmd, cmd)[len("failover."):])
	}
	return out
}

type candidateStepper struct {
	m    *Candidate
	seen map[string]bool
}

func (s *candidateStepper) state() string {
	return fmt.Sprintf("%v epoch=%d promised=%d", s.m.State(), s.m.Epoch(), s.m.Promised())
}

func (s *candidateStepper) step(now time.Time, e event) (out []string) {
	for _, cmd := range s.m.Step(now, s.event(e)) {
		if w, ok := cmd.(WakeAt); ok {
			out = append(out, fmt.Sprintf("WakeAt{%dms}", w.Time.Sub(time.Unix(1000, 0)).Milliseconds()))
			continue
		}
		out = append(out, fmt.Sprintf("%T%+v", cmd, cmd)[len("failover."):])
	}
	return out
}

func (s *candidateStepper) event(e event) CandidateEvent {
	switch e.name {
	case "view":
		return ViewSeen{View: e.view(), Ahead: int(e.num("ahead"))}
	case "witness":
		return Witness{From: e.args["from"], Suspicion: e.suspicion()}
	case "claimed":
		return Claimed{Epoch: e.num("epoch"), InSync: has(e, "insync")}
	case "standing":
		return Standing{From: e.args["from"], Epoch: e.num("epoch"), Index: e.num("index")}
	case "session":
		return SessionChanged{e.args["session"]}
	case "claim-failed":
		return ClaimFailed{Final: has(e, "final")}
	case "edge-up":
		return EdgeUp{e.args["edge"]}
	case "edge-down":
		return EdgeDown{e.args["edge"]}
	case "offered":
		return Offered{Edge: e.args["edge"], Epoch: e.num("epoch"), Index: e.num("index")}
	case "fetched":
		return Fetched{}
	case "restored":
		return Restored{}
	case "restore-failed":
		return RestoreFailed{e.reason()}
	case "epoch":
		return EpochHeard{e.num("epoch")}
	case "matched":
		return Matched{}
	case "retire":
		return Retire{}
	case "yielded":
		return Yielded{}
	case "yield-failed":
		return YieldFailed{}
	case "freed":
		return Freed{Epoch: e.num("epoch"), Heir: has(e, "heir")}
	case "given":
		return Given{Epoch: e.num("epoch")}
	case "tick":
		return Tick{}
	}
	e.t.Fatalf("unknown event %q", e.name)
	return nil
}

type setStepper struct{ m *InSync }

func setSeen(e event) SetSeen {
	set, known := e.args["set"]
	return SetSeen{strings.FieldsFunc(set, func(r rune) bool { return r == ',' }), known, discovery.SetVersion(e.num("version"))}
}

func (s *setStepper) state() string {
	members, known := s.m.Members()
	on := "cold"
	if known {
		on = strings.Join(members, ",")
	}
	return fmt.Sprintf("%s, durable with %v, edges=%v, protected=%v, wants-cover=%v",
		on, s.m.Required(), s.m.NeedsEdges(), s.m.Protected(), s.m.WantsCover())
}

func (s *setStepper) step(now time.Time, e event) (out []string) {
	inc := e.args["of"]
	var ev SetEvent
	switch e.name {
	case "seen":
		ev = setSeen(e)
	case "failed":
		ev = ChangeFailed{}
	case "up":
		ev = BackupUp{inc}
	case "caught-up":
		ev = CaughtUp{inc}
	case "gone":
		ev = BackupGone{inc}
	case "dead":
		ev = MemberDead{inc}
	case "places":
		ev = Places{strings.FieldsFunc(e.args["of"], func(r rune) bool { return r == ',' })}
	case "covered":
		ev = EdgesCover{}
	case "tick":
		ev = Tick{}
	default:
		e.t.Fatalf("unknown event %q", e.name)
	}
	change, wake := s.m.Step(now, ev)
	if change != nil {
		out = append(out, fmt.Sprintf("SetChange%+v", *change))
	}
	if !wake.IsZero() {
		out = append(out, fmt.Sprintf("WakeAt{%dms}", wake.Sub(time.Unix(1000, 0)).Milliseconds()))
	}
	return out
}
