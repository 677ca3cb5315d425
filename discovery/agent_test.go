package discovery_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/consultest"
)

// These tests are about what only a real agent has: access control, and a life
// that can be interrupted.

const patience = time.Minute

func newClient(t *testing.T, cfg discovery.Config) *discovery.Client {
	t.Helper()
	c, err := discovery.New(cfg, nil)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func server(incarnation string) discovery.Server {
	return discovery.Server{Incarnation: incarnation, Address: "127.0.0.1:7001", Regions: []string{"r"}}
}

func holder(incarnation string) discovery.Holder {
	return discovery.Holder{Incarnation: incarnation, Address: "127.0.0.1:7001"}
}

// start runs fn until the test ends.
func start(t *testing.T, fn func(context.Context) error) <-chan error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ended <- fn(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return ended
}

func until(t *testing.T, views <-chan discovery.View, what string, good func(discovery.View) bool) discovery.View {
	t.Helper()
	limit := time.After(patience)
	var last discovery.View
	for {
		select {
		case last = <-views:
			if good(last) {
				return last
			}
		case <-limit:
			t.Fatalf("no view with %s; the last was %+v", what, last)
		}
	}
}

// Minimal policies, as DESIGN.md has them.
const (
	operatorRules = `
key_prefix "reseat/"  { policy = "write" }`
	sidecarRules = `
service "reseat-game" { policy = "write" }
session "consultest"  { policy = "write" }
key_prefix "reseat/"  { policy = "write" }
node_prefix ""        { policy = "read" }`
	edgeRules = `
service "reseat-game" { policy = "read" }
key_prefix "reseat/"  { policy = "read" }
node_prefix ""        { policy = "read" }`
)

// leaderRules are those of an edge that may lead the mesh.
const leaderRules = `
service "reseat-game"        { policy = "read" }
service "reseat-game-edge"   { policy = "write" }
session "consultest"         { policy = "write" }
key_prefix "reseat/"         { policy = "read" }
key_prefix "reseat/.mesh/"   { policy = "write" }
node_prefix ""               { policy = "read" }`

func without(rules, word string) string {
	var kept []string
	for line := range strings.Lines(rules) {
		if !strings.HasPrefix(line, word) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

func TestAccessControl(t *testing.T) {
	t.Parallel()
	agent := consultest.Start(t, consultest.WithACLs())
	with := func(t *testing.T, name, rules string) *discovery.Client {
		t.Helper()
		return newClient(t, discovery.Config{Address: agent.URL(), Token: agent.NewToken(name, rules), Wait: time.Second})
	}

	sidecar := with(t, "sidecar", sidecarRules)
	reg, err := sidecar.Register(t.Context(), server("main"))
	require.NoError(t, err)
	start(t, reg.Run)
	grant, err := sidecar.TakeOver(t.Context(), "r", reg.Session(), holder("main"), 0)
	require.NoError(t, err)
	_, err = sidecar.ChangeInSync(t.Context(), "r", reg.Session(), grant.InSyncVersion, []string{"main"})
	require.NoError(t, err)

	_, err = sidecar.TakeOver(t.Context(), "free", reg.Session(), holder("main"), 0)
	require.NoError(t, err)
	_, err = sidecar.ChangeInSync(t.Context(), "free", reg.Session(), 0, []string{"main"})
	require.NoError(t, err)
	require.NoError(t, sidecar.Release(t.Context(), "free", reg.Session()))

	t.Run("edge", func(t *testing.T) {
		edge := with(t, "edge", edgeRules)
		w := edge.Watch("r")
		start(t, w.Run)
		until(t, w.Views(), "everything", func(v discovery.View) bool {
			return !v.Stale && len(v.Servers) == 1 && v.Servers[0].Passing &&
				v.Primary != nil && v.Primary.Incarnation == "main" && v.InSyncKnown
		})
		_, err := edge.Register(t.Context(), server("x"))
		require.ErrorIs(t, err, discovery.ErrAccess)
		_, err = edge.TakeOver(t.Context(), "r", reg.Session(), holder("main"), 0)
		require.ErrorIs(t, err, discovery.ErrAccess)
		_, err = edge.ChangeInSync(t.Context(), "r", reg.Session(), 0, nil)
		require.ErrorIs(t, err, discovery.ErrAccess)
		require.ErrorIs(t, edge.ClearInSync(t.Context(), "r", reg.Session(), 0), discovery.ErrAccess)
		_, err = edge.ForceOpen(t.Context(), "free")
		require.ErrorIs(t, err, discovery.ErrAccess)
		require.ErrorIs(t, edge.Release(t.Context(), "r", reg.Session()), discovery.ErrAccess)
		require.ErrorIs(t, edge.DestroySession(t.Context(), reg.Session()), discovery.ErrAccess)
	})

	t.Run("operator", func(t *testing.T) {
		operator := with(t, "operator", operatorRules)
		_, err := operator.ForceOpen(t.Context(), "r")
		require.ErrorIs(t, err, discovery.ErrHeld)
		set, err := operator.ForceOpen(t.Context(), "free")
		require.NoError(t, err)
		require.Equal(t, []string{"main"}, set.Members)
	})

	for _, test := range []struct {
		missing string // the rule that is left out
		call    func(context.Context, *discovery.Client) error
		silent  bool
		right   string
	}{
		{"service", register, false, `service "reseat-game" { policy = "write" }`},
		{"session", register, false, `session_prefix "" { policy = "write" }`},
		{"node_prefix", register, true, `node_prefix "" { policy = "read" }`},
		{"key_prefix", func(ctx context.Context, c *discovery.Client) error {
			_, err := c.TakeOver(ctx, "r", reg.Session(), holder("main"), 0)
			return err
		}, true, `key_prefix "reseat/r/" { policy = "read" }`},
	} {
		t.Run("without "+test.missing, func(t *testing.T) {
			c := with(t, "without-"+test.missing, without(sidecarRules, test.missing))
			err := test.call(t.Context(), c)
			var access *discovery.AccessError
			require.ErrorAs(t, err, &access)
			require.Equal(t, test.silent, access.Silent)
			require.Contains(t, access.Right, test.right)
		})
	}

	for name, cfg := range map[string]discovery.Config{
		"blind":     {Token: agent.NewToken("blind", `key_prefix "reseat/" { policy = "read" }`)},
		"anonymous": {},
		"unknown":   {Token: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"},
	} {
		t.Run("watch of the "+name, func(t *testing.T) {
			cfg.Address, cfg.Wait = agent.URL(), time.Second
			c := newClient(t, cfg)
			w := c.Watch("r")
			start(t, w.Run)
			require.Eventually(t, func() bool { return c.Stats().Errors["access"] >= 3 }, patience, 5*time.Millisecond)
			select {
			case v := <-w.Views():
				t.Fatalf("a view of what it may not see: %+v", v)
			default:
			}
		})
	}
	require.NoError(t, reg.Close(t.Context()))
}

// TestAccessToTheMesh: each rule of an edge that leads, left out, is told by name;
// and where it would be silent, nothing is shown rather than a part.
func TestAccessToTheMesh(t *testing.T) {
	t.Parallel()
	agent := consultest.Start(t, consultest.WithACLs())
	client := func(t *testing.T, name, rules string) *discovery.Client {
		t.Helper()
		return newClient(t, discovery.Config{Address: agent.URL(), Token: agent.NewToken(name, rules), Wait: time.Second})
	}
	edge := discovery.EdgeServer{Incarnation: "e", Address: "127.0.0.1:7000"}
	who := discovery.Controller{Edge: "gate", Incarnation: "e"}
	leader := client(t, "leader", leaderRules)
	reg, err := leader.RegisterEdge(t.Context(), edge)
	require.NoError(t, err)
	start(t, reg.Run)
	won, err := leader.LeadMesh(t.Context(), reg.Session(), who)
	require.NoError(t, err)
	require.True(t, won)
	_, err = client(t, "sidecar", sidecarRules).Register(t.Context(), server("main"))
	require.NoError(t, err)
	for i, region := range []string{"r", "s"} {
		_, err = leader.PutSeats(t.Context(), reg.Session(), region, discovery.Seats{Score: uint64(i)})
		require.NoError(t, err)
	}

	registers := func(ctx context.Context, c *discovery.Client) error {
		_, err := c.RegisterEdge(ctx, discovery.EdgeServer{Incarnation: "f", Address: "127.0.0.1:7001"})
		return err
	}
	for _, test := range []struct {
		missing string
		call    func(context.Context, *discovery.Client) error
		silent  bool
		right   string
	}{
		{`service "reseat-game-edge"`, registers, false, `service "reseat-game-edge" { policy = "write" }`},
		{"session", registers, false, `session_prefix "" { policy = "write" }`},
		{"node_prefix", registers, true, `node_prefix "" { policy = "read" }`},
		{`key_prefix "reseat/.mesh/"`, func(ctx context.Context, c *discovery.Client) error {
			_, err := c.LeadMesh(ctx, reg.Session(), who)
			return err
		}, false, `key_prefix "reseat/.mesh/" { policy = "write" }`},
		{`key_prefix "reseat/.mesh/"`, func(ctx context.Context, c *discovery.Client) error {
			return c.SetDrain(ctx, "x", discovery.Drain{})
		}, false, `key_prefix "reseat/.mesh/drain/" { policy = "write" }`},
		{`key_prefix "reseat/.mesh/"`, func(ctx context.Context, c *discovery.Client) error {
			_, err := c.PutSeats(ctx, reg.Session(), "t", discovery.Seats{})
			return err
		}, false, `key_prefix "reseat/.mesh/" { policy = "write" }`},
		{"node_prefix", func(ctx context.Context, c *discovery.Client) error {
			_, err := c.Edges(ctx)
			return err
		}, true, `service "reseat-game-edge" { policy = "read" }`},
	} {
		t.Run("without "+test.missing, func(t *testing.T) {
			name := discovery.NewIncarnation() // of the policy; a right is left out more than once
			err := test.call(t.Context(), client(t, name, without(leaderRules, test.missing)))
			var access *discovery.AccessError
			require.ErrorAs(t, err, &access)
			require.Equal(t, test.silent, access.Silent)
			require.Contains(t, access.Right, test.right)
		})
	}
	for name, rules := range map[string]string{
		"one region's":         without(leaderRules, "key_prefix") + "\nkey_prefix \"reseat/r/\" { policy = \"read\" }",
		"all but the mesh's":   leaderRules + "\nkey_prefix \"reseat/.mesh/seats/\" { policy = \"deny\" }",
		"all but the servers'": without(leaderRules, "node_prefix"),
	} {
		t.Run("a mesh of "+name, func(t *testing.T) {
			c := client(t, discovery.NewIncarnation(), rules)
			w := c.WatchMesh()
			meshes, _ := w.Subscribe()
			start(t, w.Run)
			require.Eventually(t, func() bool { return c.Stats().Errors["access"] >= 3 }, patience, 5*time.Millisecond)
			require.Empty(t, meshes)
		})
	}
	require.NoError(t, reg.Close(t.Context()))
}

func register(ctx context.Context, c *discovery.Client) error {
	_, err := c.Register(ctx, server("x"))
	return err
}

// TestInterruptions kills and freezes the agent under a primary. Nobody is
// deposed by that: sessions are in Consul's data, and outlive its process.
func TestInterruptions(t *testing.T) {
	t.Parallel()
	agent := consultest.Start(t)
	c := newClient(t, discovery.Config{
		Address: agent.URL(), CheckTTL: time.Minute, SessionTTL: time.Minute, Timeout: 2 * time.Second, Wait: time.Second,
	})
	w := c.Watch("r")
	start(t, w.Run)
	reg, err := c.Register(t.Context(), server("a"))
	require.NoError(t, err)
	ended := start(t, reg.Run)
	grant, err := c.TakeOver(t.Context(), "r", reg.Session(), holder("a"), 0)
	require.NoError(t, err)
	mine := func(v discovery.View) bool {
		return !v.Stale && v.Epoch == grant.Epoch && v.Primary != nil && v.Primary.Session == reg.Session()
	}
	until(t, w.Views(), "the primary", mine)

	for _, interruption := range []struct {
		name       string
		begin, end func()
	}{
		{"SIGKILL", agent.Kill, agent.Restart},
		{"SIGSTOP", agent.Pause, agent.Resume},
	} {
		interruption.begin()
		stale := until(t, w.Views(), "a mark of being stale", func(v discovery.View) bool { return v.Stale })
		require.Equal(t, reg.Session(), stale.Primary.Session, "what was known stays known")
		_, err = c.TakeOver(t.Context(), "r", reg.Session(), holder("a"), 0)
		require.ErrorIs(t, err, discovery.ErrUnavailable)
		interruption.end()
		until(t, w.Views(), "the primary after "+interruption.name, mine)
	}
	select {
	case err := <-ended:
		t.Fatalf("the registration has given up: %v", err)
	default:
	}
	grant, err = c.TakeOver(t.Context(), "r", reg.Session(), holder("a"), 0)
	require.NoError(t, err, "the session is as good as before")
	until(t, w.Views(), "the next epoch", mine)
}
