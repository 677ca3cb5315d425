package world

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// parts keeps the reliable updates.
type parts struct {
	discard
	updates [][]byte
}

func (p *parts) Send(_ string, payload []byte) { p.updates = append(p.updates, slices.Clone(payload)) }

// audited makes a world of so many players and audits it.
func audited(t *testing.T, players int) (*World, [][]byte) {
	t.Helper()
	w, out := New(), &parts{}
	for i := range players {
		f := w.seat(fmt.Sprintf("bot-%04d", i+1))
		f.journal.Note(3, []byte("x")) // leaves a hole
	}
	audit := Command{Kind: Audit, N: 4}
	w.apply(out, "bot-0001", audit.Append(nil))
	return w, out.updates
}

func TestAuditOfAFewFitsOneUpdate(t *testing.T) {
	w, updates := audited(t, 3)
	require.Len(t, updates, 1)
	var r Reader
	books, n, done, err := r.Add(updates[0])
	require.NoError(t, err)
	require.True(t, done)
	require.EqualValues(t, 4, n)
	require.Equal(t, w.books(), books)
	require.EqualValues(t, Vault, books.Gold)
	require.Equal(t, []Span{{1, 2}}, books.Players[0].Journal.Missing)
}

func TestAuditOfManyIsSplit(t *testing.T) {
	w, updates := audited(t, 1000)
	require.Greater(t, len(updates), 1)
	var r Reader
	_, _, done, err := r.Add(updates[1]) // left over from another primary: passed by
	require.NoError(t, err)
	require.False(t, done)
	for i, update := range updates {
		require.LessOrEqual(t, len(update), 64<<10)
		books, _, done, err := r.Add(update)
		require.NoError(t, err)
		require.Equal(t, i == len(updates)-1, done)
		if done {
			require.Equal(t, w.books(), books)
		}
		if i == 0 { // a failover: the first part comes again
			_, _, done, err = r.Add(update)
			require.NoError(t, err)
			require.False(t, done)
		}
	}
}

func TestReaderRefusesWhatIsNoBooks(t *testing.T) {
	var r Reader
	for _, bad := range []string{"", "\x01\x01\x00\x01", "\x03\x01\x01\x01", "\x03\x01\x00\x01{", "\x03\x01"} {
		_, _, done, err := r.Add([]byte(bad))
		require.ErrorIs(t, err, errUpdate)
		require.False(t, done)
	}
}
