package wire_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

func TestCodes(t *testing.T) {
	codes := wire.Codes()
	require.IsIncreasing(t, codes)
	require.Equal(t, wire.CodeNone, codes[0])
	require.Equal(t, wire.CodeQuarantined, codes[len(codes)-1])
	require.Less(t, codes[len(codes)-1], wire.Code(127), "Tally has a counter for each, and one for strangers")
	seen := map[string]bool{}
	for _, c := range codes {
		require.Regexp(t, "^[a-z][a-z_]*$", c.String(), "names are metric labels")
		require.False(t, seen[c.String()], "%v is there twice", c)
		seen[c.String()] = true
		back, ok := wire.ParseCode(c.String())
		require.True(t, ok)
		require.Equal(t, c, back)
	}
}

func TestUnknownCodes(t *testing.T) {
	require.Equal(t, "code_31", wire.Code(0x1f).String(), "a gap in the registry")
	require.Equal(t, "code_18446744073709551615", wire.Code(1<<64-1).String())
	for _, name := range []string{"", "code_31", "Protocol", "nothing"} {
		_, ok := wire.ParseCode(name)
		require.False(t, ok, name)
	}
}

func TestCodeOf(t *testing.T) {
	e := &wire.Error{Code: wire.CodeGap, Detail: "seq 7 after 5"}
	require.Equal(t, "wire: gap: seq 7 after 5", e.Error())
	require.Equal(t, wire.CodeNone, wire.CodeOf(nil))
	require.Equal(t, wire.CodeGap, wire.CodeOf(e))
	require.Equal(t, wire.CodeGap, wire.CodeOf(fmt.Errorf("player ada: %w", e)))
	require.Equal(t, wire.CodeLinkClosed, wire.CodeOf(io.EOF))
	require.Equal(t, wire.CodeLinkClosed, wire.CodeOf(errors.New("reset")))
}

func TestTally(t *testing.T) {
	var tally wire.Tally
	require.Empty(t, tally.Counts())
	tally.Add(wire.CodeGap)
	tally.Add(wire.CodeGap)
	tally.Add(1 << 40) // a code of a newer peer
	require.EqualValues(t, 2, tally.Count(wire.CodeGap))
	require.Zero(t, tally.Count(wire.CodeReused))
	require.EqualValues(t, 1, tally.Count(1<<63))
	require.Len(t, tally.Counts(), 2)
}
