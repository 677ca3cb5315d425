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

// Who is to be emptied joins no set any more, unless the region needs it.
func TestWithdraws(t *testing.T) {
	for _, test := range []struct {
		what     string
		draining bool
		inSync   []string
		epoch    uint64 // that Consul knows; we follow a primary of epoch 4
		want     bool
	}{
		{"handed over, as Consul knows", true, []string{"b", "c"}, 4, true},
		{"handed over, and Consul's news are late", true, []string{"a", "b", "c"}, 3, true},
		{"a backup that is counted on", true, []string{"a", "b", "c"}, 4, false},
		{"the only backup that the region can have", true, []string{"b"}, 4, false},
		{"the same, by late news", true, []string{"a", "b"}, 3, false},
		{"not to be emptied", false, []string{"b", "c"}, 4, false},
	} {
		r := newRig(t, "a")
		r.promised = 4
		r.see(news{draining: test.draining, view: discovery.View{Region: "arena", Epoch: test.epoch, InSync: test.inSync, InSyncKnown: true}})
		require.Equal(t, test.want, r.withdraws(), test.what)
		require.Equal(t, !test.want, r.ready(), test.what)
	}
}
