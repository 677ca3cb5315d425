package wire_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// What a controller publishes, and what it cannot mean.
func TestParseMode(t *testing.T) {
	for level, want := range map[string]struct {
		fidelity float64
		mode     wire.Mode
	}{
		"":         {0, wire.Normal()}, // nothing was published
		"normal":   {1, wire.Normal()},
		"light":    {0.75, wire.Mode{Level: wire.LevelLight, Fidelity: 750}},
		"moderate": {0.3335, wire.Mode{Level: wire.LevelModerate, Fidelity: 334}},
		"severe":   {0, wire.Mode{Level: wire.LevelSevere}},
	} {
		mode, err := wire.ParseMode(level, want.fidelity)
		require.NoError(t, err, level)
		require.Equal(t, want.mode, mode, level)
		if level != "" {
			require.Equal(t, level, mode.Level.String())
			require.InDelta(t, want.fidelity, mode.Share(), 0.00051)
		}
	}
	for _, level := range []string{"Severe", "level_3", "worst", " "} {
		_, err := wire.ParseMode(level, 1)
		require.ErrorContains(t, err, "normal, light, moderate and severe", level)
	}
	for _, fidelity := range []float64{-0.1, 1.001, 250, math.NaN(), math.Inf(1)} {
		_, err := wire.ParseMode("light", fidelity)
		require.ErrorContains(t, err, "from 0 to 1", fidelity)
	}
	require.Equal(t, "level_4", (wire.LevelSevere + 1).String())
	require.Less(t, wire.LevelNormal, wire.LevelLight, "a higher one is worse")
}
