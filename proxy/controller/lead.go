package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
)

// errOther ends a time of leading.
var errOther = errors.New("controller: another edge leads")

// campaign leads the mesh whenever nobody else does, until ctx ends.
func (r *Runner) campaign(ctx context.Context, session string) error {
	if r.cfg.Follow {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	pause := newPause()
	for {
		if m, count := r.seen(); count > 0 && !m.Stale && (m.Controller == nil || m.Controller.Session == session) {
			began := time.Now()
			won, err := r.claim(ctx, session, began)
			switch {
			case won:
				pause.Reset()
				err = r.lead(ctx, session, began)
				r.log.Warn("does not lead the mesh any more", "event", "following", "err", err)
			case err != nil && ctx.Err() == nil:
				r.log.Warn("could not claim to lead the mesh, trying again", "err", err)
			}
			select {
			case <-time.After(pause.NextBackOff()): // what we have seen may be old
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			continue
		}
		select {
		case <-r.news:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// claim takes the lock. Who has it already gets it again.
func (r *Runner) claim(ctx context.Context, session string, since time.Time) (won bool, err error) {
	return r.cfg.Discovery.LeadMesh(ctx, session, discovery.Controller{
		Edge: r.cfg.Edge.Name, Incarnation: r.cfg.Edge.Incarnation, Admin: r.cfg.Edge.Admin, Since: since.UTC(),
	})
}

// term is a time of leading.
type term struct {
	*Runner
	ctl     *mesh.Controller
	session string
	began   time.Time         // before the lock was taken
	jobs    chan mesh.Command // what is to be written
	doubt   chan struct{}     // of one slot: Consul says that we do not lead
	orders  *orders
	group   *errgroup.Group
	ctx     context.Context //nolint:containedctx // it is the term's life, and ends with its cause
}

const (
	// writers is how many writes are under way at once: a mesh that loses a third of
	// its servers has a seat or two to change in every region.
	writers = 4
	// maxJobs bounds the writes that wait. There is one for each region at most, and
	// the controller tries again what does not fit.
	maxJobs = 1024
)

// lead blocks as long as we lead.
func (r *Runner) lead(ctx context.Context, session string, began time.Time) error {
	ctl, err := mesh.New(r.cfg.Mesh)
	if err != nil {
		return err // checked by New
	}
	g, ctx := errgroup.WithContext(ctx)
	t := &term{
		Runner: r, ctl: ctl, session: session, began: began, jobs: make(chan mesh.Command, maxJobs), doubt: make(chan struct{}, 1),
		orders: newOrders(r.cfg.Tracer.As(r.cfg.Edge.Incarnation)), group: g, ctx: ctx,
	}
	r.mu.Lock()
	r.ctl = ctl
	r.mu.Unlock()
	r.stats.terms.Add(1)
	r.log.Info("leads the mesh", "event", "leading", "session", session)
	r.feed.tell(Event{Kind: KindLeading})
	defer func() {
		r.mu.Lock()
		r.ctl = nil
		r.mu.Unlock()
		r.feed.tell(Event{Kind: KindFollowing})
	}()
	g.Go(t.decide)
	for range writers {
		g.Go(t.write)
	}
	return g.Wait()
}

// decide lets the controller look at what is new, and at the clock.
func (t *term) decide() error {
	tick := time.NewTicker(t.cfg.Tick)
	defer tick.Stop()
	var shown uint64 // the last Mesh that the controller has seen
	for {
		m, count := t.seen()
		fresh := count != shown
		if fresh && !m.Stale && m.At.After(t.began) && (m.Controller == nil || m.Controller.Session != t.session) {
			if err := t.verify(); err != nil {
				return err
			}
		}
		shown = count
		t.step(m, fresh)
		select {
		case <-t.asked:
		case <-t.news:
			if err := t.wait(lull); err != nil {
				return err
			}
		case <-tick.C:
		case <-t.doubt:
			if err := t.verify(); err != nil {
				return err
			}
		case <-t.ctx.Done():
			return context.Cause(t.ctx)
		}
	}
}

// lull is how long news of the mesh wait for the controller. While a region changes hands
// Consul and everybody's eyes are for that alone: the controller is on nobody's way, and
// what it writes is read by all. A person who asks for something does not wait.
const lull = 100 * time.Millisecond

func (t *term) wait(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-t.asked:
		return nil
	case <-t.ctx.Done():
		return context.Cause(t.ctx)
	}
}

// verify asks Consul whether we lead, if we seem not to: what is seen may be from
// before we did. While it does not answer nothing is known, and nothing can be
// written that another one would not allow.
func (t *term) verify() error {
	won, err := t.claim(t.ctx, t.session, t.began)
	switch {
	case err == nil && !won:
		return errOther
	case errors.Is(err, discovery.ErrSession):
		return fmt.Errorf("controller: %w", err)
	}
	return nil
}

// step tells the controller what is new, and carries out what it wants.
func (t *term) step(m discovery.Mesh, fresh bool) {
	var ev mesh.Event = mesh.Tick{}
	if fresh {
		ev = mesh.Seen{Mesh: m}
	}
	now := time.Now()
	t.mu.Lock()
	for region, l := range t.loads {
		t.ctl.Step(now, mesh.LoadSeen{Region: region, Load: l})
	}
	cmds := t.ctl.Step(now, ev)
	t.mu.Unlock()
	t.orders.see(now, m)
	for _, cmd := range cmds {
		if put, ok := cmd.(mesh.PutSeats); ok {
			t.orders.decided(now, put, m.Region(put.Region).Primary)
		}
		t.carryOut(cmd)
	}
}

// tell is what became of a command.
func (t *term) tell(ev mesh.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ctl.Step(time.Now(), ev)
}
