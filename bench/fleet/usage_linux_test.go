package fleet

import (
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestClock(t *testing.T) {
	before, err := Clock(os.Getpid())
	require.NoError(t, err)
	for began := time.Now(); time.Since(began) < 20*time.Millisecond; {
	}
	after, err := Clock(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, after, before)
	_, err = Clock(1 << 22)
	require.ErrorIs(t, err, os.ErrProcessDone)
}

func TestResident(t *testing.T) {
	before, err := Resident(os.Getpid())
	require.NoError(t, err)
	// Not from Go's heap, which may have pages left that were counted before.
	ballast, err := unix.Mmap(-1, 0, 32<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	require.NoError(t, err)
	defer func() { require.NoError(t, unix.Munmap(ballast)) }()
	for i := 0; i < len(ballast); i += os.Getpagesize() {
		ballast[i] = 1
	}
	after, err := Resident(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, after, before+24<<20)
	require.EqualValues(t, 1, ballast[0])
}

func TestReadNetwork(t *testing.T) {
	before, err := ReadNetwork()
	require.NoError(t, err)
	here, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer here.Close()
	for range 3 {
		_, err = here.WriteTo(make([]byte, 1000), here.LocalAddr())
		require.NoError(t, err)
		_, _, err = here.ReadFrom(make([]byte, 2000))
		require.NoError(t, err)
	}
	after, err := ReadNetwork()
	require.NoError(t, err)
	require.GreaterOrEqual(t, after.Packets, before.Packets+3)
	require.GreaterOrEqual(t, after.Bytes, before.Bytes+3000)
	_, err = parseSNMP([]byte("Tcp: 1 2\n"))
	require.Error(t, err)
	_, err = parseDev([]byte("eth0: 1 2\n"))
	require.Error(t, err)
}
