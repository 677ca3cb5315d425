package chaos

import (
	"context"
	"net/http"
	"os"
	"time"
)

func consulFaults() []Fault {
	all := []Fault{
		{Name: "consul-kill", Does: "Consul is killed", strike: killConsul(false), lasts: 2 * time.Second, real: true},
		{Name: "consul-wipe", Does: "Consul is killed, and has lost its data when it comes back", strike: killConsul(true), lasts: time.Second, real: true, loose: true},
		{Name: "consul-freeze", Does: "Consul is frozen", strike: freezeConsul, lasts: 5 * time.Second},
		{Name: "session", Does: "the primary's session is destroyed by hand", strike: onHolder(false, destroySession)},
		{Name: "lock-put", Does: "the lock's key is overwritten by hand", strike: onHolder(false, func(ctx context.Context, s *scene, _ holder) error {
			return s.consul.Do(ctx, http.MethodPut, lockPath, "nobody")
		})},
		{Name: "lock-delete", Does: "the lock's key is deleted by hand", strike: onHolder(false, func(ctx context.Context, s *scene, _ holder) error {
			return s.consul.Do(ctx, http.MethodDelete, lockPath, "")
		})},
		{Name: "critical", Does: "the primary's check is failed by hand", strike: onHolder(true, func(ctx context.Context, s *scene, h holder) error {
			return s.consul.Do(ctx, http.MethodPut, "/v1/agent/check/fail/beat:reseat-"+h.incarnation, "")
		})},
	}
	for i := range all {
		all[i].registry = true
	}
	return all
}

const lockPath = "/v1/kv/" + space + "/" + region + "/lock"

// holder is who holds the lock, by Consul's word.
type holder struct{ name, incarnation, session string }

// onHolder does something to who holds the lock. Named: his name must be known, which a
// lock that was overwritten by hand does not say.
func onHolder(named bool, do func(context.Context, *scene, holder) error) func(context.Context, *scene, *node) (string, mend, error) {
	return func(ctx context.Context, s *scene, _ *node) (string, mend, error) {
		var h holder
		err := s.await(ctx, "a holder of the lock", func(k *known) bool {
			p := k.view.Primary
			if p == nil || k.view.Stale || named && p.Incarnation == "" {
				return false
			}
			h = holder{k.names[p.Incarnation], p.Incarnation, p.Session}
			return true
		})
		if err != nil {
			return "", nil, err
		}
		return h.name, nil, do(ctx, s, h)
	}
}

func destroySession(ctx context.Context, s *scene, h holder) error {
	return s.consul.Do(ctx, http.MethodPut, "/v1/session/destroy/"+h.session, "")
}

func killConsul(wipe bool) func(context.Context, *scene, *node) (string, mend, error) {
	return func(_ context.Context, s *scene, _ *node) (string, mend, error) {
		c := s.consul
		c.Process().Kill()
		if wipe {
			if err := os.RemoveAll(c.Data); err != nil {
				return "", nil, err
			}
		}
		return "consul", func(ctx context.Context) error {
			if running(c.Process()) {
				return nil
			}
			return c.Start(ctx)
		}, nil
	}
}

func freezeConsul(_ context.Context, s *scene, _ *node) (string, mend, error) {
	p := s.consul.Process()
	if !running(p) {
		return "consul", nil, nil
	}
	return "consul", func(context.Context) error { return thaw(p) }, p.Freeze()
}
