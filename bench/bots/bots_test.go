package bots

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/world"
	"github.com/reseat-proxy/reseat/proxy/player"
)

// here is the name of the only region of most tests.
const here = "here"

// alone is a crowd in that region.
func alone(players int) []Region { return []Region{{here, players}} }

func newCrowd(t *testing.T, r *region, players int) *Crowd {
	t.Helper()
	c, err := New(Config{Regions: alone(players), Rate: 10, Seed: 1, Dial: r.dial})
	require.NoError(t, err)
	require.NoError(t, c.Join(t.Context()))
	return c
}

// books settles the crowd and compares its account with the region's.
func books(t *testing.T, c *Crowd) (Result, judge.Verdict) {
	t.Helper()
	c.Stop()
	require.NoError(t, c.Settle(t.Context()))
	after, err := c.Audit(t.Context())
	require.NoError(t, err)
	require.NoError(t, c.Settle(t.Context()))
	result := c.Result()
	return result, judge.Judge(result.Ledgers, world.Books{}, after[here])
}

func TestQuietRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, newRegion(), 5)
		c.Play(t.Context())
		time.Sleep(2 * time.Second)
		result, v := books(t, c)
		require.True(t, v.OK(), v.Violations)
		require.EqualValues(t, 5*20+1, v.Sent) // and the audit
		require.Equal(t, judge.Spread{
			N: 101, P50: 30 * time.Millisecond, P99: 30 * time.Millisecond, Max: 30 * time.Millisecond,
		}, result.QuietDurable)
		require.Equal(t, 100, result.QuietReply.N)
		require.Equal(t, 2*time.Millisecond, result.QuietReply.Max)
		require.NoError(t, c.Leave())
	})
}

func TestStallIsMeasuredFromTheFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		c := newCrowd(t, r, 5)
		c.Play(t.Context())
		time.Sleep(time.Second)

		heal := r.fail()
		fault := time.Now()
		c.Mark("kill", fault.UnixNano())
		time.Sleep(500 * time.Millisecond)
		p := c.Progress()
		require.Zero(t, p.Regions[here].Back)
		require.Greater(t, p.Sent, p.Durable)
		heal()
		time.Sleep(time.Second)
		p = c.Progress()
		require.True(t, p.Regions[here].Whole())
		require.WithinRange(t, time.Unix(0, p.Regions[here].BackAt), fault.Add(500*time.Millisecond), fault.Add(time.Second))
		c.Close(time.Now().UnixNano())
		require.Zero(t, c.Progress().Regions[here].Back, "no window is open")
		time.Sleep(500 * time.Millisecond)

		result, v := books(t, c)
		require.True(t, v.OK(), v.Violations)
		require.Len(t, result.Faults, 1)
		require.Len(t, result.Faults[0].Stalls, 5)
		require.EqualValues(t, 5, result.Holds)
		require.EqualValues(t, 5, result.Reseats)
		for _, s := range result.Faults[0].Stalls {
			// What was at work when the fault came goes on: the next one waits. It
			// was intended at most 100 ms after the fault.
			require.Greater(t, s.Durable, 400*time.Millisecond, s.Player)
			require.Less(t, s.Durable, 700*time.Millisecond, s.Player)
			require.Less(t, s.Reply, s.Durable, s.Player)
		}
		require.Equal(t, 30*time.Millisecond, result.QuietDurable.Max)
		require.NoError(t, c.Leave())
	})
}

func TestLostActionsAreInTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		c := newCrowd(t, r, 2)
		c.Play(t.Context())
		time.Sleep(time.Second)
		r.mu.Lock()
		r.drop = true
		r.mu.Unlock()
		time.Sleep(300 * time.Millisecond)
		r.mu.Lock()
		r.drop = false
		r.mu.Unlock()
		time.Sleep(300 * time.Millisecond)
		_, v := books(t, c)
		require.EqualValues(t, 6, v.Lost)
		require.NoError(t, c.Leave())
	})
}

func TestRollsAreComparedWithTheBooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		c := newCrowd(t, r, 2)
		c.Play(t.Context())
		time.Sleep(time.Second)
		r.mu.Lock()
		r.lie = 1
		r.mu.Unlock()
		time.Sleep(time.Second)
		_, v := books(t, c)
		require.NotZero(t, v.Rerolled)
		require.Less(t, v.Rerolled, v.Sent/2)
		require.NoError(t, c.Leave())
	})
}

func TestPoisonIsTheNextAction(t *testing.T) {
	b := newBot(0, crew{here, 0, 1}, Config{}, clock{time.Now()})
	c := &Crowd{bots: []*bot{b}}
	require.Error(t, c.Poison(1, world.Hang))
	require.NoError(t, c.Poison(0, world.Hang))
	require.NoError(t, c.Poison(0, world.Kill))
	require.Equal(t, world.Command{Kind: world.Poison, Variant: world.Kill}, b.think())
	require.NotEqual(t, world.Poison, b.think().Kind)
}

func TestSameSeedSameActions(t *testing.T) {
	hashes := func(seed uint64) (all []uint64) {
		synctest.Test(t, func(t *testing.T) {
			c, err := New(Config{Regions: alone(3), Rate: 10, Seed: seed, Dial: newRegion().dial})
			require.NoError(t, err)
			require.NoError(t, c.Join(t.Context()))
			c.Play(t.Context())
			time.Sleep(time.Second)
			c.Stop()
			require.NoError(t, c.Settle(t.Context()))
			for _, l := range c.Result().Ledgers {
				all = append(all, l.Hash)
			}
			require.NoError(t, c.Leave())
		})
		return all
	}
	require.Equal(t, hashes(1), hashes(1))
	require.NotEqual(t, hashes(1), hashes(2))
}

func TestAnEndedSessionIsInTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		c := newCrowd(t, r, 2)
		c.Play(t.Context())
		time.Sleep(time.Second)
		c.bots[1].client.(*client).end(errors.New("bye: expired"))
		time.Sleep(time.Second)
		require.Equal(t, 1, c.Progress().Ended)
		_, v := books(t, c)
		require.EqualValues(t, 1, v.Ended)
		require.Equal(t, []string{"bot-002: the session ended: bye: expired"}, v.Violations)
		require.NoError(t, c.Leave())
	})
}

func TestBadConfigAndFailedJoin(t *testing.T) {
	for _, bad := range [][]Region{nil, alone(0), {{here, 1}, {"there", 0}}} {
		_, err := New(Config{Regions: bad, Rate: 1, Dial: newRegion().dial})
		require.Error(t, err, bad)
	}
	c, err := New(Config{Regions: alone(2), Rate: 1, Dial: func(context.Context, string, string, player.Handler) (Client, error) {
		return nil, io.ErrUnexpectedEOF
	}})
	require.NoError(t, err)
	require.ErrorIs(t, c.Join(t.Context()), io.ErrUnexpectedEOF)
	require.NoError(t, c.Leave())
}

func TestBack(t *testing.T) {
	const fault = 100
	for what, test := range map[string]struct {
		seated  int64
		samples []judge.Sample
		want    int64
	}{
		"no word of anybody":                      {0, []judge.Sample{{Intended: 90}, {Intended: 110}}, 0},
		"reseated, but not all is durable":        {120, []judge.Sample{{Intended: 90, Durable: 130}, {Intended: 110}}, 0},
		"reseated, and all is durable":            {120, []judge.Sample{{Intended: 90, Durable: 130}, {Intended: 110, Durable: 131}, {Intended: 121}}, 131},
		"reseated, nothing was in flight":         {120, []judge.Sample{{Intended: 90, Durable: 95}, {Intended: 121}}, 120},
		"reseated before anything was sent":       {120, nil, 120},
		"reseated by an earlier fault":            {60, []judge.Sample{{Intended: 90, Durable: 95}}, 0},
		"not told, but a new action is durable":   {0, []judge.Sample{{Intended: 90, Durable: 125}, {Intended: 110, Durable: 130}, {Intended: 120, Durable: 131}}, 130},
		"only an action from before is durable":   {0, []judge.Sample{{Intended: 90, Durable: 125}, {Intended: 110}}, 0},
		"durable sooner than it heard of another": {140, []judge.Sample{{Intended: 110, Durable: 130}, {Intended: 150}}, 140},
	} {
		b := &bot{samples: test.samples}
		if test.seated != 0 {
			b.seats = []int64{test.seated}
		}
		require.Equal(t, test.want, b.back(fault), what)
		require.Zero(t, b.back(0), "no fault")
	}
}
