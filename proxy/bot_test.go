package proxy_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// bot is a player who remembers what he was told.
type bot struct {
	*player.Client
	mesh *mesh

	mu      sync.Mutex
	answers []string
	sent    uint64
	lost    int
	holds   int
	seats   int
}

func (m *mesh) join(name string) *bot { return m.joinAt("arena", name, m.addr) }

// joinAt joins a region at the first of some edges.
func (m *mesh) joinAt(region, name string, edges ...string) *bot {
	b := &bot{mesh: m}
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	count := func(n *int) { b.mu.Lock(); *n++; b.mu.Unlock() }
	c, err := player.Dial(ctx, player.Config{
		Edges: edges, Region: region, Player: name, TLS: m.tls, Log: m.log, Transport: m.transport(),
		Handler: player.Handler{
			Update: func(p []byte, reliable bool) {
				if reliable {
					b.mu.Lock()
					b.answers = append(b.answers, string(p))
					b.mu.Unlock()
				}
			},
			Hold:     func(wire.Code) { count(&b.holds) },
			Reseated: func(uint64, uint64) { count(&b.seats) },
			Lost:     func(error) { count(&b.lost) },
		},
	})
	require.NoError(m.t, err)
	b.Client = c
	m.closers = append(m.closers, func() { _ = c.Close() })
	return b
}

// transport is a player's socket.
func (m *mesh) transport() *quic.Transport { return m.transportOf(m.host()) }

func (m *mesh) transportOf(h host) *quic.Transport {
	socket, _ := h.Listen("")
	tr := &quic.Transport{Conn: socket}
	m.closers = append(m.closers, func() { _ = tr.Close(); _ = socket.Close() })
	return tr
}

// act hands in n actions, and settle waits until all of the bot's are durable.
func (b *bot) act(n int) {
	ctx, cancel := context.WithTimeout(b.mesh.t.Context(), patience)
	defer cancel()
	for range n {
		seq, err := b.Act(ctx, []byte("act"))
		require.NoError(b.mesh.t, err)
		b.sent = seq
	}
}

// shout makes the world send 8 KiB to every player.
func (b *bot) shout() {
	seq, err := b.Act(b.mesh.t.Context(), []byte("shout"))
	require.NoError(b.mesh.t, err)
	b.sent = seq
}

func (b *bot) settle() {
	deadline := time.Now().Add(patience)
	for b.Durable() < b.sent {
		require.True(b.mesh.t, time.Now().Before(deadline), "durable %d of %d", b.Durable(), b.sent)
		time.Sleep(time.Millisecond) // virtual
	}
}

// answered waits until the world has answered all of the bot's actions: a game
// that dies earlier may take the blame for it to an action of the bot's.
func (b *bot) answered() {
	b.settle()
	deadline := time.Now().Add(patience)
	for b.last() != fmt.Sprint(b.sent) {
		require.True(b.mesh.t, time.Now().Before(deadline), "%s of %d", b.last(), b.sent)
	}
}

// heard reads one of the bot's counters.
func (b *bot) heard(n *int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return *n
}

// last is the newest answer: the world's count of this bot's actions.
func (b *bot) last() string {
	time.Sleep(50 * time.Millisecond) // virtual: what is under way arrives
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.answers[len(b.answers)-1]
}
