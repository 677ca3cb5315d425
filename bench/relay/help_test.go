package relay

import (
	"bytes"
	"container/heap"
	"context"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is for what takes milliseconds.
const patience = 20 * time.Second

// start runs a relay until the test ends, and checks that nothing is left of it.
func start(tb testing.TB, cfg Config) *Relay {
	tb.Helper()
	r, err := New(cfg)
	require.NoError(tb, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		require.NoError(tb, <-done)
		gone(tb)
	})
	return r
}

// gone checks that there are no goroutines of relays any more.
func gone(tb testing.TB) {
	tb.Helper()
	stacks := make([]byte, 1<<20)
	eventually(tb, func() bool {
		all := stacks[:runtime.Stack(stacks, true)]
		return !bytes.Contains(all, []byte("relay.(*Relay)")) && !bytes.Contains(all, []byte("relay.(*line)"))
	}, "goroutines are left")
}

func eventually(tb testing.TB, cond func() bool, msg string) {
	tb.Helper()
	require.Eventually(tb, cond, patience, time.Millisecond, msg)
}

// socket is one end of the network, with what it has received.
type socket struct {
	*net.UDPConn
	got chan packetFrom
}

type packetFrom struct {
	text string
	from netip.AddrPort
}

// target is a socket that clients of a relay reach. It sends everything back if
// it is to echo.
func target(t *testing.T, at string, echo bool) *socket {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(at)))
	require.NoError(t, err)
	return serve(t, conn, echo)
}

// client is a socket that is connected to a relay.
func client(t *testing.T, r *Relay) *socket {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.Addr()))
	require.NoError(t, err)
	return serve(t, conn, false)
}

func serve(t *testing.T, conn *net.UDPConn, echo bool) *socket {
	t.Helper()
	_ = conn.SetReadBuffer(socketBuffer)
	s := &socket{UDPConn: conn, got: make(chan packetFrom, 1<<16)}
	t.Cleanup(func() { _ = s.Close() })
	go func() {
		buf := make([]byte, 1<<16)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				if isClosed(err) {
					return
				}
				continue // a refusal
			}
			s.got <- packetFrom{string(buf[:n]), plain(from)}
			if echo {
				_, _ = conn.WriteToUDPAddrPort(buf[:n], from)
			}
		}
	}()
	return s
}

func (s *socket) addr() string { return s.LocalAddr().String() }

func (s *socket) addrPort() netip.AddrPort { return plain(netip.MustParseAddrPort(s.addr())) }

func (s *socket) send(t *testing.T, text string) {
	t.Helper()
	_, _, err := s.WriteMsgUDP([]byte(text), nil, nil)
	require.NoError(t, err)
}

// next waits for the next packet.
func (s *socket) next(t *testing.T) packetFrom {
	t.Helper()
	select {
	case p := <-s.got:
		return p
	case <-time.After(patience):
		require.FailNow(t, "nothing came")
		return packetFrom{}
	}
}

// hurry makes due at once what waits, which no test has the time for.
func (l *line) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, p := range l.waiting {
		p.due = now
	}
	heap.Init(&l.waiting)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// settled waits until so many packets have been received in a direction and none
// waits, and checks that all are accounted for.
func settled(t *testing.T, of func() Packets, received int) Packets {
	t.Helper()
	sum := func(p Packets) uint64 { return p.Forwarded + p.Lost + p.Cut + p.Overflowed + p.TooBig + p.Failed }
	eventually(t, func() bool {
		p := of()
		return p.Received >= uint64(received) && p.Queued == 0 && sum(p) >= p.Received+p.Duplicated
	}, "packets are not accounted for")
	p := of()
	require.EqualValues(t, received, p.Received)
	require.Equal(t, sum(p), p.Received+p.Duplicated, "%+v", p)
	return p
}
