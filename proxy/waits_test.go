package proxy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

func TestHistogram(t *testing.T) {
	var h Histogram
	h.add(-time.Second)
	h.add(WaitBounds[0])
	h.add(WaitBounds[0] + 1)
	h.add(time.Hour)
	require.EqualValues(t, 2, h.Counts[0], "a bound belongs to its bucket")
	require.EqualValues(t, 1, h.Counts[1])
	require.EqualValues(t, 1, h.Counts[len(WaitBounds)])
	require.Equal(t, time.Hour-time.Second+2*WaitBounds[0]+1, h.Sum)
}

// total is how many durations are in a histogram.
func total(h Histogram) (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// One action at a time is timed, and never one that is sent again. A stall is that of
// a player who waits for something, once, however often the primary is lost meanwhile.
func TestWaits(t *testing.T) {
	c := NewCrowd(2, discovery.MeshState{})
	r, ann, bob := c.region, c.sessions[0], c.sessions[1]
	r.edge.tracer = nil // players wait the same when nobody traces it
	serve := func(have ...uint64) {
		r.serving = &uplink{region: r, wake: pump.NewWaker()}
		r.reseat.pending = len(c.sessions)
		for i, s := range c.sessions {
			require.NoError(t, r.attached(wire.Attached{Epoch: 1, Handle: s.handle, Number: 1, Have: have[i]}))
		}
	}
	act := func(s *session, seq uint64) {
		require.NoError(t, s.keep(wire.Act{Seq: seq, Payload: []byte("x")}))
	}
	ack := func(s *session, seq uint64) {
		for _, more := s.actions.Next(); more; _, more = s.actions.Next() {
		}
		require.NoError(t, r.acked(wire.Acked{Epoch: 1, Handle: s.handle, Seq: seq}))
	}
	hold := func() {
		r.serving = nil // it has no link that could be asked when it was well
		r.hold(failover.Hold{Epoch: 1, Reason: failover.ReasonSilence})
	}
	counts := func(durable, stalls uint64) {
		t.Helper()
		w := r.edge.Waits("arena")
		require.Equal(t, durable, total(w.Durable), "durable")
		require.Equal(t, stalls, total(w.Stall), "stalls")
	}
	serve(0, 0)
	for seq := range uint64(3) {
		act(ann, seq+1)
	}
	ack(ann, 2)
	counts(1, 0)
	ack(ann, 3)
	counts(1, 0) // 2 and 3 were taken while 1 was timed
	act(ann, 4)
	ack(ann, 4)
	counts(2, 0)

	act(ann, 5)
	hold()
	act(ann, 6)
	hold()
	serve(4, 0)
	hold() // before the first durable ack: the wait goes on, and is one
	require.Zero(t, ann.owed)
	oldest, _ := ann.actions.Oldest()
	serve(4, 0)
	require.Equal(t, oldest, ann.owed, "since the action, not since the loss")
	require.Zero(t, bob.owed)
	ack(ann, 5)
	counts(2, 1)
	act(bob, 1)
	ack(bob, 1)
	counts(3, 1) // bob did nothing while nobody served
	ack(ann, 6)
	counts(3, 1)

	hold()
	act(bob, 2)
	serve(6, 1)
	require.NotZero(t, bob.owed)
	ack(bob, 2)
	counts(3, 2)

	act(bob, 3)
	bob.attached = false // he comes from another region: nobody was lost
	require.NoError(t, r.attached(wire.Attached{Epoch: 1, Handle: bob.handle, Number: 1, Have: 2}))
	ack(bob, 3)
	counts(4, 2)
	require.Equal(t, Waits{}, r.edge.Waits("elsewhere"))
}

// What is measured costs the path of an action no memory.
func TestWaitsAllocateNothing(t *testing.T) {
	c := NewCrowd(1, discovery.MeshState{})
	r, s := c.region, c.sessions[0]
	s.attached = true
	now := time.Now()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		s.taken(1, now)
		r.measure(s, 1)
	}))
	require.EqualValues(t, 101, total(r.waits.Durable))
}

// Players who are stranded in crowds are one event in ten seconds, and all counted.
func TestStrandedCrowd(t *testing.T) {
	c := NewCrowd(50, discovery.MeshState{})
	events := c.region.edge.Events()
	defer events.Close()
	for _, s := range c.sessions {
		s.log = c.region.log
		c.region.strand(s, wire.Depart{Handle: s.handle, Region: "sea"})
	}
	c.region.strand(&session{end: func(error) {}}, wire.Depart{Handle: 99, Region: "sea"}) // gone meanwhile
	e, ok := events.Try()
	require.True(t, ok)
	require.Equal(t, 1, e.Value.Players)
	_, more := events.Try()
	require.False(t, more)
	require.EqualValues(t, 50, c.region.status().Stranded)
	c.region.sums.told = time.Now().Add(-strandedPause)
	c.region.tellStranded(c.sessions[0], "sea")
	e, _ = events.Try()
	require.Equal(t, 50, e.Value.Players, "since the last event")
}
