package demo

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// It is free over UDP and TCP, and no socket that wants any port gets it.
func TestKeptAddr(t *testing.T) {
	addr, err := keptAddr(t.Context())
	require.NoError(t, err)
	udp, err := net.ResolveUDPAddr("udp", addr)
	require.NoError(t, err)
	require.GreaterOrEqual(t, udp.Port, firstKept)
	require.Less(t, udp.Port, lastKept)
	player, err := net.ListenUDP("udp", udp)
	require.NoError(t, err)
	require.NoError(t, player.Close())
	admin, err := net.ListenTCP("tcp", &net.TCPAddr{IP: udp.IP, Port: udp.Port})
	require.NoError(t, err)
	require.NoError(t, admin.Close())
}
