package cable

import (
	"bufio"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo is a server that sends everything back.
func echo(t *testing.T) (addr string) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	return ln.Addr().String()
}

func TestCutHoldsAndMendGoesOn(t *testing.T) {
	c, err := New(context.Background(), echo(t))
	require.NoError(t, err)
	defer c.Close()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", c.Addr())
	require.NoError(t, err)
	defer conn.Close()
	r := bufio.NewReader(conn)
	say := func(s string) { _, err := conn.Write([]byte(s + "\n")); require.NoError(t, err) }
	hear := func() string { s, err := r.ReadString('\n'); require.NoError(t, err); return s }

	say("one")
	require.Equal(t, "one\n", hear())
	c.Cut()
	c.Cut()
	say("two")
	require.Eventually(t, func() bool { return c.Held() > 0 }, 10*time.Second, time.Millisecond)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
	_, err = r.ReadString('\n')
	require.ErrorContains(t, err, "timeout")
	require.NoError(t, conn.SetReadDeadline(time.Time{}))
	c.Mend()
	require.Equal(t, "two\n", hear())
}

func TestServerThatIsNotThere(t *testing.T) {
	c, err := New(context.Background(), "127.0.0.1:1")
	require.NoError(t, err)
	defer c.Close()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", c.Addr())
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestCloseWhileCut(t *testing.T) {
	c, err := New(context.Background(), echo(t))
	require.NoError(t, err)
	c.Cut()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", c.Addr())
	require.NoError(t, err)
	defer conn.Close()
	c.Close()
}
