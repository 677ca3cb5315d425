package relay

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkRelay sends packets of 1200 bytes to an echo and back through a relay,
// a window of them at a time. Each packet passes the relay twice.
func BenchmarkRelay(b *testing.B) {
	for _, test := range []struct {
		name string
		way  Way
	}{
		{"pass", Way{}},
		{"delay", Way{Delay: time.Millisecond, Jitter: time.Millisecond / 2}},
	} {
		b.Run(test.name, func(b *testing.B) {
			r := start(b, Config{Target: echoQuietly(b)})
			require.NoError(b, r.Set(Both(test.way)))
			conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.Addr()))
			require.NoError(b, err)
			defer conn.Close()
			roundTrips(b, conn)
			b.ReportMetric(float64(2*b.N)/b.Elapsed().Seconds(), "packets/s")
		})
	}
}

// echoQuietly is an echo that allocates nothing.
func echoQuietly(b *testing.B) string {
	b.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	require.NoError(b, err)
	_ = conn.SetReadBuffer(socketBuffer)
	b.Cleanup(func() { _ = conn.Close() })
	go func() {
		buf := make([]byte, MTU)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteToUDPAddrPort(buf[:n], from)
		}
	}()
	return conn.LocalAddr().String()
}

func roundTrips(b *testing.B, conn *net.UDPConn) {
	b.Helper()
	const window = 256
	buf, sent := make([]byte, 1200), 0
	send := func() {
		if sent < b.N {
			_, err := conn.Write(buf)
			require.NoError(b, err)
			sent++
		}
	}
	_ = conn.SetReadBuffer(socketBuffer)
	require.NoError(b, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	b.ReportAllocs()
	b.ResetTimer()
	for range window {
		send()
	}
	for range b.N {
		_, err := conn.Read(buf)
		require.NoError(b, err)
		send()
	}
	b.StopTimer()
}
