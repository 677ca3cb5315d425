package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// orphan is a region whose primary a, in sync with b, may be gone, and for which
// c is registered, too.
type orphan struct {
	*testing.T
	address string
	client  *discovery.Client
	primary *discovery.Registration
}

func newOrphan(t *testing.T) *orphan {
	t.Helper()
	registry := devconsul.New(devconsul.Options{})
	t.Cleanup(registry.Close)
	api := httptest.NewServer(registry)
	t.Cleanup(api.Close)
	client, err := discovery.New(discovery.Config{Address: api.URL}, nil)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	o := &orphan{t, api.URL, client, nil}
	o.primary = o.register("a")
	grant, err := client.TakeOver(t.Context(), "arena", o.primary.Session(), discovery.Holder{Incarnation: "a", Address: "127.0.0.1:7801"}, 0)
	require.NoError(t, err)
	_, err = client.ChangeInSync(t.Context(), "arena", o.primary.Session(), grant.InSyncVersion, []string{"a", "b"})
	require.NoError(t, err)
	o.register("c")
	return o
}

func (o *orphan) register(incarnation string) *discovery.Registration {
	o.Helper()
	reg, err := o.client.Register(o.Context(), discovery.Server{
		Incarnation: incarnation, Name: "server-" + incarnation, Address: "127.0.0.1:7801", Regions: []string{"arena"},
	})
	require.NoError(o, err)
	return reg
}

func (o *orphan) force(stdin string, args ...string) (stdout, stderr string, err error) {
	o.Helper()
	var out, logs bytes.Buffer
	args = append([]string{"force-takeover", "--region=arena", "--consul=" + o.address}, args...)
	err = run(o.Context(), args, strings.NewReader(stdin), &out, &logs)
	return out.String(), logs.String(), err
}

func (o *orphan) set() discovery.InSync {
	o.Helper()
	set, err := o.client.InSync(o.Context(), "arena")
	require.NoError(o, err)
	return set
}

func TestForceTakeover(t *testing.T) {
	o := newOrphan(t)
	require.NoError(t, o.primary.Close(t.Context()))
	c, err := o.client.Register(t.Context(), discovery.Server{Incarnation: "d", Address: "127.0.0.1:7802", Regions: []string{"arena"}})
	require.NoError(t, err)
	_, err = o.client.TakeOver(t.Context(), "arena", c.Session(), discovery.Holder{Incarnation: "d", Address: "127.0.0.1:7802"}, 0)
	require.ErrorIs(t, err, discovery.ErrNotInSync)

	for _, answer := range []string{"", "yes\n", "arena-2\n"} {
		out, logs, err := o.force(answer)
		require.EqualError(t, err, "not confirmed, nothing was changed")
		require.Equal(t, 1, exitCode(err))
		require.Contains(t, out, "primary: none, the lock is free\nin sync: 2\n  a (gone)\n  b (gone)\nregistered: 2\n")
		require.Contains(t, out, "  c (server-c at 127.0.0.1:7801), not in the set\n")
		require.NotContains(t, logs, "forced")
		require.True(t, o.set().Known)
	}

	out, logs, err := o.force("arena\n")
	require.NoError(t, err)
	require.Contains(t, out, "Type the region's name to go on: \nThe in-sync set of arena is deleted. One of the registered servers takes over")
	require.Contains(t, logs, `event=forced region=arena epoch=1 members="[a b]"`)
	require.False(t, o.set().Known)
	_, err = o.client.TakeOver(t.Context(), "arena", c.Session(), discovery.Holder{Incarnation: "d", Address: "127.0.0.1:7802"}, 0)
	require.NoError(t, err)
}

func TestForceTakeoverWithoutQuestion(t *testing.T) {
	o := newOrphan(t)
	require.NoError(t, o.primary.Close(t.Context()))
	out, _, err := o.force("", "--yes")
	require.NoError(t, err)
	require.NotContains(t, out, "Type the region's name")
	require.False(t, o.set().Known)

	out, _, err = o.force("")
	require.NoError(t, err, "again is no error")
	require.Contains(t, out, "in sync: no set is published\n")
	require.Contains(t, out, "Nothing is to be forced")
}

func TestForceTakeoverRefuses(t *testing.T) {
	o := newOrphan(t)
	out, _, err := o.force("", "--yes")
	require.EqualError(t, err, "region arena is held by a (server-a at 127.0.0.1:7801) in epoch 1, nothing was changed: "+
		"a server that is dead loses it by itself within consul.check_ttl")
	require.Equal(t, 1, exitCode(err))
	require.Contains(t, out, "primary: a (server-a")
	require.True(t, o.set().Known)

	_, err = call(t, "force-takeover")
	require.ErrorContains(t, err, "--region: ")
	require.Equal(t, 2, exitCode(err))
	_, err = call(t, "force-takeover", "--region=arena", nowhere)
	require.ErrorIs(t, err, discovery.ErrUnavailable)
	require.Equal(t, 1, exitCode(err))
}

// TestForceTakeoverLoses: somebody takes over while the person thinks.
func TestForceTakeoverLoses(t *testing.T) {
	o := newOrphan(t)
	require.NoError(t, o.primary.Close(t.Context()))
	b := o.register("b")
	stdin := thinker(func() {
		_, err := o.client.TakeOver(context.WithoutCancel(t.Context()), "arena", b.Session(), discovery.Holder{Incarnation: "b", Address: "127.0.0.1:7801"}, 0)
		require.NoError(t, err)
	})
	var out bytes.Buffer
	err := run(t.Context(), []string{"force-takeover", "--region=arena", "--consul=" + o.address}, stdin, &out, &out)
	require.ErrorIs(t, err, discovery.ErrHeld)
	require.ErrorContains(t, err, "somebody took the region over meanwhile, nothing was changed")
	require.True(t, o.set().Known)
	require.Contains(t, out.String(), "  b (server-b at 127.0.0.1:7801), in the set: it may take over by itself\n")
}

// thinker does something before it types the region's name.
type thinker func()

func (think thinker) Read(p []byte) (int, error) {
	think()
	return copy(p, "arena\n"), nil
}
