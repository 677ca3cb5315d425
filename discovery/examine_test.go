package discovery_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/consultest"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// A real agent says what a token may do, those rights included whose lack shows
// nowhere else.
func TestExamine(t *testing.T) {
	agent := consultest.Start(t, consultest.WithACLs())
	edge := newClient(t, discovery.Config{Address: agent.Address, Token: agent.NewToken("edge", edgeRules+`
key_prefix "reseat/.mesh/"  { policy = "write" }
service "reseat-game-edge"  { policy = "write" }
session "consultest"        { policy = "write" }`)})
	e, err := edge.Examine(t.Context())
	require.NoError(t, err)
	require.Regexp(t, `^\d+\.\d+\.\d+`, e.Version)
	require.NotEmpty(t, e.Leader)
	require.Equal(t, "deny", e.Policy)
	require.Less(t, e.Ahead.Abs(), 2*time.Second, "the same clock")
	missing, err := edge.Missing(t.Context(), edge.EdgeRights())
	require.NoError(t, err)
	require.Empty(t, missing)
	require.NoError(t, edge.TrySession(t.Context()))

	nodes, err := edge.Nodes(t.Context())
	require.NoError(t, err)
	require.Empty(t, nodes)
	full := newClient(t, discovery.Config{Address: agent.Address, Token: agent.Token})
	reg, err := full.Register(t.Context(), server("a"))
	require.NoError(t, err)
	defer reg.Close(t.Context())
	nodes, err = edge.Nodes(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{consultest.Node}, nodes)

	silent := newClient(t, discovery.Config{Address: agent.Address, Token: agent.NewToken("silent", strings.ReplaceAll(sidecarRules, `node_prefix ""        { policy = "read" }`, ""))})
	missing, err = silent.Missing(t.Context(), silent.SidecarRights([]string{"arena"}, []string{consultest.Node}))
	require.NoError(t, err)
	var rules []string
	for _, r := range missing {
		rules = append(rules, r.Rule+" on "+r.Name)
	}
	require.Equal(t, []string{
		`session_prefix "" { policy = "write" } on reseat-doctor-any-node`,
		`node_prefix "" { policy = "read" } on reseat-doctor-any-node`, `node_prefix "" { policy = "read" } on consultest`,
	}, rules)
	require.NoError(t, silent.TrySession(t.Context()))

	stranger := newClient(t, discovery.Config{Address: agent.Address, Token: "nobody"})
	_, err = stranger.Missing(t.Context(), stranger.EdgeRights())
	require.ErrorIs(t, err, discovery.ErrAccess)
	require.ErrorContains(t, err, "ACL not found")
	reader := newClient(t, discovery.Config{Address: agent.Address, Token: agent.NewToken("reader", edgeRules)})
	require.ErrorIs(t, reader.TrySession(t.Context()), discovery.ErrAccess)
}

func TestExamineWithoutACLs(t *testing.T) {
	agent := consultest.Start(t)
	c := newClient(t, discovery.Config{Address: agent.Address})
	missing, err := c.Missing(t.Context(), c.EdgeRights())
	require.NoError(t, err)
	require.Empty(t, missing)
}

// What stands in for Consul is told from it, and what does not answer as Consul does
// is an error.
func TestExamineOthers(t *testing.T) {
	registry := devconsul.New(devconsul.Options{})
	defer registry.Close()
	dev := httptest.NewServer(registry)
	defer dev.Close()
	c := newClient(t, discovery.Config{Address: dev.URL})
	e, err := c.Examine(t.Context())
	require.NoError(t, err)
	require.Empty(t, e.Version)
	_, err = c.Missing(t.Context(), c.EdgeRights())
	require.ErrorIs(t, err, discovery.ErrUntold)
	require.NoError(t, c.TrySession(t.Context()))

	fast := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		_, _ = w.Write([]byte(`""`))
	}))
	defer fast.Close()
	e, err = newClient(t, discovery.Config{Address: fast.URL}).Examine(t.Context())
	require.NoError(t, err)
	require.InDelta(t, time.Hour, e.Ahead, float64(2*e.Within))
	require.Empty(t, e.Leader)

	for name, handler := range map[string]http.HandlerFunc{
		"no JSON": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"broken": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "No cluster leader", http.StatusInternalServerError)
		},
	} {
		s := httptest.NewServer(handler)
		_, err := newClient(t, discovery.Config{Address: s.URL}).Examine(t.Context())
		s.Close()
		require.ErrorIs(t, err, discovery.ErrUnavailable, name)
	}
	_, err = newClient(t, discovery.Config{Address: "127.0.0.1:1"}).Examine(t.Context())
	require.ErrorIs(t, err, discovery.ErrUnavailable)
}
