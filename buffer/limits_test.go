package buffer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLimitsValidate(t *testing.T) {
	require.NoError(t, DefaultLimits().Validate())
	for name, test := range map[string]struct {
		change func(*Limits)
		want   string
	}{
		"no actions":       {func(l *Limits) { l.Actions = 0 }, "buffer: limit Actions is 0: set it above 0"},
		"no bytes":         {func(l *Limits) { l.Bytes, l.ActionBytes = 0, 0 }, "buffer: limit Bytes is 0: set it above 0\nbuffer: limit ActionBytes is 0: set it above 0"},
		"no age":           {func(l *Limits) { l.Age = -1 }, "buffer: limit Age is -1: set it above 0"},
		"no action bytes":  {func(l *Limits) { l.ActionBytes = -4 }, "buffer: limit ActionBytes is -4: set it above 0"},
		"no snapshot":      {func(l *Limits) { l.SnapshotBytes = 0 }, "buffer: limit SnapshotBytes is 0: set it above 0"},
		"action too large": {func(l *Limits) { l.ActionBytes = l.Bytes + 1 }, "buffer: limit ActionBytes (65537) is above Bytes (65536), so that the largest action would never fit into an empty log: lower ActionBytes or raise Bytes"},
		"region too small": {func(l *Limits) { l.RegionBytes = l.Bytes - 1 }, "buffer: limit Bytes (65536) is above RegionBytes (65535), so that one player could use up the region: lower Bytes or raise RegionBytes"},
		"far too large":    {func(l *Limits) { l.Bytes, l.RegionBytes = 1<<31, 1<<31 }, "buffer: limit Bytes is 2147483648: set it to at most 1073741824"},
	} {
		t.Run(name, func(t *testing.T) {
			l := DefaultLimits()
			test.change(&l)
			require.EqualError(t, l.Validate(), test.want)
		})
	}
	require.Error(t, Limits{}.Validate())
}
