package sidecar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// A game hears nothing more of a region that is closed, whatever a primary who has
// not heard of it still sends: it would take it for a broken protocol, and end.
func TestNothingAfterUnhost(t *testing.T) {
	r := newRig(t, "a")
	r.hostedBy = r.game
	r.follow(3)
	r.receive(buffer.Record{Epoch: 3, Kind: buffer.KindSeal}, attach(3, 1, 1, "ann", "t", "n"), action(3, 1, 1))
	r.life.close(r.region)
	r.receive(buffer.Record{Epoch: 3, Kind: buffer.KindOutcome, Seq: 3, Number: 3, Payload: []byte("6")})
	require.NoError(t, r.hear(wire.Commit{Epoch: 3, Index: r.end(), Applied: r.end()}))
	require.Equal(t, r.end(), r.commit)

	var heard []wire.Type
	each(r.game.out.Fill(nil), wire.LinkSidecar, func(f wire.Type, _ []byte) { heard = append(heard, f) })
	require.Equal(t, []wire.Type{wire.TypeUnhost}, heard)
}

// A region that is open is not opened again, whoever is faster: a seat that is seen, or
// the end of its pause; and what has been open once is told apart.
func TestOpenOnce(t *testing.T) {
	r := newRig(t, "a")
	create := func(id uint64, again bool) *region {
		return newRegion(r.life, "arena", id, r.life.sc.floorOf("arena"), again)
	}
	require.Nil(t, r.life.hosting.add("arena", create))
	r.life.close(r.region)
	next := r.life.hosting.add("arena", create)
	require.NotNil(t, next)
	require.True(t, next.barred)
	require.NotEqual(t, r.id, next.id)
	require.Equal(t, []*region{next}, r.life.hosting.list())
}

// Only a game that others can replace in all of its regions may stay away for longer.
func TestReplaceable(t *testing.T) {
	r := newRig(t, "a")
	r.life.sc.life.Store(r.life)
	require.False(t, r.life.replaceable(), "nobody has published a set")
	r.view.InSync = []string{"a"}
	require.False(t, r.life.replaceable(), "it is alone in it")
	r.view.InSync = []string{"a", "b"}
	require.True(t, r.life.replaceable())
	r.life.close(r.region)
	require.False(t, r.life.replaceable(), "a game without a region waits for one")
}

// Who is to be emptied, or to stop, joins no set any more unless the region needs it,
// and leaves those that can spare him; nobody falls silent who is counted on.
func TestLeaves(t *testing.T) {
	const drained, stopping = "drained", "stopping"
	for _, test := range []struct {
		what   string
		why    string
		inSync []string
		epoch  uint64 // that Consul knows; we follow a primary of epoch 4
		leaves bool
		speaks bool
	}{
		{"handed over, as Consul knows", drained, []string{"b", "c"}, 4, true, false},
		{"handed over, and Consul's news are late", drained, []string{"a", "b", "c"}, 3, true, false},
		{"a backup that is counted on", drained, []string{"a", "b", "c"}, 4, true, true},
		{"the only backup that the region can have", drained, []string{"b"}, 4, false, true},
		{"the same, by late news", drained, []string{"a", "b"}, 3, false, true},
		{"neither to be emptied nor to stop", "", []string{"b", "c"}, 4, false, true},
		{"about to stop, and counted on", stopping, []string{"a", "b", "c"}, 4, true, true},
		{"the only backup, and handed over", stopping, []string{"a", "b"}, 3, false, true},
		{"never counted on", stopping, []string{"b"}, 4, true, false},
	} {
		r := newRig(t, "a")
		r.promised, r.retiring = 4, test.why == stopping
		r.see(news{draining: test.why == drained, view: discovery.View{Region: "arena", Epoch: test.epoch, InSync: test.inSync, InSyncKnown: true}})
		require.Equal(t, test.leaves, r.leaves(), test.what)
		require.Equal(t, test.speaks, r.ready(), test.what)
	}
}
