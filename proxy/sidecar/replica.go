package sidecar

import (
	"time"

	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/trace"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// replica is a primary's view of one backup: cursors into the region log, as in
// the Progress of etcd's raft. It belongs to a region stream whose peer is a
// backup, and is guarded by region.mu.
//
//	        base        match          next        end
//	          ▼           ▼              ▼           ▼
//	──────────┼───────────┼──────────────┼───────────┤
//	 trimmed  │ the backup│ on their way │ to be sent│
//	          │ has them  │              │           │
type replica struct {
	has      *wire.Have // what it said last; nil: nothing in this epoch
	matched  bool       // the logs have been compared
	match    uint64
	next     uint64
	copying  uint64    // index of the snapshot on its way; 0: none
	since    time.Time // when it was sent
	waiting  time.Time // since when something is unacknowledged; zero: nothing is
	caughtUp bool      // the in-sync machine knows
	commit   uint64    // what it was told is durable
	safe     uint64    // and survived
	flush    bool      // tell it now; else with the next records
}

// Fill implements pump.Source for a stream to a peer: frames that wait, then, for
// a backup of ours, the log from its cursor, then what is durable. It waits for the
// region's lock also where it needs nothing of it: what is said under one hold of the
// lock leaves in one write, so that acks ride on updates.
func (s *stream) Fill(dst []byte) []byte {
	r := s.region
	r.mu.Lock()
	defer r.mu.Unlock()
	dst = s.out.Fill(dst)
	if !s.role.Backup() {
		return dst
	}
	p := &s.replica
	if !r.leading || !p.matched || s.left {
		return dst
	}
	end, first, size := r.end(), p.next, 0
	for ; p.next <= end && len(dst) < pump.Batch; p.next++ {
		rec := r.records.At(p.next)
		fault.Point(fault.BeforeSendISR)
		if p.waiting.IsZero() {
			p.waiting = time.Now()
		}
		size += len(rec.Payload)
		dst = wire.Record{
			Epoch: r.epoch, Index: p.next, Of: rec.Epoch, Kind: uint64(rec.Kind),
			ID: rec.ID, Seq: rec.Seq, Number: rec.Number, Payload: rec.Payload,
		}.Append(dst)
	}
	if p.next > first {
		r.stats.shipped.Add(p.next - first)
		r.stats.shippedBytes.Add(uint64(size))
	}
	// What is durable rides on records: a packet of its own for each would cost as
	// much as they do, and a standby is in no hurry. It comes when all of it was sent.
	if (p.next > first || p.flush) && p.next > r.commit && (p.commit != r.commit || p.safe != r.safe) {
		p.commit, p.safe, p.flush = r.commit, r.safe, false
		dst = wire.Commit{Epoch: r.epoch, Index: r.commit, Applied: r.safe}.Append(dst)
	}
	return dst
}

// wakeReplicas lets the backups' writers look at the log. The caller holds r.mu.
func (r *region) wakeReplicas() {
	for s := range r.streams {
		if s.role.Backup() {
			s.out.Wake()
		}
	}
}

// matchOf is what a backup certainly has; 0 for one that is not there.
func (r *region) matchOf(inc string) uint64 {
	for s := range r.streams {
		if s.role.Backup() && s.peer == inc && s.replica.matched {
			return s.replica.match
		}
	}
	return 0
}

// have takes a backup's word on its log.
func (r *region) have(s *stream, f wire.Have) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.left {
		return nil
	}
	if !r.leading && f.Epoch <= r.promised { // told to whoever may take over
		r.tryPost(failover.Standing{From: s.peer, Epoch: f.Of, Index: f.Index})
		return nil
	}
	if f.Epoch != r.epoch || !r.leading {
		_ = r.fresh(s, f.Epoch)
		return nil
	}
	p := &s.replica
	p.has = &f
	if !p.matched {
		r.compare(s)
		return nil
	}
	if f.Index >= p.next && f.Index == s.snaps.newest {
		p.next = f.Index + 1 // a snapshot of ours has overtaken the log
	}
	if f.Index >= p.next {
		return &wire.Error{Code: wire.CodeAckAhead, Detail: "a backup acknowledged what it was not sent"}
	}
	if f.Index > p.match {
		p.match, p.waiting = f.Index, time.Time{}
		if p.match+1 < p.next {
			p.waiting = time.Now()
		}
		fault.Point(fault.AfterFirstISRAck)
	}
	r.settle()
	return nil
}

// compare finds where a backup's log and ours part. It cuts its own there, or
// gets a snapshot when ours does not go back that far.
func (r *region) compare(s *stream) {
	p := &s.replica
	at, of, known := r.records.Common(p.has.Index, p.has.Of)
	switch {
	case !known || p.has.Index == 0 && r.base() == 0:
		r.copyTo(s)
	case at != p.has.Index || of != p.has.Of:
		r.stats.truncations.Add(1)
		s.add(wire.Truncate{Epoch: r.epoch, Index: at, Of: of})
	default:
		p.matched, p.match, p.next = true, at, at+1
		s.out.Wake()
		r.settle()
	}
}

// copyTo gives a backup the newest snapshot, or the next one when that does not
// reach the log. The region plays on meanwhile.
func (r *region) copyTo(s *stream) {
	c := r.cuts
	if c.newest == nil || c.newest.Head.SnapEpoch != r.epoch || c.newest.Head.SnapIndex < r.base() {
		s.replica.copying = 0
		c.wanted = true
		c.wake.Wake()
		return
	}
	s.replica.copying, s.replica.since = c.newest.Head.SnapIndex, time.Now()
	r.stats.copies.Add(1)
	s.snaps.offer(c.newest)
}

// welcomeBackups tells the in-sync machine of backups that have all that is
// durable. The caller holds r.mu.
func (r *region) welcomeBackups() {
	for s := range r.streams {
		p := &s.replica
		if s.role.Backup() && p.matched && !p.caughtUp && p.match >= r.commit && p.match >= r.sealed {
			p.caughtUp = true
			r.story.progress("caught_up", trace.Str("backup", s.peer))
			r.log.Info("backup has caught up", "event", "caught_up", "backup", s.peer, "index", p.match)
			r.stepSet(failover.CaughtUp{Incarnation: s.peer})
			return // which has settled again
		}
	}
}

// flush tells backups what is durable when there is nothing for it to ride on.
func (r *region) flush() {
	for s := range r.streams {
		if p := &s.replica; s.role.Backup() && p.matched && (p.commit != r.commit || p.safe != r.safe) {
			p.flush = true
			s.out.Wake()
		}
	}
}

// dropLate takes out backups that leave a record unacknowledged for too long.
// They may come back when they have caught up.
func (r *region) dropLate(now time.Time) {
	for s := range r.streams {
		p := &s.replica
		if s.role.Backup() && !p.matched && p.copying > 0 && now.Sub(p.since) > copyTime {
			s.slow() // the log waits for it; it may dial again
			p.copying = 0
		}
		if s.role.Backup() && !p.waiting.IsZero() && now.Sub(p.waiting) > r.life.sc.cfg.Timing.Lag {
			r.log.Warn("backup is late", "event", "late", "backup", s.peer, "match", p.match, "end", r.end())
			r.stats.late.Add(1)
			s.slow() // its link is closed; it dials again
			p.waiting = time.Time{}
			r.stepSet(failover.BackupGone{Incarnation: s.peer})
		}
	}
}

// copyTime is how long a newcomer may take to load a snapshot: for so long the
// log is not trimmed.
const copyTime = 30 * time.Second

// trim forgets the records up to an index that a kept snapshot covers, unless
// somebody still needs them. The caller holds r.mu.
func (r *region) trim(index uint64) {
	for s := range r.streams {
		switch p := &s.replica; {
		case !s.role.Backup():
		case p.matched:
			index = min(index, p.next-1)
		case p.copying > 0:
			index = min(index, p.copying)
		}
	}
	if r.leading {
		index = min(index, r.counted)
	}
	r.records.Trim(min(index, r.commit, r.cutMarks, r.mayCut()))
	r.feed.trim(r.base())
}

// mayCut is the first place where the game, or the one that is loading, may cut.
func (r *region) mayCut() uint64 {
	if r.hosted || r.answers > 0 {
		return r.feed.quiet()
	}
	return ^uint64(0)
}
