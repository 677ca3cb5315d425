package sidecar

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

func TestJudge(t *testing.T) {
	const limit, ms = 300 * time.Millisecond, time.Millisecond
	for name, test := range map[string]struct {
		silent, waited time.Duration
		want           verdict
	}{
		"between two beats":             {50 * ms, 0, alive},
		"at the limit":                  {300 * ms, 0, alive},
		"blocked, stopped, or unknown":  {301 * ms, 0, hung},
		"waited a little":               {301 * ms, 1 * ms, alive},
		"waited all the time":           {1500 * ms, 1500 * ms, alive},
		"waited all the time, too long": {1501 * ms, 1501 * ms, starved},
		"had what it needs":             {1000 * ms, 600 * ms, hung},
		"spins on a third of a core":    {901 * ms, 600 * ms, hung},
		"spins on a tenth of a core":    {1500 * ms, 1350 * ms, alive},
		"and goes on":                   {1501 * ms, 1351 * ms, starved},
	} {
		require.Equal(t, test.want, judge(test.silent, test.waited, limit), name)
	}
}

// What threads do in the course of a silence, and how long the game waited.
func TestSilenceOfThreads(t *testing.T) {
	millis := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	at := func(ran, waited int, ready bool) thread { return thread{millis(ran), millis(waited), ready} }
	type sample = map[int]thread
	for name, test := range map[string]struct {
		samples []sample
		want    int // milliseconds
	}{
		"nothing is known":       {[]sample{nil, nil, nil}, 0},
		"blocked":                {[]sample{{1: at(5, 70, false)}, {1: at(5, 70, false)}, {1: at(5, 70, false)}}, 0},
		"spins":                  {[]sample{{1: at(5, 70, true)}, {1: at(80, 70, true)}, {1: at(155, 70, true)}}, 0},
		"shares a core":          {[]sample{{1: at(5, 70, true)}, {1: at(35, 115, true)}, {1: at(65, 160, false)}}, 90},
		"waits, still":           {[]sample{{1: at(5, 70, true)}, {1: at(5, 70, true)}, {1: at(5, 70, true)}}, 150},
		"has waited":             {[]sample{{1: at(5, 70, true)}, {1: at(5, 70, true)}, {1: at(6, 200, true)}}, 130},
		"waits again":            {[]sample{{1: at(5, 70, true)}, {1: at(6, 100, true)}, {1: at(6, 100, true)}}, 105},
		"the one that waits":     {[]sample{{1: at(5, 0, false), 2: at(5, 0, true)}, {1: at(5, 0, false), 2: at(6, 60, true)}}, 60},
		"not the sum of them":    {[]sample{{1: at(5, 0, true), 2: at(5, 0, true)}, {1: at(6, 60, true), 2: at(6, 70, true)}}, 70},
		"a thread that is gone":  {[]sample{{1: at(5, 0, true)}, {1: at(6, 60, true)}, {}}, 60},
		"a thread that is new":   {[]sample{{1: at(5, 0, false)}, {1: at(5, 0, false), 2: at(1, 40, true)}}, 40},
		"a number is used again": {[]sample{{1: at(5, 900, true)}, {1: at(1, 10, true)}}, 0},
	} {
		var s silence
		now := time.Unix(0, 0)
		for _, sample := range test.samples {
			s.look(now, sample)
			now = now.Add(millis(75))
		}
		require.Equal(t, millis(test.want), s.waited, name)
	}
}

// silentGame is a link to a game of one thread, which does what do says so long after its last beat.
func silentGame(do func(silent time.Duration) thread) (g *gameLink, spared *int) {
	began := time.Now()
	spared = new(int)
	g = &gameLink{timeout: 300 * time.Millisecond, spared: func() { *spared++ }}
	g.threads = func() map[int]thread { return map[int]thread{1: do(time.Since(began))} }
	g.beat.Store(began.UnixNano())
	return g, spared
}

func TestWatchOfASilentGame(t *testing.T) {
	for name, test := range map[string]struct {
		do     func(silent time.Duration) thread
		code   wire.Code
		after  time.Duration // the next look is 75 ms later at the most
		spared int
	}{
		"blocked or stopped":   {func(time.Duration) thread { return thread{ran: 1} }, wire.CodeGameHang, 300 * time.Millisecond, 0},
		"spins":                {func(d time.Duration) thread { return thread{ran: d, ready: true} }, wire.CodeGameHang, 300 * time.Millisecond, 0},
		"spins on half a core": {func(d time.Duration) thread { return thread{d / 2, d / 2, true} }, wire.CodeGameHang, 525 * time.Millisecond, 1},
		"is never let run":     {func(time.Duration) thread { return thread{ran: 1, ready: true} }, wire.CodeGameStarved, 1500 * time.Millisecond, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				g, spared := silentGame(test.do)
				err := g.watch(t.Context())
				require.Equal(t, test.code, causeOf(err), err)
				require.GreaterOrEqual(t, time.Since(began), test.after)
				require.LessOrEqual(t, time.Since(began), test.after+75*time.Millisecond)
				require.Equal(t, test.spared, *spared)
			})
		})
	}
}

// A game that gets a core again in time plays on, and begins anew with its patience.
func TestWatchOfAGameThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, spared := silentGame(func(time.Duration) thread { return thread{ran: 1, ready: true} })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- g.watch(ctx) }()
		for range 3 {
			time.Sleep(1400 * time.Millisecond) // virtual
			g.beat.Store(time.Now().UnixNano())
		}
		synctest.Wait()
		require.Empty(t, ended)
		require.Equal(t, 3, *spared)
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}
