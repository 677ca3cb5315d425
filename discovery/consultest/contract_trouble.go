package consultest

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// callsInTrouble tries every call with every fault: the right error, in time.
func callsInTrouble(r *rig) {
	c := r.client(func(cfg *discovery.Config) { cfg.Timeout = time.Second })
	reg := r.register(c, "a")
	_, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	calls := r.meshCalls(c, reg.Session())
	maps.Copy(calls, map[string]func(ctx context.Context) error{
		"Register": func(ctx context.Context) error {
			_, err := c.Register(ctx, r.server("b"))
			return err
		},
		"TakeOver": func(ctx context.Context) error {
			_, err := c.TakeOver(ctx, r.region, reg.Session(), r.holder("a"), 0)
			return err
		},
		"Release":        func(ctx context.Context) error { return c.Release(ctx, r.region, "not-ours") },
		"DestroySession": func(ctx context.Context) error { return c.DestroySession(ctx, "not-ours") },
		"InSync": func(ctx context.Context) error {
			_, err := c.InSync(ctx, r.region)
			return err
		},
		"ChangeInSync": func(ctx context.Context) error {
			_, err := c.ChangeInSync(ctx, r.region, reg.Session(), 1, nil)
			return err
		},
		"ClearInSync": func(ctx context.Context) error { return c.ClearInSync(ctx, r.region, reg.Session(), 1) },
		"ForceOpen": func(ctx context.Context) error {
			_, err := c.ForceOpen(ctx, r.region)
			return err
		},
	})
	for name, call := range calls {
		for _, trouble := range []struct {
			fault devconsul.Fault
			want  error
			kind  discovery.Kind
		}{
			{devconsul.NoLeader, discovery.ErrUnavailable, discovery.KindServer},
			{devconsul.TooMany, discovery.ErrUnavailable, discovery.KindLimit},
			{devconsul.Hang, discovery.ErrUnavailable, discovery.KindTimeout},
			{devconsul.NotFound, nil, discovery.KindOther},
			{devconsul.Empty, discovery.ErrUnavailable, discovery.KindGarbled},
			{devconsul.Cut, discovery.ErrUnavailable, discovery.KindGarbled},
			{devconsul.Forbidden, discovery.ErrAccess, discovery.KindAccess},
		} {
			if name == "DestroySession" && trouble.kind == discovery.KindGarbled {
				continue // the status says it all
			}
			r.reg.Faults.Break(trouble.fault, nil)
			before := c.Stats().Errors[trouble.kind.String()]
			began := time.Now()
			err := call(r.ctx())
			if require.Error(r, err, name); trouble.want != nil {
				require.ErrorIs(r, err, trouble.want, name)
			}
			require.Less(r, time.Since(began), 2*time.Second+slack, name)
			require.Greater(r, c.Stats().Errors[trouble.kind.String()], before, "%s: %s", name, trouble.kind)
			if unavailable := (*discovery.UnavailableError)(nil); errors.As(err, &unavailable) {
				require.Equal(r, trouble.kind, unavailable.Kind, name)
			}
			if access := (*discovery.AccessError)(nil); errors.As(err, &access) {
				require.Contains(r, access.Right, `policy = "`, name)
				require.Equal(r, "Permission denied", access.Detail, name)
			}
			if trouble.fault == devconsul.Hang {
				r.givesUp(call)
			}
			r.reg.Faults.Heal()
		}
	}
}

// meshCalls are those that are about the mesh, by whoever holds session.
func (r *rig) meshCalls(c *discovery.Client, session string) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"RegisterEdge": func(ctx context.Context) error {
			_, err := c.RegisterEdge(ctx, r.edgeServer("b"))
			return err
		},
		"Edges": func(ctx context.Context) error {
			_, err := c.Edges(ctx)
			return err
		},
		"LeadMesh": func(ctx context.Context) error {
			_, err := c.LeadMesh(ctx, session, r.controller("a"))
			return err
		},
		"ResignMesh": func(ctx context.Context) error { return c.ResignMesh(ctx, "not-ours") },
		"PutSeats": func(ctx context.Context) error {
			_, err := c.PutSeats(ctx, session, r.region, discovery.Seats{Version: 1})
			return err
		},
		"DropSeats": func(ctx context.Context) error { return c.DropSeats(ctx, session, r.region, 1) },
		"PutMeshState": func(ctx context.Context) error {
			_, err := c.PutMeshState(ctx, session, discovery.MeshState{Level: "normal"}, 1)
			return err
		},
		"SetDrain":   func(ctx context.Context) error { return c.SetDrain(ctx, r.inc("x"), discovery.Drain{}) },
		"ClearDrain": func(ctx context.Context) error { return c.ClearDrain(ctx, r.inc("x")) },
	}
}

// givesUp: a call ends with its caller's reason.
func (r *rig) givesUp(call func(context.Context) error) {
	r.Helper()
	reason := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(r.ctx())
	cancel(reason)
	err := call(ctx)
	require.ErrorIs(r, err, reason)
	require.NotErrorIs(r, err, discovery.ErrUnavailable)
}

// registrationInTrouble: while Consul answers nothing, or nonsense, a
// registration goes on trying, and its lease gets older.
func registrationInTrouble(r *rig) {
	c := r.client(func(cfg *discovery.Config) { cfg.Timeout, cfg.CheckTTL = time.Second, 6*time.Second })
	reg := r.register(c, "a")
	ended := r.run(reg)
	_, err := r.takeOver(c, reg, "a", 0)
	require.NoError(r, err)
	advances := func(since time.Time) {
		r.Helper()
		require.Eventually(r, func() bool { return reg.RenewedAt().After(since) }, patience, 10*time.Millisecond)
	}
	advances(reg.RenewedAt())
	renewals := func(req *http.Request) bool { return strings.HasPrefix(req.URL.Path, "/v1/session/renew/") }
	for _, fault := range []devconsul.Fault{
		devconsul.NoLeader, devconsul.Hang, devconsul.Empty, devconsul.Cut, devconsul.Forbidden,
	} {
		failures := c.Stats().Errors
		r.reg.Faults.Break(fault, renewals)
		require.Eventually(r, func() bool {
			return sum(c.Stats().Errors) >= sum(failures)+3
		}, patience, 10*time.Millisecond)
		at := reg.RenewedAt()
		r.reg.Faults.Heal()
		advances(at)
	}
	select {
	case err := <-ended:
		r.Fatalf("it has given up: %v", err)
	default:
	}
	require.Equal(r, reg.Session(), r.get(r.key("lock")).Session)
}

func sum(counts map[string]uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}
