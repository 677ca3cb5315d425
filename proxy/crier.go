package proxy

import (
	"context"
	"runtime"
	"time"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

const (
	// breath is the pause of a crier, and perBreath is how many players each core writes
	// to in between: about half of what it can do in that time. A packet for each of a
	// thousand players takes a core 100 ms, and acks are not to wait for it. When other
	// broadcasts wait it is as many times more.
	breath    = time.Millisecond
	perBreath = 4
	// breaths is how many pauses there are at most where the pauses show that the machine
	// is busy: they end late.
	breaths = 4
	// cries is how many broadcasts may wait: what is behind so many is old when it comes.
	cries = 64
)

// crier sends unreliable broadcasts to crowds, a few players at a time. It is one for
// all regions: they share the machine that it goes easy on.
type crier struct {
	queue chan *cry
	spare chan *cry // for the next ones
	few   int       // players at a time
}

// cry is a broadcast under way.
type cry struct {
	region  *region
	encoded []byte
	to      []*session // the whole crowd
	left    []*session // of it, who has not got it
}

func newCrier() *crier {
	return &crier{
		queue: make(chan *cry, cries), spare: make(chan *cry, cries),
		few: perBreath * runtime.GOMAXPROCS(0),
	}
}

// add queues what is in r.scratch for all players of r. When too much waits nobody gets
// it, which is what unreliable means. The caller holds r.mu.
func (c *crier) add(r *region) {
	var job *cry
	select {
	case job = <-c.spare:
	default:
		job = new(cry)
	}
	job.region, job.encoded = r, append(job.encoded[:0], r.scratch...)
	select {
	case c.queue <- job:
	default:
		r.thinned.Add(uint64(len(r.players)))
		c.done(job)
	}
}

// run sends what is queued until ctx ends.
func (c *crier) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case job := <-c.queue:
			for job.gather(); len(job.left) > 0; breathe(ctx) {
				job.tell(c.few * (1 + len(c.queue)))
			}
			c.done(job)
		}
	}
}

func (c *crier) done(job *cry) {
	clear(job.to) // who leaves is not kept in memory
	job.region, job.left = nil, nil
	select {
	case c.spare <- job:
	default:
	}
}

func (j *cry) gather() {
	j.region.mu.Lock()
	defer j.region.mu.Unlock()
	j.to = j.to[:0]
	for _, s := range j.region.players {
		j.to = append(j.to, s)
	}
	j.left = j.to
}

// tell sends it to the next n players who are still there.
func (j *cry) tell(n int) {
	n = min(n, len(j.left))
	j.region.mu.Lock()
	defer j.region.mu.Unlock()
	for _, s := range j.left[:n] {
		if s.home.Load() == j.region && !s.over {
			j.region.update(s, false, j.encoded)
		}
	}
	j.left = j.left[n:]
}

// breathe lets others have the CPU, for longer if many want it.
func breathe(ctx context.Context) {
	for range breaths {
		before := time.Now()
		select {
		case <-ctx.Done():
			return
		case <-time.After(breath):
		}
		if time.Since(before) < 2*breath {
			return
		}
	}
}

// isCrowd tells whether an encoded broadcast is left to the crier.
func (r *region) isCrowd(reliable bool) bool {
	return !reliable && len(r.scratch) <= wire.MaxDatagram && len(r.players) > r.edge.crier.few
}
