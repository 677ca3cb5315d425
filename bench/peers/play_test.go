package peers

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server is a game of this process that can be killed: its connections break.
type server struct {
	addr    string
	journal string
	kill    func()
}

func serve(t *testing.T, network, addr string) server {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal")
	g, err := NewGame(path)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := server{addr: addr, journal: path}
	var listen net.ListenConfig
	if network == "udp" {
		conn, err := listen.ListenPacket(ctx, "udp", addr)
		require.NoError(t, err)
		s.addr = conn.LocalAddr().String()
		go func() { ended <- g.ServeUDP(ctx, conn) }()
	} else {
		ln, err := listen.Listen(ctx, "tcp", addr)
		require.NoError(t, err)
		s.addr = ln.Addr().String()
		go func() { ended <- g.ServeTCP(ctx, ln) }()
	}
	s.kill = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, g.Close())
	})
	t.Cleanup(s.kill)
	return s
}

// play lets a crowd play at an address, led as from another process.
func play(t *testing.T, cfg Config) (*remote, <-chan error) {
	t.Helper()
	crowd, err := NewCrowd(cfg)
	require.NoError(t, err)
	orders, give := io.Pipe()
	hear, words := io.Pipe()
	served := make(chan error, 1)
	go func() {
		served <- Serve(t.Context(), crowd, orders, words)
		_ = words.Close()
	}()
	t.Cleanup(func() { _ = give.Close() })
	return lead(give, hear), served
}

// A server dies, and another one that knows nothing takes its address, as behind a
// proxy. All acknowledged actions are gone, no player stays away, and none is lost.
func TestBackupBeginsWithNothing(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		t.Run(network, func(t *testing.T) {
			const players = 5
			primary := serve(t, network, "127.0.0.1:0")
			crowd, served := play(t, Config{Network: network, Addr: primary.addr, Players: players, Rate: 50, Seed: 1})
			ok, err := crowd.await(t.Context(), func(p Progress) bool { return p.Ready == players })
			require.NoError(t, err)
			require.True(t, ok)

			at := time.Now().UnixNano()
			primary.kill()
			require.NoError(t, crowd.out.Encode(order{Mark: at}))
			backup := serve(t, network, primary.addr)
			ok, err = crowd.await(t.Context(), func(p Progress) bool { return p.Back == players })
			require.NoError(t, err)
			require.True(t, ok)
			all, err := crowd.finish(t.Context())
			require.NoError(t, err)
			require.NoError(t, <-served)
			crowd.leave()
			backup.kill()

			old, err := readJournal(primary.journal)
			require.NoError(t, err)
			now, err := readJournal(backup.journal)
			require.NoError(t, err)
			o := reckon(all, Kill, at, old, now)
			require.Equal(t, players, o.Moved)
			require.Len(t, o.Interruptions, players)
			require.Zero(t, o.Lost)
			require.GreaterOrEqual(t, o.Missing, players, "everybody had an answer of the old one")
			require.LessOrEqual(t, o.Missing, len(old))
			require.Equal(t, distinct(old, now), o.Acked, "what was done was acknowledged in the end")
			require.Equal(t, len(old)+len(now)-distinct(old, now), o.Twice)
			if network == "tcp" {
				require.GreaterOrEqual(t, o.Reconnects, players, "some may meet a listener that is about to close")
			} else {
				require.Zero(t, o.Reconnects)
			}
		})
	}
}

// Nobody answers any more: that is told of each player, and what they went on to send
// is no loss that somebody has caused who took over.
func TestNobodyMoves(t *testing.T) {
	s := serve(t, "udp", "127.0.0.1:0")
	crowd, served := play(t, Config{Network: "udp", Addr: s.addr, Players: 3, Rate: 50, Seed: 1})
	ok, err := crowd.await(t.Context(), func(p Progress) bool { return p.Ready == 3 })
	require.NoError(t, err)
	require.True(t, ok)
	at := time.Now().UnixNano()
	s.kill()
	ok, err = crowd.await(t.Context(), func(p Progress) bool { return p.Open >= 6 })
	require.NoError(t, err)
	require.True(t, ok)
	all, err := crowd.finish(t.Context())
	require.NoError(t, err)
	require.NoError(t, <-served)
	crowd.leave()
	old, err := readJournal(s.journal)
	require.NoError(t, err)
	o := reckon(all, Freeze, at, old, nil)
	o.Load.Players = 3
	require.Equal(t, 3, o.Never())
	require.Empty(t, o.Interruptions)
	require.Zero(t, o.Missing+o.Lost+o.Twice)
	require.Equal(t, len(old), o.Acked)
}

func TestServeEndsWithItsOrders(t *testing.T) {
	crowd, err := NewCrowd(Config{Network: "tcp", Addr: "127.0.0.1:1", Players: 2, Rate: 10})
	require.NoError(t, err)
	in, give := io.Pipe()
	require.NoError(t, give.Close())
	require.ErrorIs(t, Serve(t.Context(), crowd, in, io.Discard), io.EOF)
	for _, cfg := range []Config{
		{Network: "tcp", Addr: "x:1", Players: 1},
		{Network: "tcp", Addr: "x:1", Rate: 1},
		{Network: "tcp", Players: 1, Rate: 1},
		{Network: "quic", Addr: "x:1", Players: 1, Rate: 1},
	} {
		_, err := NewCrowd(cfg)
		require.Error(t, err)
	}
}

func TestRemoteHearsTheEnd(t *testing.T) {
	in, words := io.Pipe()
	r := lead(io.Discard, in)
	go func() {
		_ = json.NewEncoder(words).Encode(word{Progress: &Progress{Ready: 1}})
		_ = words.Close()
	}()
	ok, err := r.await(t.Context(), func(p Progress) bool { return p.Ready == 2 })
	require.False(t, ok)
	require.ErrorIs(t, err, io.EOF)
	_, err = r.finish(t.Context())
	require.ErrorIs(t, err, io.EOF)
}
