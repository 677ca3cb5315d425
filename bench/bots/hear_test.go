package bots

import (
	"context"
	"io"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/world"
	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// TestBotHears goes through what a client may tell.
func TestBotHears(t *testing.T) {
	hear := func(f func(b *bot, h player.Handler)) judge.Ledger {
		b := newBot(0, crew{players: 1}, Config{}, clock{time.Now()})
		b.seqs, b.samples = []uint64{11, 12, 13}, make([]judge.Sample, 3) // the client began at 11
		b.ledger.Sent = 3
		f(b, b.handler())
		return b.account()
	}
	nothing := judge.Ledger{Player: "bot-001", Sent: 3}
	require.Equal(t, nothing, hear(func(*bot, player.Handler) {}))
	require.EqualValues(t, 2, hear(func(_ *bot, h player.Handler) { h.Durable(11); h.Durable(12); h.Durable(12) }).Durable)
	require.EqualValues(t, 1, hear(func(_ *bot, h player.Handler) { h.Durable(12); h.Durable(11) }).Fell)
	require.EqualValues(t, 1, hear(func(_ *bot, h player.Handler) { h.Durable(14) }).Fell, "more than was sent")
	require.Equal(t, []uint64{2}, hear(func(_ *bot, h player.Handler) { h.Refused(12, 0, "") }).Refused)
	require.EqualValues(t, 1, hear(func(_ *bot, h player.Handler) { h.Lost(io.EOF) }).Disconnects)
	require.EqualValues(t, 1, hear(func(_ *bot, h player.Handler) { h.Lost(io.EOF); h.Resumed() }).Resumes)
	require.Equal(t, []uint64{1, 3}, hear(func(_ *bot, h player.Handler) {
		h.Refused(13, wire.CodeQuarantined, "")
		h.Refused(11, wire.CodeQuarantined, "")
		h.Refused(13, wire.CodeQuarantined, "") // a failover may bring it again
	}).Refused)
	rolled := func(n uint64, roll uint8) []byte { return (&world.Echo{N: n, Roll: roll}).Append(nil) }
	l := hear(func(_ *bot, h player.Handler) {
		for _, update := range [][]byte{rolled(3, 9), rolled(1, 0), rolled(3, 8), rolled(3, 9), rolled(1, 7)} {
			h.Update(update, true)
		}
	})
	require.Equal(t, map[uint64]uint8{1: 0, 3: 9}, maps.Collect(l.Rolls.All()))
	require.EqualValues(t, 2, l.Contradicted)
	echo := func(n uint64) []byte { return (&world.Echo{N: n}).Append(nil) }
	require.Zero(t, hear(func(_ *bot, h player.Handler) { h.Update(echo(3), true); h.Update(echo(3), true) }).Strays)
	for _, update := range [][]byte{echo(0), echo(4), {byte(world.TagEcho)}, {byte(world.TagBooks)}, {}, {99}} {
		require.EqualValues(t, 1, hear(func(_ *bot, h player.Handler) { h.Update(update, true) }).Strays, "%x", update)
	}
}

// TestDurableBeforeActReturns: the mark may come first.
func TestDurableBeforeActReturns(t *testing.T) {
	b := newBot(0, crew{players: 1}, Config{}, clock{time.Now()})
	b.client = early{b}
	_, err := b.act(t.Context(), 1, world.Command{Kind: world.Take})
	require.NoError(t, err)
	require.EqualValues(t, 1, b.account().Durable)
	require.LessOrEqual(t, b.samples[0].Durable, b.samples[0].Sent)
}

type early struct{ b *bot }

func (e early) Act(context.Context, []byte) (uint64, error) { e.b.onDurable(1); return 1, nil }
func (e early) Edge() string                                { return "" }
func (e early) Spare() string                               { return "" }
func (e early) Done() <-chan struct{}                       { return nil }
func (e early) Err() error                                  { return nil }
func (e early) Close() error                                { return nil }
