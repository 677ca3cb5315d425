package discovery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	consul "github.com/hashicorp/consul/api"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/buffer/fault"
)

// Registration is a server or an edge in Consul. Somebody must call Run, or it expires.
type Registration struct {
	c           *Client
	incarnation string
	service     *consul.AgentServiceRegistration // with its check
	session     string

	end   sync.Once
	ended chan struct{} // closed by Fail and Close
	by    error         // why; set before ended is closed

	failed atomic.Bool  // Fail is under way, or has worked
	gone   atomic.Bool  // the session is, by our doing
	began  time.Time    // when this was made
	quiet  atomic.Int64 // until then, as a time.Duration since began, nothing is written

	catalog sync.Mutex // held to register again and to deregister, so that Close is the last

	mu      sync.Mutex // guards the fields below
	beat    time.Time  // when the last beat that was answered well was sent
	renewal time.Time  // the same of the session's renewal
}

// errClosed ends Run after Close, which is no error.
var errClosed = errors.New("discovery: registration closed")

// Session is the ID of the session that take-overs are made with.
func (r *Registration) Session() string { return r.session }

// RenewedAt tells how fresh the lease is: when the older one of the last beat
// and the last renewal that Consul answered well was sent, on the monotonic
// clock. By time alone, the lock is not free before Config.CheckTTL after it.
//
// A primary may speak, that is acknowledge, send frames and change the in-sync
// set, while
//
//	time.Since(r.RenewedAt()) < 2*c.CheckTTL()/3
//
// and asks so at every point of output, with the time of that moment: after a
// SIGCONT, timers and writers run in any order. The last third is for what it has
// said already and is still on its way. Both are sent every third of CheckTTL, so
// that this holds with one answer outstanding; one that is lost costs a short
// silence, and no more, since RenewedAt rises again with the next.
//
// That is courtesy to the players of a primary that has been cut off. Safety does
// not rest on it, but on epochs and the in-sync set.
func (r *Registration) RenewedAt() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.beat.Before(r.renewal) {
		return r.beat
	}
	return r.renewal
}

func (r *Registration) answered(field *time.Time, sent time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if fault.Bug(fault.LeaseFromReceiveTime) {
		sent = time.Now()
	}
	*field = sent
}

// Run keeps the registration alive: it beats the check every third of CheckTTL,
// renews the session as often (or every fifth of SessionTTL, if that is sooner),
// and registers the service again when the agent has forgotten it. While Consul does not answer it goes on
// trying, for ever.
//
// It returns ErrSessionLost when Consul says for certain that the session is
// gone, and after Fail; nil after Close; the cause of ctx when that ends.
func (r *Registration) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	beat := r.c.cfg.CheckTTL / 3
	g.Go(func() error { return r.repeat(ctx, "beat", beat, r.sendBeat) })
	// A session could do with fewer renewals, the lease (see RenewedAt) could not.
	// They are cheap: they write nothing.
	g.Go(func() error { return r.repeat(ctx, "renewal", min(beat, r.c.cfg.SessionTTL/5), r.sendRenewal) })
	g.Go(func() error {
		select {
		case <-r.ended:
			return r.by
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	if err := g.Wait(); !errors.Is(err, errClosed) {
		return err
	}
	return nil
}

// repeat calls send every interval, and sooner after a failure. The first time is
// an interval after the lease began: Register may have been slow. It returns
// ErrSessionLost, or the cause of ctx.
func (r *Registration) repeat(ctx context.Context, what string, interval time.Duration, send func(context.Context) error) error {
	pause := newPause(minPause, maxPause)
	failing := false
	timer := time.NewTimer(time.Until(r.RenewedAt().Add(interval)))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
		}
		sent := time.Now()
		switch err := send(ctx); {
		case err == nil:
			if failing {
				r.c.log.Info("consul answers again", "to", what, "session", r.session)
			}
			failing = false
			pause.Reset()
			timer.Reset(interval - time.Since(sent))
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, ErrSessionLost):
			return err
		default:
			if !failing {
				r.c.log.Warn("consul does not answer well, trying again", "to", what, "session", r.session, "err", err)
			}
			failing = true
			timer.Reset(min(pause.NextBackOff(), interval))
		}
	}
}

// sendBeat sets the check passing. The note never changes: a new one would be a
// write to every Consul server.
func (r *Registration) sendBeat(ctx context.Context) error {
	sent := time.Now()
	x, err := r.setCheck(ctx, consul.HealthPassing, "beating")
	if x.status == http.StatusNotFound {
		err = r.putAgain(ctx)
	}
	if err == nil {
		r.answered(&r.beat, sent)
	}
	return err
}

// putAgain registers a service that the agent does not know, unless it is Close
// that has taken it out.
func (r *Registration) putAgain(ctx context.Context) error {
	r.catalog.Lock()
	defer r.catalog.Unlock()
	select {
	case <-r.ended:
		return r.by
	default:
	}
	r.c.log.Warn("the agent does not know our check, registering again", "incarnation", r.incarnation)
	return r.putService(ctx)
}

func (r *Registration) setCheck(ctx context.Context, status, note string) (exchange, error) {
	o := op{"set check " + status, serviceRight(r.service.Name)}
	return r.c.exchange(ctx, o, func(ctx context.Context) error {
		q := (&consul.QueryOptions{}).WithContext(ctx)
		return r.c.calls.Agent().UpdateTTLOpts(checkID(r.service.ID), note, status, q)
	})
}

func (r *Registration) sendRenewal(ctx context.Context) error {
	sent := time.Now()
	var known bool
	err := r.c.call(ctx, op{"renew session", sessionRight}, func(ctx context.Context) error {
		entry, _, err := r.c.calls.Session().Renew(r.session, (&consul.WriteOptions{}).WithContext(ctx))
		known = entry != nil
		return err
	})
	if err != nil {
		return err
	}
	if !known {
		return r.confirmLoss(ctx)
	}
	r.answered(&r.renewal, sent)
	return nil
}

// confirmLoss asks again, consistently: a server that has just become leader
// answers a renewal before it has read its whole log, and may not know the
// session yet.
func (r *Registration) confirmLoss(ctx context.Context) error {
	o := op{"look for own session", sessionRight}
	var list []*consul.SessionEntry
	var meta *consul.QueryMeta
	err := r.c.call(ctx, o, func(ctx context.Context) (err error) {
		q := (&consul.QueryOptions{RequireConsistent: true}).WithContext(ctx)
		// consul/api has a call for this, which takes "null" for "no".
		meta, err = r.c.calls.Raw().Query("/v1/session/info/"+r.session, &list, q)
		return err
	})
	if err != nil {
		return err
	}
	if list == nil || len(list) > 0 || meta.LastIndex == 0 {
		return r.c.garbled(o) // known, or not what Consul says of one that it does not know
	}
	if err := r.c.hidden(o, meta, true); err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", ErrSessionLost, r.session)
}

const (
	// headStart is how long the end of a session may take before the other way of ending
	// it is tried, too.
	headStart = 100 * time.Millisecond
	// lull is for how long nothing is written after a lock was freed that somebody is to
	// take: Consul writes one thing after the other to its disk, and whoever follows the
	// mesh reads it again after each.
	lull = 100 * time.Millisecond
)

// Fail makes the lock free as fast as can be: it destroys the session, sets the check
// critical when that is done or takes long, and ends Run. Use it when the game has died,
// with a ctx that has not ended with it. freed, if it is not nil, is called when the
// session is gone and its locks are free. It says whether somebody is to take them: then
// the check is set 100 ms later, and Close waits for that, too. The error is nil when at
// least one of the two is known to have worked; another call does nothing then.
func (r *Registration) Fail(ctx context.Context, reason string, freed func() bool) error {
	if r.failed.Swap(true) {
		return nil
	}
	r.finish(fmt.Errorf("%w: %s", ErrSessionLost, reason))
	gone := make(chan struct{})
	errCheck, errSession := both(
		func() error {
			select {
			case <-gone:
				r.hush(ctx)
			case <-time.After(headStart):
			}
			_, err := r.setCheck(ctx, consul.HealthCritical, reason)
			return err
		},
		func() error {
			defer close(gone)
			err := r.c.DestroySession(ctx, r.session)
			if err != nil {
				return err
			}
			r.gone.Store(true)
			r.quiet.Store(int64(time.Since(r.began) + lull))
			if freed == nil || !freed() {
				r.quiet.Store(0)
			}
			return nil
		},
	)
	if errCheck != nil && errSession != nil {
		r.failed.Store(false)
		return errors.Join(errCheck, errSession)
	}
	return nil
}

// hush waits until it is time to write again.
func (r *Registration) hush(ctx context.Context) {
	wait := time.NewTimer(time.Duration(r.quiet.Load()) - time.Since(r.began))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

// Close destroys the session, takes the service out of Consul and ends Run.
func (r *Registration) Close(ctx context.Context) error {
	r.finish(errClosed)
	return errors.Join(both(
		func() error {
			if r.session == "" || r.gone.Load() {
				return nil
			}
			return r.c.DestroySession(ctx, r.session)
		},
		func() error {
			r.hush(ctx)
			return r.deregister(ctx)
		},
	))
}

func (r *Registration) deregister(ctx context.Context) error {
	r.catalog.Lock()
	defer r.catalog.Unlock()
	o := op{"deregister service", serviceRight(r.service.Name)}
	x, err := r.c.exchange(ctx, o, func(ctx context.Context) error {
		q := (&consul.QueryOptions{}).WithContext(ctx)
		return r.c.calls.Agent().ServiceDeregisterOpts(r.service.ID, q)
	})
	if x.status == http.StatusNotFound {
		return nil // gone already
	}
	return err
}

// finish ends Run, which also cuts a beat off that would make the check pass again.
func (r *Registration) finish(by error) {
	r.end.Do(func() {
		r.by = by
		close(r.ended)
	})
}

// both runs a and b at the same time.
func both(a, b func() error) (errA, errB error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		errA = a()
	}()
	errB = b()
	<-done
	return errA, errB
}
