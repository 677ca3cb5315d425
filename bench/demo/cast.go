package demo

import (
	"cmp"
	"slices"
	"strconv"
)

// backups is how many backups a region is to have.
const backups = 2

// Region is a part of the game's world, with players who stay in it.
type Region struct {
	Name     string `json:"name"`
	Players  int    `json:"players"`
	Critical bool   `json:"critical,omitempty"`

	fixed []string // the servers that are configured with it; none: the controller gives it some
}

// regionsOf spreads the players: the first region has the most, the last the
// fewest, and to make up for it that one is critical.
func regionsOf(cfg Config) []Region {
	if cfg.Regions == 1 {
		return seat([]Region{{Name: "demo", Players: cfg.Players}}, cfg)
	}
	n := cfg.Regions
	spare, weights := cfg.Players-n, n*(n+1)/2 // each has one player in any case
	regions, left := make([]Region, n), spare
	for i := range regions {
		more := spare * (n - i) / weights
		regions[i] = Region{Name: "region-" + strconv.Itoa(i+1), Players: 1 + more}
		left -= more
	}
	for i := range left { // less than one for each
		regions[i].Players++
	}
	regions[n-1].Critical = true
	return seat(regions, cfg)
}

// seat configures servers with regions, unless the controller does that: region i
// is on the servers i, i+1 and i+2. A server that would have none is one more of
// a region.
func seat(regions []Region, cfg Config) []Region {
	if cfg.Pool {
		return regions
	}
	for i := range regions {
		for b := range 1 + backups {
			regions[i].fixed = append(regions[i].fixed, serverName((i+b)%cfg.Servers))
		}
	}
	for i := range cfg.Servers {
		if len(fixedOn(regions, serverName(i))) == 0 {
			r := &regions[i%len(regions)]
			r.fixed = append(r.fixed, serverName(i))
		}
	}
	return regions
}

// fixedOn are the regions that a server is configured with.
func fixedOn(regions []Region, server string) (names []string) {
	for _, r := range regions {
		if slices.Contains(r.fixed, server) {
			names = append(names, r.Name)
		}
	}
	return names
}

func serverName(i int) string { return "server-" + strconv.Itoa(i+1) }

// pick chooses count servers that are to fail at once: those that lead the most
// players, critical ones before all others, so long as no region loses everybody
// who is in sync. It returns nil if that cannot be.
func pick(now []standing, count int) []string {
	led := map[string]int{}
	all := 0
	for _, r := range now {
		all += r.Players
	}
	for _, r := range now {
		led[r.leader] += r.Players
		if r.Critical {
			led[r.leader] += all
		}
		for _, name := range r.members {
			led[name] += 0
		}
	}
	order := make([]string, 0, len(led))
	for name := range led {
		order = append(order, name)
	}
	slices.SortFunc(order, func(a, b string) int { return cmp.Or(led[b]-led[a], cmp.Compare(a, b)) })
	return choose(nil, order, count, func(chosen []string) bool {
		return !slices.ContainsFunc(now, func(r standing) bool { return r.lostWith(chosen) })
	})
}

// choose is the first choice of count names, in their order, that is good; a part
// of a good choice is good.
func choose(chosen, from []string, count int, good func([]string) bool) []string {
	if len(chosen) == count {
		return chosen
	}
	for i, name := range from {
		if len(from)-i < count-len(chosen) {
			break
		}
		more := append(slices.Clone(chosen), name)
		if !good(more) {
			continue
		}
		if found := choose(more, from[i+1:], count, good); found != nil {
			return found
		}
	}
	return nil
}

// standing is where a region stands before something happens.
type standing struct {
	Region
	leader  string // the server that serves it
	epoch   uint64
	score   uint64   // how urgent the controller calls it; 0: it says nothing
	members []string // the servers that are in sync
}

// lostWith tells whether all who are in sync are among some servers.
func (s standing) lostWith(servers []string) bool {
	return !slices.ContainsFunc(s.members, func(m string) bool { return !slices.Contains(servers, m) })
}

// urgency orders regions: the first is to be served again before the others.
func urgency(a, b standing) int {
	critical := func(s standing) int {
		if s.Critical {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(b.score, a.score), critical(b)-critical(a), b.Players-a.Players, cmp.Compare(a.Name, b.Name))
}
