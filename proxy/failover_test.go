package proxy_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// A player's actions survive the death of one game after the other; nothing is
// lost, doubled or reordered, and the player's connection stays.
func TestFailover(t *testing.T) {
	m := newMesh(t)
	m.serve("s1")
	m.serve("s2")
	m.serve("s3")
	ann, bob := m.join("ann"), m.join("bob")
	ann.act(t, 20)
	bob.act(t, 5)
	ann.settle(t, 20)

	first := m.primary()
	first.killGame()
	ann.act(t, 30) // in the middle of it
	second := m.primary(first)
	ann.settle(t, 50)

	second.killGame()
	bob.act(t, 10)
	m.primary(first, second)
	ann.act(t, 1)
	ann.settle(t, 51)
	bob.settle(t, 15)

	ann.mu.Lock()
	defer ann.mu.Unlock()
	require.Equal(t, fmt.Sprintf("51:a%d", 0), ann.answers[len(ann.answers)-1])
	require.Zero(t, ann.lost)
	require.GreaterOrEqual(t, ann.seats, 2)
	require.Zero(t, bob.lost)
}
