package peers

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFrame(t *testing.T) {
	frame := make([]byte, frameSize)
	putFrame(frame, kindAct, action{7, 1 << 20})
	require.Equal(t, []byte{'a', 0, 0, 0, 7, 0, 16, 0, 0}, frame[:9])
	kind, a, err := readFrame(frame)
	require.NoError(t, err)
	require.Equal(t, byte(kindAct), kind)
	require.Equal(t, action{7, 1 << 20}, a)
	for _, n := range []int{0, frameSize - 1, frameSize + 1} {
		_, _, err := readFrame(make([]byte, n))
		require.ErrorIs(t, err, errFrame)
	}
}

func TestGameAppliesOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	g, err := NewGame(path)
	require.NoError(t, err)
	frame := make([]byte, frameSize)
	for _, a := range []action{{1, 1}, {2, 1}, {1, 1}, {1, 2}} {
		putFrame(frame, kindAct, a)
		require.NoError(t, g.answer(frame))
		require.Equal(t, byte(kindAck), frame[0])
	}
	copy(frame, question())
	require.NoError(t, g.answer(frame))
	require.Equal(t, byte(kindHere), frame[0])
	require.ErrorIs(t, g.answer(frame), errFrame, "an answer is no question")
	require.ErrorIs(t, g.answer(frame[1:]), errFrame)

	got, err := readJournal(path)
	require.NoError(t, err, "it is written before the answer")
	require.Equal(t, []action{{1, 1}, {2, 1}, {1, 2}}, got)
	require.NoError(t, g.Close())
	putFrame(frame, kindAct, action{3, 1})
	require.ErrorIs(t, g.answer(frame), os.ErrClosed, "what cannot be written is not acknowledged")
}

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	got, err := readJournal(path)
	require.NoError(t, err)
	require.Empty(t, got)
	require.NoError(t, os.WriteFile(path, make([]byte, entrySize+1), 0o600))
	_, err = readJournal(path)
	require.ErrorContains(t, err, "ends within an action")
	_, err = NewGame(filepath.Join(path, "x"))
	require.Error(t, err)
}
