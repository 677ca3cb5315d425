package mesh

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// launches asks for servers when there are too few. A launch has succeeded when a
// pool server is registered that was not there before, whatever the launcher says,
// and has failed when the launcher says so, or nobody has come in time.
//
//	      short for After, not in a pause         a new pool server
//	idle ──────────────────────────────▶ launched ────────────────▶ idle
//	 ▲                                      │ launcher fails, or Limit is over
//	 └──────────── pause, doubled ──────────┘
type launches struct {
	cfg     LaunchConfig
	name    string
	n       int // launches so far
	known   map[string]bool
	running []running // oldest first

	short time.Time // since when servers are short; zero: they are not
	fails int       // in a row
	next  time.Time // no launch before
	err   error     // of the last failure, until a server comes
}

type running struct {
	Launch
	at time.Time
}

func newLaunches(cfg Config) launches { return launches{cfg: cfg.Launch, name: cfg.Name} }

// restart gives every launch its time again.
func (l *launches) restart(now time.Time) {
	l.short = time.Time{}
	for i := range l.running {
		l.running[i].at = now
	}
}

// step looks for who has come, and launches what is short.
func (l *launches) step(now time.Time, p *picture, short []shortage) (cmds []Command) {
	waiting := l.arrivals(p)
	for len(l.running) > 0 && now.Sub(l.running[0].at) >= l.cfg.Limit {
		l.failed(now, fmt.Errorf("launch %s: no new server was registered within %v", l.running[0].ID, l.cfg.Limit))
		l.running = l.running[1:]
	}
	need := 0
	for _, s := range short {
		need = max(need, s.lacks-waiting)
	}
	if need <= 0 || l.cfg.AtOnce == 0 {
		l.short = time.Time{}
		return nil
	}
	if l.short.IsZero() {
		l.short = now
	}
	if now.Sub(l.short) < l.cfg.After || now.Before(l.next) {
		return nil
	}
	for i := range min(need, l.cfg.AtOnce) - len(l.running) {
		l.n++
		where := short[i%len(short)]
		one := Launch{
			ID: fmt.Sprintf("%s-%d", l.name, l.n), Region: where.region, Zone: p.scarce(where.zones),
			Attempt: l.fails + 1, Limit: l.cfg.Limit,
		}
		l.running = append(l.running, running{one, now})
		cmds = append(cmds, one)
	}
	return cmds
}

// arrivals settles a launch for each new pool server. It returns how many newcomers
// are about to be given seats: they are not to be launched once more.
func (l *launches) arrivals(p *picture) (waiting int) {
	first := l.known == nil
	known := map[string]bool{}
	for _, s := range p.servers {
		if !s.Pool {
			continue
		}
		known[s.Incarnation] = true
		if s.newcomer && s.usable() {
			waiting++
		}
		if !first && !l.known[s.Incarnation] && len(l.running) > 0 {
			l.running = l.running[1:]
			l.fails, l.next, l.err = 0, time.Time{}, nil
		}
	}
	l.known = known
	return waiting
}

// ended is the launcher's word. That it is content is not yet a server.
func (l *launches) ended(now time.Time, id string, err error) {
	i := slices.IndexFunc(l.running, func(r running) bool { return r.ID == id })
	if i < 0 || err == nil {
		return
	}
	l.running = slices.Delete(l.running, i, i+1)
	l.failed(now, err)
}

func (l *launches) failed(now time.Time, err error) {
	pause := l.cfg.Pause
	for range l.fails {
		pause = min(2*pause, l.cfg.PauseMax)
	}
	l.fails++
	l.next, l.err = now.Add(pause), err
}

// scarce is the zone of which a region has the fewest servers, of all zones that
// the mesh has; empty if none is known.
func (p *picture) scarce(zones map[string]int) string {
	var all []string
	for _, s := range p.servers {
		if s.Zone != "" {
			all = append(all, s.Zone)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return slices.MinFunc(sortedNames(all), func(a, b string) int {
		if zones[a] != zones[b] {
			return zones[a] - zones[b]
		}
		return strings.Compare(a, b)
	})
}
