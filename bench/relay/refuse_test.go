package relay

import (
	"context"
	"errors"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// refused sends until the client is refused.
func refused(t *testing.T, c *net.UDPConn) {
	t.Helper()
	eventually(t, func() bool {
		_, err := c.Write([]byte("anybody?"))
		return errors.Is(err, syscall.ECONNREFUSED)
	}, "the client is not refused")
}

// answered sends until an answer comes.
func answered(t *testing.T, c *net.UDPConn) {
	t.Helper()
	buf := make([]byte, MTU)
	eventually(t, func() bool {
		if _, err := c.Write([]byte("anybody?")); err != nil {
			return false
		}
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, err := c.Read(buf)
		return err == nil
	}, "nobody answers")
}

// dial connects a socket that nobody reads, so that write sees refusals.
func dial(t *testing.T, r *Relay) *net.UDPConn {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.Addr()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// The target dies and comes back, again and again; delayed or not.
func TestRefusalsArePassedOn(t *testing.T) {
	for name, way := range map[string]Way{"at once": {}, "delayed": {Delay: 5 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			srv := target(t, "127.0.0.1:0", true)
			addr := srv.addr()
			r := start(t, Config{Target: addr})
			require.NoError(t, r.Set(Both(way)))
			c := dial(t, r)
			for life := range uint64(3) {
				answered(t, c)
				require.NoError(t, srv.Close())
				refused(t, c)
				require.GreaterOrEqual(t, r.Stats().Vanished, life+1)
				srv = target(t, addr, true)
			}
			answered(t, c)
			require.NotZero(t, r.Stats().Refused)
		})
	}
}

func TestPortIsKeptWhileVanished(t *testing.T) {
	if !canShare {
		t.Skip("only Linux keeps the port")
	}
	srv := target(t, "127.0.0.1:0", true)
	r := start(t, Config{Target: srv.addr()})
	taken := func() {
		t.Helper()
		_, err := New(Config{Target: srv.addr(), Listen: r.Addr().String()})
		require.ErrorIs(t, err, syscall.EADDRINUSE)
	}
	c := dial(t, r)
	require.NoError(t, srv.Close())
	refused(t, c)
	taken()
	srv = target(t, srv.addr(), true)
	answered(t, c)
	taken()
}

func TestSilentSwallows(t *testing.T) {
	srv := target(t, "127.0.0.1:0", true)
	r := start(t, Config{Target: srv.addr(), Silent: true})
	c := dial(t, r)
	require.NoError(t, srv.Close())
	for r.Stats().Refused < 10 {
		_, err := c.Write([]byte("anybody?"))
		require.NoError(t, err)
		runtime.Gosched()
	}
	require.Zero(t, r.Stats().Vanished)
	target(t, srv.addr(), true)
	answered(t, c)
}

// Nobody is refused through a cut cable: not if it was cut before the refusal,
// and not any more if it is cut after it.
func TestCutsTakeRefusals(t *testing.T) {
	srv := target(t, "127.0.0.1:0", true)
	r := start(t, Config{Target: srv.addr()})
	c := dial(t, r)
	require.NoError(t, srv.Close())
	require.NoError(t, r.Set(Faults{ToClient: Way{Cut: true}}))
	for r.Stats().Refused < 10 {
		_, err := c.Write([]byte("anybody?"))
		require.NoError(t, err)
		runtime.Gosched()
	}
	require.Zero(t, r.Stats().Vanished)

	require.NoError(t, r.Set(Faults{}))
	refused(t, c)
	require.NoError(t, r.Set(Faults{ToTarget: Way{Cut: true}}))
	before := r.toTarget().Cut
	eventually(t, func() bool {
		_, _ = c.Write([]byte("anybody?"))
		return r.toTarget().Cut > before
	}, "the relay does not come back")
}

// Refusals can be lost, and those that are on their way when the target changes
// are not of the new one.
func TestRefusalsMeetFaults(t *testing.T) {
	srv := target(t, "127.0.0.1:0", true)
	other := target(t, "127.0.0.1:0", true)
	r := start(t, Config{Target: srv.addr()})
	c := dial(t, r)
	require.NoError(t, srv.Close())
	wait := func(way Way) {
		t.Helper()
		require.NoError(t, r.Set(Faults{ToClient: way}))
		before := r.Stats().Refused
		for r.Stats().Refused < before+3 {
			_, err := c.Write([]byte("anybody?"))
			require.NoError(t, err)
			runtime.Gosched()
		}
	}
	wait(Way{Loss: 1})
	require.NoError(t, r.SetTarget(srv.addr())) // a new socket, which was told nothing yet
	wait(Way{Delay: time.Hour})
	require.NoError(t, r.SetTarget(other.addr()))
	eventually(t, func() bool { r.line.hurry(); return r.line.idle() }, "news is left")
	require.Zero(t, r.Stats().Vanished)
	require.NoError(t, r.Set(Faults{}))
	answered(t, c)
}

func (l *line) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting) == 0
}

func TestNewTargetEndsRefusals(t *testing.T) {
	srv := target(t, "127.0.0.1:0", true)
	other := target(t, "127.0.0.1:0", true)
	r := start(t, Config{Target: srv.addr()})
	c := dial(t, r)
	answered(t, c)
	require.NoError(t, srv.Close())
	refused(t, c)
	require.NoError(t, r.SetTarget(other.addr()))
	require.NotNil(t, r.listener.Load(), "at once")
	answered(t, c)
	require.Equal(t, r.Flows()[0].Upstream, other.next(t).from)
	require.Zero(t, r.Stats().Rebound)
}

// A relay that cannot get its port back says so.
func TestLostPort(t *testing.T) {
	srv := target(t, "127.0.0.1:0", true)
	r, err := New(Config{Target: srv.addr()})
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- r.Run(context.Background()) }()
	c := dial(t, r)
	require.NoError(t, srv.Close())
	refused(t, c)
	r.port.close() // no guard
	target(t, r.Addr().String(), false)
	require.NoError(t, r.SetTarget("127.0.0.1:9"))
	require.ErrorContains(t, <-done, "relay on "+r.Addr().String())
	gone(t)
}
