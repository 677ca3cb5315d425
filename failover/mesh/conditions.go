package mesh

import (
	"fmt"
	"time"
)

// How long a region may be without what it should have before a person is told:
// a failover, and the copy to a new backup, are no news.
const (
	unservedAfter = 10 * time.Second
	shortAfter    = 10 * time.Second
)

// consulAway is the alert of a mesh that nobody can change.
func consulAway(cfg Config) condition {
	return condition{
		key: "consul", severity: Critical, after: cfg.Patience,
		message: "consul does not answer: play goes on, but nobody is promoted and no backup is replaced",
	}
}

// conditions are what a person should know if it lasts.
func (c *Controller) conditions(p *picture) (out []condition) {
	for _, r := range p.regions {
		out = append(out, c.regionConditions(p, r)...)
	}
	if level := c.degrade.level; level != Normal {
		severity := map[Level]Severity{Light: Info, Moderate: Warning, Severe: Critical}[level]
		out = append(out, condition{key: "degraded/" + level.String(), severity: severity, message: fmt.Sprintf(
			"the mesh is degraded: %v, fidelity %.2f; %d failures within %v, %.0f %% of the servers",
			level, c.cfg.Degrade.threshold(level).Fidelity, c.count, c.cfg.Degrade.Window, 100*c.share,
		)})
	}
	if c.launches.fails > 0 && len(c.short) > 0 {
		out = append(out, condition{key: "launch", severity: Warning, message: fmt.Sprintf(
			"servers are short, and %d launches in a row have failed: %v", c.launches.fails, c.launches.err,
		)})
	}
	for _, s := range p.servers {
		if s.draining && !c.drains.told[s.Incarnation] {
			out = append(out, condition{
				key: "drain/" + s.Incarnation, severity: Warning, after: c.cfg.Moves.DrainWait + c.cfg.Moves.Limit,
				message: fmt.Sprintf("server %s is not empty yet: its regions have nobody in sync to go to", nameOf(s.Server)),
			})
		}
	}
	return out
}

// regionConditions are about one region: the worst one only, and that nobody
// serves it.
func (c *Controller) regionConditions(p *picture, r *region) (out []condition) {
	if r.view.Epoch == 0 && r.view.Primary == nil {
		return nil // nobody has played there yet
	}
	if r.view.Primary == nil {
		out = append(out, condition{
			key: "unserved/" + r.name, severity: Critical, region: r.name, after: unservedAfter,
			message: fmt.Sprintf("region %s has no primary: nobody who may lead it is alive", r.name),
		})
	}
	free := "one is on its way"
	if c.lacks(r.name) {
		free = "no server is free"
	}
	switch copies := p.copies(r); {
	case c.cfg.Backups > 0 && copies < 2:
		out = append(out, condition{
			key: "unprotected/" + r.name, severity: Critical, region: r.name, after: c.cfg.Patience,
			message: fmt.Sprintf("region %s is unprotected: no backup is in sync; %s", r.name, free),
		})
	case copies < 1+c.cfg.Backups:
		out = append(out, condition{
			key: "under-replicated/" + r.name, severity: Warning, region: r.name, after: shortAfter,
			message: fmt.Sprintf("region %s has %d of %d backups in sync; %s", r.name, copies-1, c.cfg.Backups, free),
		})
	}
	return out
}

// lacks tells whether a region lacks servers that cannot be had.
func (c *Controller) lacks(region string) bool {
	for _, s := range c.short {
		if s.region == region {
			return true
		}
	}
	return false
}
