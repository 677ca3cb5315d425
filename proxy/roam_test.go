package proxy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A player whose edge dies goes on at the other one, with the same seqs; what the
// dead one says when it is back changes nothing.
func TestEdgeDies(t *testing.T) {
	worldMesh(t, 3, func(m *mesh, ann *actor) {
		m.edges[0].die(true)
		ann.acts(20, "act")
		require.Less(t, ann.settle(patience), 5*time.Second, "virtual time")
		m.edges[0].restart()
		ann.acts(20, "act")
	})
}

// An edge that was frozen holds a player who is elsewhere by now: its attach
// number is too low.
func TestZombieEdge(t *testing.T) {
	worldMesh(t, 3, func(m *mesh, ann *actor) {
		m.edges[0].freeze()
		ann.acts(20, "act")
		ann.settle(patience)
		m.edges[0].thaw()
		ann.acts(20, "act")
		ann.settle(patience)
		time.Sleep(2 * time.Second) // virtual
		ann.acts(20, "act")
	})
}

// All edges die at once and come back: the backups have what is durable, the
// player the rest.
func TestAllEdgesDie(t *testing.T) {
	worldMesh(t, 3, func(m *mesh, ann *actor) {
		for _, e := range m.edges {
			e.die(true)
		}
		ann.acts(20, "act")
		time.Sleep(2 * time.Second) // virtual
		for _, e := range m.edges {
			e.restart()
		}
		ann.settle(patience)
	})
}

// An action that kills every game that is given it dies out after two of them;
// others lose nothing.
func TestPoison(t *testing.T) {
	worldMesh(t, 3, func(m *mesh, ann *actor) {
		bob := m.enter("bob", 1)
		ann.acts(1, "poison")
		ann.acts(5, "act")
		bob.acts(20, "act")
		ann.settle(patience)
		bob.settle(patience)
		m.eventually("the player is told", func() (told bool) {
			ann.note(func() { told = len(ann.refused) == 1 })
			return told
		})
		require.LessOrEqual(t, m.poisoned.Load(), int32(2))
		m.recover([]*actor{bob})
	})
}
