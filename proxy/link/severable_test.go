package link_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/link"
)

// What is sent while the network is cut is lost, what comes meanwhile too.
func TestSeverable(t *testing.T) {
	network := &link.Severable{Network: link.UDP{}}
	a, err := network.Listen("127.0.0.1:0")
	require.NoError(t, err)
	defer a.Close()
	b, to, err := network.Dial(a.LocalAddr().String())
	require.NoError(t, err)
	defer b.Close()
	say := func(text string) {
		_, err := b.WriteTo([]byte(text), to)
		require.NoError(t, err)
	}
	hear := func() string {
		buf := make([]byte, 64)
		n, _, err := a.ReadFrom(buf)
		require.NoError(t, err)
		return string(buf[:n])
	}
	say("one")
	require.Equal(t, "one", hear())
	network.Sever(time.Hour)
	say("two")
	network.Sever(0)
	say("three")
	require.Equal(t, "three", hear())
}
