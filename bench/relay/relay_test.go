package relay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }

func (r *Relay) toTarget() Packets { return r.Stats().ToTarget }
func (r *Relay) toClient() Packets { return r.Stats().ToClient }

func TestPassesEverything(t *testing.T) {
	srv := target(t, "127.0.0.1:0", true)
	r := start(t, Config{Target: srv.addr()})
	a, b := client(t, r), client(t, r)
	full := strings.Repeat("x", MTU)
	for _, text := range []string{"hello", "", full} {
		a.send(t, text)
		require.Equal(t, packetFrom{text, r.Addr()}, a.next(t))
	}
	b.send(t, "other")
	require.Equal(t, "other", b.next(t).text)
	require.Empty(t, a.got)

	flows := r.Flows()
	require.Len(t, flows, 2)
	require.Equal(t, a.addrPort(), flows[0].Client)
	require.Equal(t, srv.next(t).from, flows[0].Upstream)
	require.NotEqual(t, flows[0].Upstream, flows[1].Upstream)

	want := Packets{Received: 4, Forwarded: 4}
	require.Equal(t, want, settled(t, r.toTarget, 4))
	require.Equal(t, want, settled(t, r.toClient, 4))

	a.send(t, full+"x")
	require.EqualValues(t, 1, settled(t, r.toTarget, 5).TooBig)
}

func TestIPv6(t *testing.T) {
	if _, err := net.ListenPacket("udp", "[::1]:0"); err != nil { //nolint:noctx // nothing to wait for
		t.Skip("no IPv6 here:", err)
	}
	srv := target(t, "[::1]:0", true)
	r := start(t, Config{Target: srv.addr(), Listen: "[::1]:0"})
	c := client(t, r)
	c.send(t, "six")
	require.Equal(t, "six", c.next(t).text)
}

// Each fault, alone, on 2000 packets in one direction.
func TestFaults(t *testing.T) {
	const sent = 2000
	for name, test := range map[string]struct {
		way   Way
		check func(*require.Assertions, Packets)
	}{
		"none": {Way{}, func(is *require.Assertions, p Packets) { is.Equal(Packets{Received: sent, Forwarded: sent}, p) }},
		"cut":  {Way{Cut: true}, func(is *require.Assertions, p Packets) { is.Equal(Packets{Received: sent, Cut: sent}, p) }},
		"loss": {Way{Loss: 0.2}, func(is *require.Assertions, p Packets) { is.InDelta(0.2*sent, p.Lost, 100) }},
		"duplicate": {Way{Duplicate: 0.2}, func(is *require.Assertions, p Packets) {
			is.InDelta(0.2*sent, p.Duplicated, 100)
			is.Zero(p.Reordered)
		}},
		"corrupt": {Way{Corrupt: 0.2}, func(is *require.Assertions, p Packets) { is.InDelta(0.2*sent, p.Corrupted, 100) }},
		"reorder": {Way{Reorder: 0.2, HoldBack: time.Millisecond}, func(is *require.Assertions, p Packets) {
			is.InDelta(0.2*sent, p.Delayed, 100)
			is.NotZero(p.Reordered)
			is.LessOrEqual(p.Reordered, p.Delayed)
		}},
		"delay": {Way{Delay: time.Millisecond}, func(is *require.Assertions, p Packets) {
			is.EqualValues(sent, p.Delayed)
			is.Zero(p.Reordered)
		}},
		"jitter": {Way{Delay: 5 * time.Millisecond, Jitter: 5 * time.Millisecond}, func(is *require.Assertions, p Packets) {
			is.NotZero(p.Reordered)
		}},
		"rate": {Way{Rate: 1000, Wait: 10 * time.Millisecond}, func(is *require.Assertions, p Packets) {
			is.NotZero(p.Overflowed)
			is.NotZero(p.Forwarded)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := target(t, "127.0.0.1:0", false)
			r := start(t, Config{Target: srv.addr(), Seed: 7})
			require.NoError(t, r.Set(Faults{ToTarget: test.way}))
			c := client(t, r)
			for i := range sent {
				c.send(t, fmt.Sprintf("packet %04d", i))
			}
			p := settled(t, r.toTarget, sent)
			test.check(require.New(t), p)
			intact := regexp.MustCompile(`^packet \d{4}$`)
			var broken uint64
			for range p.Forwarded {
				if !intact.MatchString(srv.next(t).text) {
					broken++
				}
			}
			require.LessOrEqual(t, broken, p.Corrupted, "only what is counted is damaged")
			require.Equal(t, p.Corrupted == 0, broken == 0)
			require.Empty(t, srv.got)
			require.Zero(t, r.toClient().Received)
		})
	}
}

func TestDelayIsWhatWasAsked(t *testing.T) {
	srv := target(t, "127.0.0.1:0", true)
	r := start(t, Config{Target: srv.addr()})
	require.NoError(t, r.Set(Both(Way{Delay: 20 * time.Millisecond})))
	c := client(t, r)
	begin := time.Now()
	c.send(t, "there and back")
	c.next(t)
	require.GreaterOrEqual(t, time.Since(begin), 40*time.Millisecond)
}

// One way is cut, the other is not; and a cut takes what is on its way.
func TestCuts(t *testing.T) {
	srv := target(t, "127.0.0.1:0", true)
	r := start(t, Config{Target: srv.addr()})
	c := client(t, r)
	require.NoError(t, r.Set(Faults{ToClient: Way{Cut: true}}))
	c.send(t, "lost on the way back")
	require.Equal(t, "lost on the way back", srv.next(t).text)
	require.EqualValues(t, 1, settled(t, r.toClient, 1).Cut)

	require.NoError(t, r.Set(Faults{ToTarget: Way{Delay: time.Hour}}))
	c.send(t, "on its way")
	eventually(t, func() bool { return r.toTarget().Queued == 1 }, "no packet waits")
	require.NoError(t, r.Set(Faults{ToTarget: Way{Cut: true}}))
	r.line.hurry()
	require.EqualValues(t, 1, settled(t, r.toTarget, 2).Cut)

	require.NoError(t, r.Set(Faults{}))
	require.Equal(t, Faults{}, r.Faults())
	c.send(t, "healed")
	require.Equal(t, "healed", c.next(t).text)
	require.Equal(t, "healed", srv.next(t).text)
}

// When Set has returned, no packet passes under the old faults.
func TestSetTakesEffectAtOnce(t *testing.T) {
	srv := target(t, "127.0.0.1:0", false)
	r := start(t, Config{Target: srv.addr()})
	c := client(t, r)
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-srv.got:
			default:
				_, _ = c.Write([]byte("flood"))
			}
		}
	}()
	for range 20 {
		before := r.toTarget().Forwarded
		eventually(t, func() bool { return r.toTarget().Forwarded > before }, "nothing passes")
		require.NoError(t, r.Set(Faults{ToTarget: Way{Cut: true}}))
		cut := r.toTarget()
		eventually(t, func() bool { return r.toTarget().Cut > cut.Cut+10 }, "nothing is cut")
		require.Equal(t, cut.Forwarded, r.toTarget().Forwarded)
		require.NoError(t, r.Set(Faults{}))
	}
	close(stop)
	<-stopped
}

func TestRebind(t *testing.T) {
	srv := target(t, "127.0.0.1:0", true)
	r := start(t, Config{Target: srv.addr()})
	a, b := client(t, r), client(t, r)
	ask := func(c *socket) (upstream packetFrom) {
		t.Helper()
		c.send(t, "?")
		c.next(t)
		return srv.next(t)
	}
	a1, b1 := ask(a), ask(b)
	n, err := r.Rebind()
	require.NoError(t, err)
	require.Equal(t, 2, n)
	a2, b2 := ask(a), ask(b)
	require.NotEqual(t, a1, a2)
	require.NotEqual(t, b1, b2)
	n, err = r.Rebind(b.addrPort())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, a2, ask(a))
	require.NotEqual(t, b2, ask(b))
	require.EqualValues(t, 3, r.Stats().Rebound)
	_, err = r.Rebind(srv.addrPort())
	require.ErrorIs(t, err, ErrNoFlow)
}

func TestFlowsAreBounded(t *testing.T) {
	srv := target(t, "127.0.0.1:0", true)
	r := start(t, Config{Target: srv.addr(), MaxFlows: 2})
	a, b, c := client(t, r), client(t, r), client(t, r)
	for _, s := range []*socket{a, b, a, c, a} {
		s.send(t, "?")
		s.next(t)
	}
	flows := r.Flows()
	require.Len(t, flows, 2)
	require.Equal(t, a.addrPort(), flows[0].Client)
	require.Equal(t, c.addrPort(), flows[1].Client, "b was silent the longest")
	require.EqualValues(t, 1, r.Stats().Evicted)
	b.send(t, "again")
	require.Equal(t, "again", b.next(t).text)
}

func TestQueueIsBounded(t *testing.T) {
	srv := target(t, "127.0.0.1:0", false)
	r := start(t, Config{Target: srv.addr(), MaxQueued: 3})
	require.NoError(t, r.Set(Both(Way{Delay: time.Hour})))
	c := client(t, r)
	for range 5 {
		c.send(t, "?")
	}
	eventually(t, func() bool { return r.toTarget().Received == 5 && r.toTarget().Overflowed == 2 }, "no overflow")
	require.EqualValues(t, 3, r.toTarget().Queued)
}

func TestPortIsTaken(t *testing.T) {
	srv := target(t, "127.0.0.1:0", false)
	r := start(t, Config{Target: srv.addr()})
	_, err := New(Config{Target: srv.addr(), Listen: r.Addr().String()})
	require.ErrorIs(t, err, syscall.EADDRINUSE)
}

func TestRunWithoutTimeFreesThePort(t *testing.T) {
	r, err := New(Config{Target: "127.0.0.1:9"})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, r.Run(ctx))
	gone(t)
	again, err := New(Config{Target: "127.0.0.1:9", Listen: r.Addr().String()})
	require.NoError(t, err)
	require.NoError(t, again.Run(ctx))
	require.ErrorIs(t, again.connect(&flow{}), net.ErrClosed)
}

func TestWhatMakesNoSense(t *testing.T) {
	var invalid *InvalidError
	for field, cfg := range map[string]Config{
		"Target":    {Target: "localhost:1"},
		"Listen":    {Target: "127.0.0.1:1", Listen: "0.0.0.0:0"},
		"MaxFlows":  {Target: "127.0.0.1:1", MaxFlows: -1},
		"MaxQueued": {Target: "127.0.0.1:1", MaxQueued: -1},
	} {
		_, err := New(cfg)
		require.ErrorAs(t, err, &invalid)
		require.Equal(t, field, invalid.Field)
		require.ErrorContains(t, err, "relay: "+field+" is ")
	}
	r := start(t, Config{Target: "127.0.0.1:9"})
	require.ErrorAs(t, r.SetTarget("0.0.0.0:1"), &invalid)
	good := Both(Way{Loss: 1})
	require.NoError(t, r.Set(good))
	for field, way := range map[string]Way{
		"Loss": {Loss: 1.1}, "Duplicate": {Duplicate: -0.1}, "Corrupt": {Corrupt: math.NaN()}, "Reorder": {Reorder: 2},
		"Delay": {Delay: -1}, "Jitter": {Delay: 1, Jitter: 2}, "HoldBack": {Reorder: 0.1}, "Rate": {Rate: -1}, "Wait": {Wait: -1},
	} {
		require.ErrorAs(t, r.Set(Faults{ToTarget: way}), &invalid)
		require.Equal(t, "ToTarget."+field, invalid.Field)
		require.ErrorAs(t, r.Set(Faults{ToClient: way}), &invalid)
		require.Equal(t, "ToClient."+field, invalid.Field)
	}
	require.Equal(t, good, r.Faults(), "what is refused changes nothing")
}

func TestBlock(t *testing.T) {
	srv := target(t, "127.0.0.1:0", true)
	r := start(t, Config{Target: srv.addr()})
	a, b := client(t, r), client(t, r)
	r.Block(func(c netip.AddrPort) (toTarget, toClient bool) { return c == a.addrPort(), false })
	a.send(t, "lost")
	b.send(t, "?")
	b.next(t)
	require.EqualValues(t, 1, r.Stats().ToTarget.Cut)
	r.Block(nil)
	a.send(t, "?")
	a.next(t)
}
