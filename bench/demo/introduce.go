package demo

import (
	"fmt"
	"slices"

	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/failover/mesh"
)

// confess says what is not as it is by default.
func (d *demo) confess() {
	if !d.cfg.Pool {
		return
	}
	usual := mesh.DefaultConfig().Degrade
	text := fmt.Sprintf("deaths of servers count for %v (default %v), a level lasts for %v at least (%v)",
		Window, usual.Window, Dwell, usual.Dwell)
	if d.cfg.Recoveries > 0 {
		text += fmt.Sprintf(",\n  and %s recovered at a time (%d)", are(d.cfg.Recoveries, "region"), failover.DefaultTiming().Recoveries)
	}
	d.cfg.Screen.Line("for the show %s", text)
}

// introduce says who leads which region.
func (d *demo) introduce() {
	now := d.stage.standings()
	for _, r := range now {
		others := list(slices.DeleteFunc(r.members, func(m string) bool { return m == r.leader }))
		switch {
		case len(now) == 1:
			d.cfg.Screen.Line("%s is primary, epoch %d; %s are in sync", r.leader, r.epoch, others)
		case len(now) <= introduced:
			d.cfg.Screen.Line("  %-*s %11s  %-8s  %s is primary; %s are in sync", len(now[len(now)-1].Name), r.Name,
				plural(r.Players, "player"), mark(r.Critical), r.leader, others)
		}
	}
	if last := len(now) - 1; last >= introduced {
		d.cfg.Screen.Line("each region has a primary and its backups in sync; %s in %s, down to %d in %s, which is critical",
			plural(now[0].Players, "player"), now[0].Name, now[last].Players, now[last].Name)
	}
}

// introduced is how many regions get a line of their own.
const introduced = 12

func mark(critical bool) string {
	if critical {
		return "critical"
	}
	return ""
}

func inTheGame(n int) string {
	if n == 1 {
		return "1 player is in the game"
	}
	return plural(n, "player") + " are in the game"
}

// processes is how many there are, this one not counted.
func (d *demo) processes() int {
	n := 2*d.cfg.Servers + d.cfg.Edges + 1 // sidecars and games, edges, the players
	if d.cfg.Consul == "" {
		n++
	}
	return n
}

func (d *demo) settings() Settings {
	s := Settings{
		Players: d.cfg.Players, Rate: d.cfg.Rate, Rounds: d.cfg.Rounds, Page: d.cfg.Page, Seed: d.cfg.Seed, Registry: "in memory",
		Servers: d.cfg.Servers, Edges: d.cfg.Edges, Regions: d.stage.regions, OutputCommit: d.cfg.OutputCommit,
	}
	for _, f := range d.cfg.Faults {
		s.Faults = append(s.Faults, f.Name)
	}
	if d.cfg.Consul != "" {
		s.Registry = "Consul at " + d.cfg.Consul
	}
	return s
}
