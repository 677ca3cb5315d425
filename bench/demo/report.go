package demo

import (
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/reseat-proxy/reseat/bench/bots"
	"github.com/reseat-proxy/reseat/bench/judge"
)

// Report is all that a run has found out. As JSON, durations are nanoseconds.
type Report struct {
	OK       bool          `json:"ok"`
	Problems []string      `json:"problems"` // why it is not OK
	Verdict  judge.Verdict `json:"verdict"`  // on all regions together

	Regions map[string]judge.Verdict `json:"regions"` // on each, by its own books

	Faults       []FaultReport `json:"faults"` // by name, in the order of their first round
	QuietDurable judge.Spread  `json:"quiet_durable"`
	QuietReply   judge.Spread  `json:"quiet_reply"`
	Rounds       []Round       `json:"rounds"`

	Alone     []string      `json:"alone,omitempty"` // regions of which people left one server, without a backup in sync
	Epochs    uint64        `json:"epochs"`          // by how much those of all regions rose
	Hot       int           `json:"hot"`             // failovers to a backup that had everything: nothing was restored
	Trades    uint64        `json:"trades"`
	Holds     uint64        `json:"holds"`
	Reseats   uint64        `json:"reseats"`
	LagMax    time.Duration `json:"lag_max_ns"` // how late the players' own schedule ran
	Scheduled uint64        `json:"scheduled"`  // actions that the schedule asked for

	Idle     *Idle     `json:"idle,omitempty"`
	Settings Settings  `json:"settings"`
	Machine  Machine   `json:"machine"`
	Started  time.Time `json:"started"`
	Took     float64   `json:"took_s"`
}

// FaultReport is what one kind of fault cost, over all of its rounds.
type FaultReport struct {
	Fault   string `json:"fault"`
	Rounds  int    `json:"rounds"`
	Edge    bool   `json:"edge,omitempty"` // it happened to edges
	Resumed int    `json:"resumed,omitempty"`

	// All below is of the players who were concerned: those of the regions that were
	// led by servers which were struck, and those on edges which were.
	InFlight  int          `json:"in_flight"` // actions sent but not durable when the faults came
	Durable   judge.Spread `json:"durable"`   // stalls of players
	Reply     judge.Spread `json:"reply"`
	Unreplied int          `json:"unreplied"` // actions whose reply never came

	// Others are the stalls of all other players; nil: there are none.
	Others *judge.Spread `json:"others,omitempty"`
}

// Round is one fault.
type Round struct {
	Fault     string        `json:"fault"`
	Planned   bool          `json:"planned,omitempty"` // nothing failed: servers were emptied
	Servers   []string      `json:"servers,omitempty"` // that it happened to
	Edges     []string      `json:"edges,omitempty"`   // likewise
	At        time.Time     `json:"at"`
	Regions   []Failover    `json:"regions"`              // that had to move, in the order in which they were served again
	Back      time.Duration `json:"back_ns"`              // until all players could play on
	Left      time.Duration `json:"left_ns,omitempty"`    // of an edge that died: until the first player noticed
	Resumed   time.Duration `json:"resumed_ns,omitempty"` // and until the last of them was on another one
	Protected time.Duration `json:"protected_ns"`         // until all backups were in sync again; 0: they had stayed so
	Levels    []Level       `json:"levels,omitempty"`
	Covered   []Cover       `json:"covered,omitempty"`  // the regions before the servers were back, where others had taken their places
	Costs     []Cost        `json:"costs,omitempty"`    // from just before it happened until all players could play on
	Delay     time.Duration `json:"delay_ns,omitempty"` // see Config.Delay: from the fault until a second after all played on
	Asked     int           `json:"asked"`              // how often the API of an edge was asked what it knows
	Untrue    []string      `json:"untrue,omitempty"`   // what it told otherwise than it was
	Timeline  []Entry       `json:"timeline"`
	Stalls    []judge.Stall `json:"stalls"` // of each player
}

// Settings are what the run was asked for.
type Settings struct {
	Players  int      `json:"players"`
	Rate     float64  `json:"rate"`
	Rounds   int      `json:"rounds"`
	Faults   []string `json:"faults"`
	Page     bool     `json:"page,omitempty"` // people decided what failed
	Seed     uint64   `json:"seed"`
	Registry string   `json:"registry"` // "in memory", or Consul's address
	Servers  int      `json:"servers"`
	Edges    int      `json:"edges"`
	Regions  []Region `json:"regions"`

	OutputCommit string `json:"output_commit"`
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
	before, after bots.Books
	result        bots.Result
	rounds        []Round
	epochs        uint64        // by how much those of all regions rose
	played        time.Duration // from Play to Stop
	failed        error         // what ended the rounds early
	idle          *Idle
	alone         []string // regions of which people left one server
	settings      Settings
}
