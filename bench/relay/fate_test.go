package relay

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var rough = Way{
	Loss: 0.3, Duplicate: 0.2, Corrupt: 0.2, Reorder: 0.2, HoldBack: time.Second, Delay: time.Second, Jitter: time.Second / 2,
}

// trip sends packets through real sockets and returns what arrives.
func trip(t *testing.T, seed uint64, way Way) (arrived []string) {
	t.Helper()
	t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
		srv := target(t, "127.0.0.1:0", false)
		r := start(t, Config{Target: srv.addr(), Seed: seed})
		require.NoError(t, r.Set(Faults{ToTarget: way}))
		c := client(t, r)
		for i := range 500 {
			c.send(t, fmt.Sprint("packet ", i))
		}
		for range settled(t, r.toTarget, 500).Forwarded {
			arrived = append(arrived, srv.next(t).text)
		}
	})
	return arrived
}

func TestSameSeedSamePackets(t *testing.T) {
	way := Way{Loss: 0.3, Duplicate: 0.2, Corrupt: 0.2} // nothing that depends on time
	first := trip(t, 1, way)
	require.Equal(t, first, trip(t, 1, way))
	require.NotEqual(t, first, trip(t, 2, way))
}

func fates(l *lane, w Way, n int) (all []fate) {
	for range n {
		_, f := l.draw(&w)
		all = append(all, f)
	}
	return all
}

func TestFateIsTheLanes(t *testing.T) {
	all := fates(newLane(1, 2, 0), rough, 100)
	require.Equal(t, all, fates(newLane(1, 2, 0), rough, 100))
	for _, other := range []*lane{newLane(2, 2, 0), newLane(1, 3, 0), newLane(1, 2, 1)} {
		require.NotEqual(t, all, fates(other, rough, 100))
	}
	// What happened to the packets before does not matter.
	l := newLane(1, 2, 0)
	fates(l, Way{}, 50)
	require.Equal(t, all[50:], fates(l, rough, 50))
}

func TestFateIsWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chance := rapid.SampledFrom([]float64{0, 0.5, 1})
		delay := time.Duration(rapid.IntRange(0, 1e9).Draw(t, "delay"))
		w := Way{
			Loss: chance.Draw(t, "loss"), Duplicate: chance.Draw(t, "duplicate"), Corrupt: chance.Draw(t, "corrupt"),
			Reorder: chance.Draw(t, "reorder"), HoldBack: time.Hour,
			Delay: delay, Jitter: time.Duration(rapid.IntRange(0, int(delay)).Draw(t, "jitter")),
		}
		require.NoError(t, w.check(""))
		for _, f := range fates(newLane(rapid.Uint64().Draw(t, "seed"), 0, 0), w, 20) {
			sure(t, w.Loss, f.lost)
			sure(t, w.Duplicate, f.copies == 2)
			for _, c := range f.each {
				sure(t, w.Corrupt, c.damage != 0)
				held := c.delay > 30*time.Minute
				sure(t, w.Reorder, held)
				if held {
					c.delay -= w.HoldBack
				}
				require.InDelta(t, w.Delay, c.delay, float64(w.Jitter)+1)
				require.GreaterOrEqual(t, c.delay, time.Duration(0))
			}
		}
	})
}

// sure checks what is sure to happen, or not to.
func sure(t require.TestingT, p float64, happened bool) {
	if p != 0.5 {
		require.Equal(t, p == 1, happened)
	}
}

func TestDamageIsOneByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		packet := rapid.SliceOf(rapid.Byte()).Draw(t, "packet")
		before := bytes.Clone(packet)
		damage(packet, rapid.Uint64().Draw(t, "how")|1)
		differ := 0
		for i := range packet {
			if packet[i] != before[i] {
				differ++
			}
		}
		require.Equal(t, min(len(packet), 1), differ)
	})
}

func TestBucket(t *testing.T) {
	var b bucket
	w := &Way{Rate: 1000, Wait: time.Second}
	now := time.Unix(0, 0)
	at, ok := b.leave(now, 1000, w)
	require.True(t, ok)
	require.Equal(t, now.Add(time.Second), at)
	at, ok = b.leave(now, 1, w)
	require.True(t, ok, "waits just as long as it may")
	require.Equal(t, now.Add(1001*time.Millisecond), at)
	_, ok = b.leave(now, 1, w)
	require.False(t, ok)
	at, ok = b.leave(now.Add(time.Hour), 500, w)
	require.True(t, ok)
	require.Equal(t, now.Add(time.Hour+time.Second/2), at, "idle time is not saved up")
	b.reset()
	at, ok = b.leave(now, 1, &Way{Rate: 1000})
	require.True(t, ok)
	require.Equal(t, now.Add(time.Millisecond), at)
	at, ok = b.leave(now, 1, &Way{})
	require.True(t, ok)
	require.Equal(t, now, at, "no limit")
}

// In virtual time: packets come exactly when they are due, in order.
func TestLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(5)
		ctx, cancel := context.WithCancel(t.Context())
		begin := time.Now()
		var came []string
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.run(ctx, func(p *packet) { came = append(came, fmt.Sprint(p.number, " at ", time.Since(begin))) })
		}()
		add := func(number uint64, in time.Duration) bool {
			return l.add(&packet{number: number, side: toClient, due: time.Now().Add(in)})
		}
		require.True(t, add(1, 3*time.Second))
		synctest.Wait() // it sleeps until then
		for i, in := range []int{2, 1, 2, 2} {
			require.True(t, add(uint64(i+2), time.Duration(in)*time.Second))
		}
		require.False(t, add(9, 0), "full")
		require.Equal(t, [2]uint64{toClient: 5}, l.queued())
		time.Sleep(2 * time.Hour)
		require.True(t, add(10, 0))
		synctest.Wait()
		cancel()
		<-done
		require.Equal(t, []string{"3 at 1s", "2 at 2s", "4 at 2s", "5 at 2s", "1 at 3s", "10 at 2h0m0s"}, came)
		require.Empty(t, l.waiting)
	})
}
