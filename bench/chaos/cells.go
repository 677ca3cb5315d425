package chaos

import (
	"time"

	"github.com/reseat-proxy/reseat/bench/history"
)

// Cells is the table that continuous integration runs, one after the other.
func Cells() []Cell {
	takeover := history.Counts{Takeovers: 1, TakeoversInFlight: 1}
	return append([]Cell{
		{Name: "quiet", After: 3 * time.Second},
		{Name: "kill", Steps: repeat(4, Step{Fault: fault("kill"), After: 200 * time.Millisecond, Whole: true}), Gate: history.Counts{Takeovers: 4, TakeoversInFlight: 1}},
		{Name: "host", Steps: repeat(2, Step{Fault: fault("host"), Whole: true}), Gate: history.Counts{Takeovers: 2, TakeoversInFlight: 1}},
		{Name: "churn", Faster: 3, Steps: repeat(4, Step{Fault: fault("host"), For: 300 * time.Millisecond, Whole: true}), Gate: history.Counts{Takeovers: 4, TakeoversInFlight: 2}},
		{Name: "freeze", Steps: one("freeze", 4*time.Second), Gate: takeover},
		{Name: "freeze-1s", Steps: one("freeze", time.Second), Gate: takeover},
		{Name: "backup", Steps: one("backup", time.Second), Gate: history.Counts{Shrinks: 1, Grows: 1}},
		{Name: "standby", Steps: repeat(2, Step{Fault: fault("standby"), Whole: true})},
		{Name: "backups", Steps: one("backups", 2*time.Second), Gate: history.Counts{Shrinks: 1, Grows: 1}},
		{Name: "last-resort", Steps: []Step{
			{Fault: fault("backups"), Open: true, For: time.Nanosecond}, {Fault: fault("host"), After: 1500 * time.Millisecond, For: 500 * time.Millisecond},
		}, Gate: takeover},
		{Name: "edge-kill", Steps: one("edge", 2*time.Second), Gate: history.Counts{Resumes: 1, ResumesElsewhere: 1}},
		{Name: "edge-freeze", Steps: one("edge-freeze", 3*time.Second), Gate: history.Counts{Resumes: 1, ResumesElsewhere: 1}},
		{Name: "edge-isolate", Steps: one("edge-isolate", 3*time.Second), Gate: history.Counts{Resumes: 1, ResumesElsewhere: 1, Stale: 1}, Passed: Packets{Cut: 1}},
		{Name: "edges-kill", Steps: one("edges", time.Second), Gate: history.Counts{Resumes: 2}},
		{Name: "consul-cut", Steps: one("consul-cut", 5*time.Second)},
		{Name: "consul-cut-all", Steps: one("consul-cut-all", 5*time.Second)},
		{Name: "cut-backups", Steps: one("cut-backups", 2*time.Second), Passed: Packets{Cut: 1}},
		{Name: "cut-edge", Steps: one("cut-edge", 1500*time.Millisecond), Passed: Packets{Cut: 1}},
		{Name: "cut-oneway", Steps: one("cut-oneway", 1500*time.Millisecond), Passed: Packets{Cut: 1}},
		{Name: "isolate", Steps: one("isolate", 2*time.Second), Passed: Packets{Cut: 1}, Gate: takeover},
		{Name: "weather", Steps: one("weather", 4*time.Second), Passed: Packets{Lost: 50, Reordered: 10}},
		// The second game dies when the suspects of the first have most likely been tried: an
		// action that is being tried when it dies is set aside, as the rule is.
		{Name: "weather-kill", Steps: []Step{{Fault: fault("weather"), Open: true, For: time.Nanosecond}, {Fault: fault("kill"), After: time.Second}, {Fault: fault("kill"), After: 2 * time.Second}}, Passed: Packets{Lost: 50}, Gate: takeover},
		{Name: "kill-twice", Steps: []Step{{Fault: fault("host"), Open: true}, {Fault: fault("host"), At: "elected", Open: true}}, Gate: history.Counts{Takeovers: 2}},
		{Name: "kill-at-copy", Ballast: 2048, Steps: []Step{{Fault: fault("backup"), For: 300 * time.Millisecond}, {Fault: fault("kill"), At: "copied"}}, Gate: takeover},
		{Name: "kill-at-join", Steps: []Step{{Fault: fault("backup"), For: 300 * time.Millisecond}, {Fault: fault("host"), At: "caught_up"}}, Gate: takeover},
	}, append(consulCells(takeover), playerCells()...)...)
}

func consulCells(takeover history.Counts) []Cell {
	return []Cell{
		{Name: "consul-kill", Steps: one("consul-kill", 2*time.Second)},
		{Name: "consul-freeze", Steps: one("consul-freeze", 5*time.Second)},
		{Name: "consul-wipe", Steps: one("consul-wipe", 500*time.Millisecond)},
		{Name: "by-hand", Steps: []Step{
			{Fault: fault("session"), Whole: true},
			{Fault: fault("lock-put"), Whole: true},
			{Fault: fault("lock-delete"), Whole: true},
			{Fault: fault("critical"), Whole: true},
		}},
		{Name: "kill-without-consul", Steps: []Step{
			{Fault: fault("consul-cut-all"), Open: true, For: time.Nanosecond}, {Fault: fault("kill"), After: 300 * time.Millisecond},
		}, Gate: takeover},
	}
}

func playerCells() []Cell {
	return []Cell{
		{Name: "poison-panic", Steps: one("poison-panic", 0), Until: "quarantined", Gate: history.Counts{Takeovers: 1, Refused: 1}},
		{Name: "poison-fatal", Steps: one("poison-fatal", 0), Until: "quarantined", Gate: history.Counts{Takeovers: 1, Refused: 1}},
		{Name: "poison-oom", Steps: one("poison-oom", 0), Until: "quarantined", Gate: history.Counts{Takeovers: 1, Refused: 1}},
		{Name: "poison-hang", Steps: one("poison-hang", 0), Until: "quarantined", Gate: history.Counts{Takeovers: 1, Refused: 1}},
		{Name: "rebind", Steps: repeat(2, Step{Fault: fault("rebind"), After: 500 * time.Millisecond}), Passed: Packets{Rebound: 2}},
		{Name: "pressure", Faster: 6, Steps: one("servers", 3*time.Second), Gate: history.Counts{Fulls: 1}},
		{Name: "edge-and-kill", Steps: []Step{{Fault: fault("edge"), Open: true}, {Fault: fault("kill"), After: 50 * time.Millisecond}}, Gate: history.Counts{Takeovers: 1, ResumesElsewhere: 1}},
	}
}

// one is a single step.
func one(name string, lasts time.Duration) []Step {
	return []Step{{Fault: fault(name), For: lasts}}
}

func repeat(n int, s Step) (out []Step) {
	for range n {
		out = append(out, s)
	}
	return out
}
