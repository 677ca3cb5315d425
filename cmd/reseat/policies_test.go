package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/consultest"
)

// The policies in deploy are enough for what the processes do with regions, and the
// edge's is for nothing more: on a real agent that denies by default.
func TestConsulPolicies(t *testing.T) {
	agent := consultest.Start(t, consultest.WithACLs())
	sidecar := policyClient(t, agent, "sidecar")
	edge := policyClient(t, agent, "edge")
	ctx := t.Context()

	server := discovery.Server{Incarnation: "a", Address: "127.0.0.1:7800", Regions: []string{"arena"}}
	reg, err := sidecar.Register(ctx, server)
	require.NoError(t, err)
	grant, err := sidecar.TakeOver(ctx, "arena", reg.Session(), discovery.Holder{Incarnation: "a", Address: server.Address}, 0)
	require.NoError(t, err)

	view := awaitView(t, edge, "arena", func(v discovery.View) bool { return v.Primary != nil && len(v.Servers) == 1 })
	require.Equal(t, grant.Epoch, view.Primary.Epoch)

	_, err = edge.Register(ctx, server)
	require.ErrorIs(t, err, discovery.ErrAccess)
	_, err = edge.TakeOver(ctx, "arena", reg.Session(), discovery.Holder{Incarnation: "a", Address: server.Address}, 0)
	require.ErrorIs(t, err, discovery.ErrAccess)

	require.NoError(t, sidecar.DestroySession(ctx, reg.Session()), "a backup may end the session of a dead primary")
	awaitView(t, edge, "arena", func(v discovery.View) bool { return v.Primary == nil })
	require.NoError(t, reg.Close(ctx))

	_, err = edge.ForceOpen(ctx, "arena")
	require.NoError(t, err, "there is no set, which is only read")
	again, err := sidecar.Register(ctx, server)
	require.NoError(t, err)
	grant, err = sidecar.TakeOver(ctx, "arena", again.Session(), discovery.Holder{Incarnation: "a", Address: server.Address}, 0)
	require.NoError(t, err)
	_, err = sidecar.ChangeInSync(ctx, "arena", again.Session(), grant.InSyncVersion, []string{"a", "b"})
	require.NoError(t, err)
	require.NoError(t, again.Close(ctx))
	_, err = edge.ForceOpen(ctx, "arena")
	require.ErrorIs(t, err, discovery.ErrAccess)
	operator := policyClient(t, agent, "operator")
	awaitView(t, operator, "arena", func(v discovery.View) bool { return v.InSyncKnown && v.Primary == nil })
	was, err := operator.ForceOpen(ctx, "arena")
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, was.Members)
	_, err = operator.Register(ctx, server)
	require.ErrorIs(t, err, discovery.ErrAccess)
}

// What each role may do with the mesh: edges lead it, sidecars obey and may say that
// they are leaving, an operator may steer what stands there.
func TestConsulPoliciesOfTheMesh(t *testing.T) {
	agent := consultest.Start(t, consultest.WithACLs())
	sidecar, edge, operator := policyClient(t, agent, "sidecar"), policyClient(t, agent, "edge"), policyClient(t, agent, "operator")
	ctx := t.Context()
	server := discovery.Server{Incarnation: "a", Address: "127.0.0.1:7800", Pool: true}
	reg, err := sidecar.Register(ctx, server)
	require.NoError(t, err)
	defer reg.Close(context.WithoutCancel(ctx))
	gate := discovery.EdgeServer{Incarnation: "e", Name: "gate", Address: "127.0.0.1:7700"}
	lead, err := edge.RegisterEdge(ctx, gate)
	require.NoError(t, err)
	defer lead.Close(context.WithoutCancel(ctx))
	won, err := edge.LeadMesh(ctx, lead.Session(), discovery.Controller{Edge: gate.Name, Incarnation: gate.Incarnation})
	require.NoError(t, err)
	require.True(t, won)
	_, err = edge.PutSeats(ctx, lead.Session(), "arena", discovery.Seats{Servers: []string{"a"}})
	require.NoError(t, err)
	at, err := edge.PutMeshState(ctx, lead.Session(), discovery.MeshState{Level: "normal", Fidelity: 1}, 0)
	require.NoError(t, err)
	_, err = sidecar.TakeOver(ctx, "arena", reg.Session(), discovery.Holder{Incarnation: "a", Address: server.Address}, 0)
	require.NoError(t, err)
	require.NoError(t, sidecar.SetDrain(ctx, "a", discovery.Drain{By: "shutdown"}))

	for role, client := range map[string]*discovery.Client{"sidecar": sidecar, "edge": edge, "operator": operator} {
		mesh := awaitMesh(t, client, func(m discovery.Mesh) bool {
			return len(m.Servers) == 1 && len(m.Draining) == 1 && m.Region("arena").Primary != nil
		})
		require.Equal(t, gate.Name, mesh.Controller.Edge, role)
		require.Equal(t, at, mesh.StateAt, role)
		require.Equal(t, []string{"a"}, mesh.Region("arena").Seats.Servers, role)
	}
	edges, err := edge.Edges(ctx)
	require.NoError(t, err)
	require.Len(t, edges, 1)
	_, err = operator.Edges(ctx)
	require.NoError(t, err)

	_, err = sidecar.LeadMesh(ctx, reg.Session(), discovery.Controller{Incarnation: "a"})
	require.ErrorIs(t, err, discovery.ErrAccess, "a game server decides nothing for others")
	_, err = sidecar.PutSeats(ctx, lead.Session(), "arena", discovery.Seats{})
	require.ErrorIs(t, err, discovery.ErrAccess)
	_, err = sidecar.PutMeshState(ctx, lead.Session(), discovery.MeshState{Level: "severe"}, at)
	require.ErrorIs(t, err, discovery.ErrAccess)
	require.ErrorIs(t, sidecar.ResignMesh(ctx, lead.Session()), discovery.ErrAccess)
	_, err = sidecar.RegisterEdge(ctx, gate)
	require.ErrorIs(t, err, discovery.ErrAccess)
	require.NoError(t, sidecar.ClearDrain(ctx, "a"))

	_, err = edge.TakeOver(ctx, "arena", lead.Session(), discovery.Holder{Incarnation: "e"}, 0)
	require.ErrorIs(t, err, discovery.ErrHeld, "it may read that")
	_, err = edge.TakeOver(ctx, "other", lead.Session(), discovery.Holder{Incarnation: "e"}, 0)
	require.ErrorIs(t, err, discovery.ErrAccess, "no region is an edge's")
	_, err = edge.Register(ctx, server)
	require.ErrorIs(t, err, discovery.ErrAccess)
	require.NoError(t, edge.SetDrain(ctx, "a", discovery.Drain{By: "operator"}))
	require.NoError(t, operator.ClearDrain(ctx, "a"))
	_, err = operator.RegisterEdge(ctx, gate)
	require.ErrorIs(t, err, discovery.ErrAccess)

	other := agent.NewToken("elsewhere", policyOf(t, "edge", "another-node"))
	client := clientWith(t, agent, other)
	require.ErrorIs(t, client.DestroySession(ctx, reg.Session()), discovery.ErrAccess, "a node's sessions are its own edge's to end")
	_, err = client.RegisterEdge(ctx, discovery.EdgeServer{Incarnation: "f", Address: "127.0.0.1:7701"})
	require.ErrorIs(t, err, discovery.ErrAccess)
	require.ErrorContains(t, err, "session")
}

// policyClient has a token with the policy in deploy, from a file as in production.
func policyClient(t *testing.T, agent *consultest.Agent, role string) *discovery.Client {
	t.Helper()
	return clientWith(t, agent, agent.NewToken(role, policyOf(t, role, consultest.Node)))
}

// policyOf is a policy in deploy, for the token of a process on node.
func policyOf(t *testing.T, role, node string) string {
	t.Helper()
	rules, err := os.ReadFile(filepath.Join("..", "..", "deploy", "consul-policies", role+".hcl"))
	require.NoError(t, err)
	return strings.ReplaceAll(string(rules), `"NODE"`, strconv.Quote(node))
}

func clientWith(t *testing.T, agent *consultest.Agent, secret string) *discovery.Client {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte(secret), 0o600))
	client, err := newDiscovery(config.Consul{Address: agent.Address, TokenFile: token}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

func awaitView(t *testing.T, client *discovery.Client, region string, good func(discovery.View) bool) discovery.View {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	watch := client.Watch(region)
	done := make(chan error, 1)
	go func() { done <- watch.Run(ctx) }()
	for {
		select {
		case view := <-watch.Views():
			if good(view) {
				cancel()
				require.ErrorIs(t, <-done, context.Canceled)
				return view
			}
		case err := <-done:
			t.Fatalf("no such view: %v", err)
		}
	}
}

func awaitMesh(t *testing.T, client *discovery.Client, good func(discovery.Mesh) bool) discovery.Mesh {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	watch := client.WatchMesh()
	meshes, stop := watch.Subscribe()
	defer stop()
	done := make(chan error, 1)
	go func() { done <- watch.Run(ctx) }()
	for {
		select {
		case mesh := <-meshes:
			if good(mesh) {
				cancel()
				require.ErrorIs(t, <-done, context.Canceled)
				return mesh
			}
		case err := <-done:
			t.Fatalf("no such mesh: %v", err)
		}
	}
}
