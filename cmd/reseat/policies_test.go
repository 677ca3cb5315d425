package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/consultest"
)

// The policies in deploy are enough for what the processes do, and the edge's is
// for nothing more: on a real agent that denies by default.
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
	require.ErrorIs(t, edge.DestroySession(ctx, reg.Session()), discovery.ErrAccess)

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

// policyClient has a token with the policy in deploy, from a file as in production.
func policyClient(t *testing.T, agent *consultest.Agent, role string) *discovery.Client {
	t.Helper()
	rules, err := os.ReadFile(filepath.Join("..", "..", "deploy", "consul-policies", role+".hcl"))
	require.NoError(t, err)
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte(agent.NewToken(role, string(rules))), 0o600))
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
