package sidecar

import (
	"cmp"
	"slices"
	"time"
)

// Status is how a sidecar is at one moment.
type Status struct {
	Name        string
	Incarnation string // empty: between two
	Address     string // for links; empty: it does not listen yet
	Game        bool   // there is one
	// Lease is for how long Consul's last word holds; negative: since when it does not.
	// Zero between two incarnations.
	Lease   time.Duration
	Regions []RegionStatus // that are open, by name
}

// Role is what a sidecar is in a region.
type Role string

// The roles. The zero value is none of them.
const (
	RolePrimary   Role = "primary"   // it serves
	RoleRestoring Role = "restoring" // the region is ours, and our game is not ready
	RoleBackup    Role = "backup"    // it is in the in-sync set
	RoleCopying   Role = "copying"   // it is not, yet
)

// Roles lists them all.
func Roles() []Role { return []Role{RolePrimary, RoleRestoring, RoleBackup, RoleCopying} }

// RegionStatus is how a region is at this sidecar. What is said of a primary is zero
// where it is none.
type RegionStatus struct {
	Name     string
	Role     Role
	Epoch    uint64 // the highest heard of
	End      uint64 // index of the last record of our log
	Commit   uint64 // records up to here are durable
	Records  uint64 // that the log holds
	LogBytes int    // their payloads

	// Of a primary.
	Leased    bool          // it may speak
	Protected bool          // two processes have everything that is durable
	Players   int           // that are attached
	Backups   int           // whose log is known to be a part of ours
	Lag       uint64        // records that the slowest of them lacks
	Owed      time.Duration // how long one has been owing a record
	Held      int           // bytes of updates that wait to become durable
}

// Status returns how the sidecar is now.
func (s *Sidecar) Status() Status {
	out := Status{Name: s.cfg.Name}
	if addr := s.addr.Load(); addr != nil {
		out.Address = *addr
	}
	l := s.life.Load()
	if l == nil {
		return out
	}
	now := time.Now()
	out.Incarnation, out.Game, out.Lease = l.id, !l.game.Load().absent, l.leaseUntil().Sub(now)
	for _, r := range l.hosting.list() {
		out.Regions = append(out.Regions, r.status(now))
	}
	slices.SortFunc(out.Regions, func(a, b RegionStatus) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (r *region) status(now time.Time) RegionStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := RegionStatus{
		Name: r.name, Role: r.role(), Epoch: r.promised, End: r.end(), Commit: r.commit,
		Records: r.end() - r.base(), LogBytes: r.records.Bytes(),
	}
	if !r.leading {
		return out
	}
	out.Leased, out.Protected, out.Held = r.leased(now), r.set.Protected(), r.held.bytes()
	for s := range r.streams {
		out.Players += len(s.rows)
		if p := &s.replica; s.role.Backup() && p.matched {
			out.Backups++
			out.Lag = max(out.Lag, out.End-min(p.match, out.End))
			if !p.waiting.IsZero() {
				out.Owed = max(out.Owed, now.Sub(p.waiting))
			}
		}
	}
	return out
}

// role is what we are. The caller holds r.mu.
func (r *region) role() Role {
	switch {
	case r.serving:
		return RolePrimary
	case r.leading:
		return RoleRestoring
	case r.member:
		return RoleBackup
	}
	return RoleCopying
}
