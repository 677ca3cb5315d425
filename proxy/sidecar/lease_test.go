package sidecar

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// leased is a primary whose lease is as old as Consul's last answer.
func leased(t *testing.T, do func(r *rig, lease time.Duration), others ...string) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a")
		for _, other := range others {
			r.stream(wire.RoleBackup, other)
		}
		r.elect(1, others...)
		r.lease.renew(time.Now().Add(r.life.leaseTime()))
		do(r, r.life.leaseTime())
		r.life.end(nil)
	})
}

// pulsed lets all streams answer the pulse that was sent last, now.
func (r *rig) pulsed(streams ...*stream) {
	for _, s := range streams {
		r.echoed(s, wire.Pulse{Epoch: r.epoch, N: r.lease.n})
	}
}

func streamsOf(r *rig) (all []*stream) {
	for s := range r.streams {
		all = append(all, s)
	}
	return all
}

func TestLeaseOfConsul(t *testing.T) {
	leased(t, func(r *rig, lease time.Duration) {
		time.Sleep(lease - 1) // virtual
		require.True(t, r.maySpeak())
		time.Sleep(time.Nanosecond) // virtual
		require.False(t, r.maySpeak(), "nobody confirms, and Consul's word is over")
		require.EqualValues(t, 1, r.stats.silenced.Load())
		r.lease.renew(time.Now().Add(1))
		require.True(t, r.maySpeak())
	}, "b")
}

// An echo counts as of when the pulse was sent, however late it comes.
func TestEchoCountsFromTheSending(t *testing.T) {
	leased(t, func(r *rig, lease time.Duration) {
		b := streamsOf(r)[0]
		time.Sleep(lease) // virtual
		r.pulse(time.Now())
		time.Sleep(lease - 1) // virtual: the echo takes its time
		r.pulsed(b)
		require.True(t, r.maySpeak())
		time.Sleep(time.Nanosecond) // virtual
		require.False(t, r.maySpeak())
	}, "b")
}

// All backups of the set, not a majority: a take-over needs just one.
func TestEverybodyMustConfirm(t *testing.T) {
	leased(t, func(r *rig, lease time.Duration) {
		all := streamsOf(r)
		time.Sleep(lease) // virtual
		r.pulse(time.Now())
		r.pulsed(all[0])
		require.False(t, r.maySpeak())
		r.pulsed(all[1])
		require.True(t, r.maySpeak())
		time.Sleep(time.Nanosecond)    // virtual
		r.closed(all[0])               // one is gone; the set has him still
		require.False(t, r.maySpeak()) // and he may be taking over
	}, "b", "c")
}

// Where durability rests on edges, all of them must confirm, and there must be one.
func TestEdgesConfirmAColdRegion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "a")
		r.hosted = false
		r.lead(1)
		r.found(t.Context())
		r.announce(1)
		r.pulse(time.Now())
		require.False(t, r.maySpeak(), "no edge: there is nobody to speak to")
		one, two := r.stream(wire.RoleEdge, "one"), r.stream(wire.RoleEdge, "two")
		r.pulse(time.Now())
		r.pulsed(one)
		require.False(t, r.maySpeak())
		r.pulsed(two)
		require.True(t, r.maySpeak())
		r.life.end(nil)
	})
}

// Echoes that mean nothing: of the future, of another epoch, of long ago.
func TestEchoesThatMeanNothing(t *testing.T) {
	leased(t, func(r *rig, lease time.Duration) {
		b := streamsOf(r)[0]
		time.Sleep(lease) // virtual
		r.pulse(time.Now())
		old := r.lease.n
		for _, f := range []wire.Pulse{
			{Epoch: 1, N: old + 1}, {Epoch: 1, N: 1<<64 - 1}, {Epoch: 0, N: old}, {Epoch: 2, N: old}, {Epoch: 1, N: 0},
		} {
			r.echoed(b, f)
			require.False(t, r.maySpeak(), "%+v", f)
		}
		for range pulses {
			r.pulse(time.Now())
		}
		r.echoed(b, wire.Pulse{Epoch: 1, N: old}) // its place in the ring is another one's now
		require.False(t, r.maySpeak())
		r.pulsed(b)
		require.True(t, r.maySpeak())
	}, "b")
}

// After a long stop nothing leaves before somebody has said that it may, in
// whatever order timers and writers run.
func TestNothingIsSpokenAfterALongStop(t *testing.T) {
	leased(t, func(r *rig, _ time.Duration) {
		b := streamsOf(r)[0]
		b.replica.matched, b.replica.match, b.replica.next = true, r.end(), r.end()+1
		edge := r.stream(wire.RoleEdge, "edge")
		require.NoError(t, r.attach(edge, wire.Attach{Epoch: 1, Handle: 1, Player: "ann"}))
		b.replica.match = r.end()
		r.settle()
		require.NoError(t, r.action(edge, wire.Action{Epoch: 1, Handle: 1, Seq: 1}))
		r.finished(r.end())
		edge.out.Fill(nil)

		time.Sleep(time.Hour) // virtual: stopped, with everything that was under way
		r.emit(wire.Emit{ID: 1, Payload: []byte("lost with the stop")})
		r.emit(wire.Emit{ID: 1, Handle: 1, After: r.end(), Reliable: true, Payload: []byte("waits")})
		b.replica.match, b.replica.next = r.end(), r.end()+1
		r.settle()
		require.NoError(t, r.action(edge, wire.Action{Epoch: 1, Handle: 1, Seq: 1})) // a repeat would be acked
		require.Empty(t, edge.out.Fill(nil), "nothing leaves")
		require.Equal(t, r.end(), r.commit, "though it is durable")

		r.pulse(time.Now())
		b.out.Fill(nil)
		edge.out.Fill(nil) // the pulse
		r.pulsed(b)
		r.settle()
		var said []wire.Type
		each(edge.out.Fill(nil), wire.LinkRegion, func(typ wire.Type, _ []byte) { said = append(said, typ) })
		require.Equal(t, []wire.Type{wire.TypeAcked, wire.TypeOutput}, said)
	}, "b")
}
