package controller

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/consultest"
	"github.com/reseat-proxy/reseat/failover/mesh"
)

// TestOnConsul: on a real agent, one of three edges leads, seats servers, and when it
// dies another one goes on with what it finds.
func TestOnConsul(t *testing.T) {
	agent := consultest.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	client := func() *discovery.Client {
		c, err := discovery.New(discovery.Config{Address: agent.URL()}, nil)
		require.NoError(t, err)
		t.Cleanup(c.Close)
		return c
	}
	admin := client()
	for _, name := range pool(4) {
		reg, err := admin.Register(ctx, discovery.Server{Incarnation: name, Name: name, Address: "127.0.0.1:1", Host: name, Pool: true})
		require.NoError(t, err)
		wg.Go(func() { _ = reg.Run(ctx) })
	}
	watch := admin.WatchMesh()
	meshes, _ := watch.Subscribe()
	wg.Go(func() { _ = watch.Run(ctx) })
	until := func(what string, so func(discovery.Mesh) bool) discovery.Mesh {
		limit := time.After(60 * time.Second)
		for {
			select {
			case m := <-meshes:
				if so(m) {
					return m
				}
			case <-limit:
				t.Fatalf("never: %s", what)
			}
		}
	}

	runners, kill := map[string]*Runner{}, map[string]func(){}
	for _, name := range []string{"e1", "e2", "e3"} {
		c := client()
		own := c.WatchMesh()
		cfg := Config{
			Edge:      discovery.EdgeServer{Incarnation: name, Name: name, Address: "127.0.0.1:1"},
			Discovery: c, Source: own, Mesh: mesh.DefaultConfig(),
		}
		cfg.Mesh.Regions = []string{"r1", "r2"}
		runner, err := New(cfg)
		require.NoError(t, err)
		life, end := context.WithCancel(ctx)
		ended := make(chan struct{})
		runners[name], kill[name] = runner, func() { end(); <-ended }
		wg.Go(func() { _ = own.Run(life) })
		wg.Go(func() { defer close(ended); _ = runner.Run(life) })
	}
	seated := func(m discovery.Mesh) bool {
		return m.Controller != nil && m.State.Level == "normal" && len(m.Region("r1").Seats.Servers) == 3 && len(m.Region("r2").Seats.Servers) == 3
	}
	before := until("seated", seated)
	leader := before.Controller.Edge
	kill[leader]()
	after := until("another one leads", func(m discovery.Mesh) bool { return m.Controller != nil && m.Controller.Edge != leader })
	for _, region := range []string{"r1", "r2"} {
		require.Equal(t, before.Region(region).Seats, after.Region(region).Seats)
	}
	next := runners[after.Controller.Edge]
	victim := before.Region("r1").Seats.Servers[0]
	require.NoError(t, next.Drain(ctx, victim))
	until("drained", func(m discovery.Mesh) bool {
		for _, region := range []string{"r1", "r2"} {
			if slices.Contains(m.Region(region).Seats.Servers, victim) {
				return false
			}
		}
		return seated(m)
	})
	terms := uint64(0)
	for _, runner := range runners {
		terms += runner.Stats().Terms
	}
	require.EqualValues(t, 2, terms, "one at a time")
}
