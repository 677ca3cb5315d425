package demo

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/bench/bots"
	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/world"
)

// Report is all that a run has found out. As JSON, durations are nanoseconds.
type Report struct {
	OK       bool          `json:"ok"`
	Problems []string      `json:"problems"` // why it is not OK
	Verdict  judge.Verdict `json:"verdict"`

	Faults       []FaultReport `json:"faults"` // by name, in the order of their first round
	QuietDurable judge.Spread  `json:"quiet_durable"`
	QuietReply   judge.Spread  `json:"quiet_reply"`
	Rounds       []Round       `json:"rounds"`

	Trades    uint64        `json:"trades"`
	Holds     uint64        `json:"holds"`
	Reseats   uint64        `json:"reseats"`
	LagMax    time.Duration `json:"lag_max_ns"` // how late the players' own schedule ran
	Scheduled uint64        `json:"scheduled"`  // actions that the schedule asked for

	Settings Settings  `json:"settings"`
	Machine  Machine   `json:"machine"`
	Started  time.Time `json:"started"`
	Took     float64   `json:"took_s"`
}

// FaultReport is what one kind of fault cost, over all of its rounds.
type FaultReport struct {
	Fault     string       `json:"fault"`
	Rounds    int          `json:"rounds"`
	InFlight  int          `json:"in_flight"` // actions sent but not durable when the faults came
	Durable   judge.Spread `json:"durable"`   // stalls of players
	Reply     judge.Spread `json:"reply"`
	Unreplied int          `json:"unreplied"` // actions whose reply never came
}

// Round is one fault.
type Round struct {
	Fault       string        `json:"fault"`
	Server      string        `json:"server"` // that it happened to
	At          time.Time     `json:"at"`
	EpochBefore uint64        `json:"epoch_before"`
	EpochAfter  uint64        `json:"epoch_after"`
	Back        time.Duration `json:"back_ns"` // until all players could play on
	Timeline    []Entry       `json:"timeline"`
	Stalls      []judge.Stall `json:"stalls"` // of each player
}

// Settings are what the run was asked for.
type Settings struct {
	Players  int      `json:"players"`
	Rate     float64  `json:"rate"`
	Rounds   int      `json:"rounds"`
	Faults   []string `json:"faults"`
	Seed     uint64   `json:"seed"`
	Registry string   `json:"registry"` // "in memory", or Consul's address
}

// Machine is what it ran on.
type Machine struct {
	CPUs int    `json:"cpus"`
	OS   string `json:"os"`
	Arch string `json:"arch"`
	Go   string `json:"go"`
	Host string `json:"host"`

	Commit string `json:"commit,omitempty"` // of this program, where the build knows it
}

func thisMachine() Machine {
	host, _ := os.Hostname() // without it the report is as good
	m := Machine{CPUs: runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version(), Host: host}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				m.Commit = s.Value
			}
		}
	}
	return m
}

// evidence is what a run leaves behind.
type evidence struct {
	before, after world.Books
	result        bots.Result
	rounds        []Round
	played        time.Duration // from Play to Stop
	failed        error         // what ended the rounds early
	settings      Settings
}

// newReport judges a run.
func newReport(e evidence) Report {
	r := Report{
		Problems:     []string{},
		Verdict:      judge.Judge(e.result.Ledgers, e.before, e.after),
		Rounds:       e.rounds,
		QuietDurable: e.result.QuietDurable, QuietReply: e.result.QuietReply,
		Trades: e.after.Trades, Holds: e.result.Holds, Reseats: e.result.Reseats, LagMax: e.result.Lag,
		Scheduled: uint64(e.played.Seconds() * e.settings.Rate * float64(e.settings.Players)),
		Settings:  e.settings, Machine: thisMachine(),
	}
	for i := range min(len(r.Rounds), len(e.result.Faults)) {
		r.Rounds[i].Stalls = e.result.Faults[i].Stalls
	}
	r.Faults = byFault(r.Rounds)
	if e.failed != nil {
		r.Problems = append(r.Problems, e.failed.Error())
	}
	r.Problems = append(append(r.Problems, r.Verdict.Violations...), r.happened()...)
	r.OK = len(r.Problems) == 0
	return r
}

func byFault(rounds []Round) []FaultReport {
	var reports []FaultReport
	durable, reply := map[string][]time.Duration{}, map[string][]time.Duration{}
	for _, round := range rounds {
		i := slices.IndexFunc(reports, func(f FaultReport) bool { return f.Fault == round.Fault })
		if i < 0 {
			i = len(reports)
			reports = append(reports, FaultReport{Fault: round.Fault})
		}
		f := &reports[i]
		f.Rounds++
		for _, s := range round.Stalls {
			f.InFlight += s.InFlight
			f.Unreplied += s.Unreplied
			durable[f.Fault] = append(durable[f.Fault], s.Durable)
			reply[f.Fault] = append(reply[f.Fault], s.Reply)
		}
	}
	for i := range reports {
		f := &reports[i]
		f.Durable, f.Reply = judge.SpreadOf(durable[f.Fault]), judge.SpreadOf(reply[f.Fault])
	}
	return reports
}

// happened looks for signs that the run proves nothing: a demo in which no
// server failed while there was something to lose is no success.
func (r *Report) happened() (problems []string) {
	inFlight := 0
	for _, f := range r.Faults {
		inFlight += f.InFlight
	}
	for i, round := range r.Rounds {
		if round.EpochAfter <= round.EpochBefore {
			problems = append(problems, fmt.Sprintf("round %d (%s): no failover happened, the epoch is still %d",
				i+1, round.Fault, round.EpochAfter))
		}
	}
	if asked := r.Settings.Rounds * len(r.Settings.Faults); len(r.Rounds) < asked {
		problems = append(problems, fmt.Sprintf("only %d of %s took place", len(r.Rounds), plural(asked, "round")))
	}
	if len(r.Rounds) > 0 && inFlight == 0 && r.usuallyInFlight() >= enough {
		problems = append(problems, "no action was in flight when the faults came: nothing was at stake")
	}
	if r.Verdict.Sent < r.Scheduled/2 {
		problems = append(problems, fmt.Sprintf("the players sent only %s of %s: the machine, or the edge's push-back, slowed them down",
			grouped(r.Verdict.Sent), plural(r.Scheduled, "action")))
	}
	return problems
}

// enough is how many actions must usually be in flight for none to be a sign
// that something is wrong, and not that the players are few.
const enough = 5

// usuallyInFlight is how many actions are on their way at any time: how many
// start in a second, times how many seconds they take.
func (r *Report) usuallyInFlight() float64 {
	return r.Settings.Rate * float64(r.Settings.Players) * r.QuietDurable.P50.Seconds()
}

// epochs is the number of times that the epoch rose in all rounds.
func (r *Report) epochs() (rose uint64) {
	if len(r.Rounds) == 0 {
		return 0
	}
	return r.Rounds[len(r.Rounds)-1].EpochAfter - r.Rounds[0].EpochBefore
}

// unexplained is how often players were reseated beyond once for each fault: a
// link was given up, or a primary changed, without one.
func (r *Report) unexplained() uint64 {
	explained := uint64(len(r.Rounds)) * uint64(r.Verdict.Players)
	return r.Reseats - min(r.Reseats, explained)
}

// faultNames are the kinds of faults that took place.
func (r *Report) faultNames() string {
	all := make([]string, 0, len(r.Faults))
	for _, f := range r.Faults {
		all = append(all, f.Fault)
	}
	return strings.Join(all, ", ")
}
