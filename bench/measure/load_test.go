package measure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/measure"
)

func TestParseLoads(t *testing.T) {
	most := measure.Load{Players: 2000, Rate: 1000}
	loads, err := measure.ParseLoads("10x60, 1000x0.5", most)
	require.NoError(t, err)
	require.Equal(t, []measure.Load{{Players: 10, Rate: 60}, {Players: 1000, Rate: 0.5}}, loads)
	require.Equal(t, "1000x0.5", loads[1].String())
	for bad, want := range map[string]string{
		"":          `"": write players and actions per second of each, as in 100x20`,
		"100":       `"100": write players`,
		"100x":      `"100x": write players`,
		"10x20x30":  `"10x20x30": write players`,
		"tenx20":    `"tenx20": write players`,
		"1x1,":      `"": write players`,
		"0x20":      `"0x20": players are 1 to 2000`,
		"2001x20":   `"2001x20": players are 1 to 2000`,
		"10x0":      `"10x0": actions per second are 0.1 to 1000`,
		"10x1001":   `"10x1001": actions per second are 0.1 to 1000`,
		"10xNaN":    `"10xNaN": actions per second are 0.1 to 1000`,
		"10x2,10x2": `"10x2" is there twice`,
	} {
		_, err := measure.ParseLoads(bad, most)
		require.ErrorContains(t, err, want, bad)
	}
}
