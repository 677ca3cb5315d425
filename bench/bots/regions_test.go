package bots

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/world"
	"github.com/reseat-proxy/reseat/proxy/player"
)

// TestRegionsKeepApart: each region has its players, its books and its stalls, and
// nobody trades with somebody elsewhere.
func TestRegionsKeepApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		regions := map[string]*region{"north": newRegion(), "south": newRegion()}
		c, err := New(Config{
			Regions: []Region{{"north", 4}, {"south", 2}}, Rate: 10,
			Dial: func(ctx context.Context, in, name string, h player.Handler) (Client, error) {
				return regions[in].dial(ctx, in, name, h)
			},
		})
		require.NoError(t, err)
		require.NoError(t, c.Join(t.Context()))
		before, err := c.Audit(t.Context())
		require.NoError(t, err)
		require.Len(t, before, 2)
		c.Play(t.Context())
		time.Sleep(time.Second)

		heal := regions["south"].fail()
		c.Mark("kill", time.Now().UnixNano())
		time.Sleep(500 * time.Millisecond)
		p := c.Progress()
		require.Equal(t, 2, p.Regions["south"].Players)
		require.Zero(t, p.Regions["south"].Back)
		require.True(t, p.Regions["north"].Whole(), "the north goes on")
		heal()
		time.Sleep(500 * time.Millisecond)
		require.True(t, c.Progress().Regions["south"].Whole())

		c.Stop()
		require.NoError(t, c.Settle(t.Context()))
		after, err := c.Audit(t.Context())
		require.NoError(t, err)
		require.NoError(t, c.Settle(t.Context()))
		result := c.Result()
		byRegion := map[string][]judge.Ledger{}
		for _, l := range result.Ledgers {
			byRegion[l.Region] = append(byRegion[l.Region], l)
		}
		for name, players := range map[string]int{"north": 4, "south": 2} {
			require.Len(t, byRegion[name], players)
			require.Len(t, after[name].Players, players)
			v := judge.Judge(byRegion[name], before[name], after[name])
			require.True(t, v.OK(), v.Violations)
		}
		require.False(t, func() bool { v := judge.Judge(byRegion["north"], world.Books{}, after["south"]); return v.OK() }())
		for _, s := range result.Faults[0].Stalls {
			require.Equal(t, s.Region == "south", s.Durable > 400*time.Millisecond, s)
		}
		require.NoError(t, c.Leave())
	})
}

func TestPartnersAreOfTheSameRegion(t *testing.T) {
	b := newBot(7, crew{"south", 5, 3}, Config{Seed: 1}, clock{time.Now()})
	seen := map[string]bool{}
	for range 1000 {
		if c := b.think(); c.Kind == world.Trade {
			seen[c.Partner] = true
		}
	}
	require.Equal(t, map[string]bool{"bot-006": true, "bot-007": true, "bot-008": true}, seen)
}
