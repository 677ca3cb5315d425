package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	consul "github.com/hashicorp/consul/api"
)

// Register puts s into Consul: the service, its check, which passes from the
// start, and a session that falls with the check and has no lock delay and no
// other checks. It makes sure that s can be seen.
//
// Registering an incarnation again, after ErrSessionLost, is registering in
// place: the service stays, or is put back if Consul has lost it, and there is a
// new session with a lease of its own. Forget the former Registration then; its
// Close would take the service out. If registering in place fails, the service is
// out until it succeeds.
//
// Register tries once, and undoes what it began when it fails. Errors:
// ErrUnavailable, to try again after; AccessError, which says what right is
// missing; ErrName and others for an s that Consul would not take.
func (c *Client) Register(ctx context.Context, s Server) (*Registration, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	return c.register(ctx, s.Incarnation, c.service(s))
}

// register puts a service into Consul, with a check that passes from the start:
// one that had to be set passing first could not carry a session before that.
func (c *Client) register(ctx context.Context, incarnation string, service *consul.AgentServiceRegistration) (*Registration, error) {
	service.Check = &consul.AgentServiceCheck{
		CheckID: checkID(service.ID),
		Name:    "reseat beats",
		TTL:     c.cfg.CheckTTL.String(),
		Status:  consul.HealthPassing,
		// A dead incarnation never comes back; Consul's least is 1 min.
		DeregisterCriticalServiceAfter: "1m",
	}
	r := &Registration{c: c, incarnation: incarnation, service: service, began: time.Now(), ended: make(chan struct{})}
	if err := r.putService(ctx); err != nil {
		return nil, err // if it was done nevertheless, it expires
	}
	if err := r.join(ctx); err != nil {
		r.undo(ctx)
		return nil, err
	}
	return r, nil
}

// join is the rest of Register, for a service that is there.
func (r *Registration) join(ctx context.Context) error {
	if err := r.sendBeat(ctx); err != nil { // one that was there already keeps its check's status
		return err
	}
	sent := time.Now()
	if err := r.putSession(ctx); err != nil {
		return err
	}
	r.answered(&r.renewal, sent)
	return r.c.see(ctx, r.service)
}

// undo takes back what a failed Register may have done, even if that failed
// because ctx ended.
func (r *Registration) undo(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if err := r.Close(ctx); err != nil && !errors.Is(err, ErrAccess) {
		r.c.log.Warn("half a registration stays in consul until it expires",
			"incarnation", r.incarnation, "err", err)
	}
}

func (r *Registration) putService(ctx context.Context) error {
	o := op{"register service", serviceRight(r.service.Name)}
	return r.c.call(ctx, o, func(ctx context.Context) error {
		opts := consul.ServiceRegisterOpts{ReplaceExistingChecks: true}.WithContext(ctx)
		return r.c.calls.Agent().ServiceRegisterOpts(r.service, opts)
	})
}

func serviceRight(service string) string {
	return `service "` + service + `" { policy = "write" }`
}

// sessionRequest is what consul/api cannot send: an empty list of node checks,
// without which Consul adds serfHealth, and a lock delay of 0, without which it
// takes 15 s.
type sessionRequest struct {
	Name          string
	TTL           string
	LockDelay     string
	Behavior      string
	NodeChecks    []string
	ServiceChecks []serviceCheck
}

type serviceCheck struct{ ID string }

// putSession creates the session. The agent tells the servers of the check a
// moment after it has answered; until then they do not know it.
func (r *Registration) putSession(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*r.c.cfg.Timeout)
	defer cancel()
	pause := newPause(2*time.Millisecond, 50*time.Millisecond)
	for {
		err := r.createSession(ctx)
		if err == nil || !checkUnknown(err) {
			return err
		}
		select {
		case <-time.After(pause.NextBackOff()):
		case <-ctx.Done():
			return err
		}
	}
}

func (r *Registration) createSession(ctx context.Context) error {
	o := op{"create session", sessionRight}
	request := sessionRequest{
		Name:          "reseat/" + r.incarnation,
		TTL:           r.c.cfg.SessionTTL.String(),
		LockDelay:     "0s",
		Behavior:      consul.SessionBehaviorRelease,
		NodeChecks:    []string{},
		ServiceChecks: []serviceCheck{{ID: checkID(r.service.ID)}},
	}
	var answer struct{ ID string }
	err := r.c.call(ctx, o, func(ctx context.Context) error {
		_, err := r.c.calls.Raw().Write("/v1/session/create", request, &answer, (&consul.WriteOptions{}).WithContext(ctx))
		return err
	})
	if err != nil {
		return err
	}
	if answer.ID == "" {
		return r.c.garbled(o)
	}
	r.session = answer.ID
	return nil
}

// checkUnknown tells whether a session was refused because the servers do not
// know of the check, or not yet that it passes.
func checkUnknown(err error) bool {
	return errors.Is(err, ErrUnavailable) &&
		(strings.Contains(err.Error(), "Missing check") || strings.Contains(err.Error(), "in critical state"))
}

// see makes sure that service is in the health list. Consul leaves out, without an
// error, what the token may not read.
func (c *Client) see(ctx context.Context, service *consul.AgentServiceRegistration) error {
	o := op{"look for own registration", healthRight(service.Name)}
	var entries []*consul.ServiceEntry
	err := c.call(ctx, o, func(ctx context.Context) (err error) {
		q := (&consul.QueryOptions{RequireConsistent: true}).WithContext(ctx)
		entries, _, err = c.calls.Health().Service(service.Name, "", false, q)
		return cmp.Or(err, complete(entries))
	})
	if err != nil {
		return err
	}
	ours := func(e *consul.ServiceEntry) bool { return e.Service != nil && e.Service.ID == service.ID }
	if !slices.ContainsFunc(entries, ours) {
		return c.fault(KindAccess, &AccessError{
			Op: o.name, Right: o.right, Silent: true,
			Detail: fmt.Sprintf("%s is registered but not in the list", service.ID),
		})
	}
	return nil
}

func healthRight(service string) string {
	return `node_prefix "" { policy = "read" } and service "` + service + `" { policy = "read" }`
}
