package buffer

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Check must notice when any one counter is off.
func TestStatsCheck(t *testing.T) {
	good := Stats{
		Logs: 3, Kept: 2, KeptBytes: 20,
		Offered: 20, Appended: 9, Repeats: 1, Gaps: 2, Reused: 1, TooLarge: 1, FullActions: 3, FullBytes: 2, FullRegion: 1,
		Adopted: 6, Acked: 4, Abandoned: 4, Gone: 5, Sent: 15, Resent: 50,
	}
	require.NoError(t, good.Check())
	require.NoError(t, Stats{}.Check())
	require.EqualValues(t, 6, good.Full())
	for name, spoil := range map[string]func(*Stats){
		"Kept":        func(s *Stats) { s.Kept++ },
		"Acked":       func(s *Stats) { s.Acked++ },
		"Abandoned":   func(s *Stats) { s.Abandoned-- },
		"Appended":    func(s *Stats) { s.Appended++ },
		"Adopted":     func(s *Stats) { s.Adopted++ },
		"Gone":        func(s *Stats) { s.Gone++ },
		"Offered":     func(s *Stats) { s.Offered++ },
		"Repeats":     func(s *Stats) { s.Repeats++ },
		"Gaps":        func(s *Stats) { s.Gaps++ },
		"Reused":      func(s *Stats) { s.Reused++ },
		"TooLarge":    func(s *Stats) { s.TooLarge++ },
		"FullActions": func(s *Stats) { s.FullActions++ },
		"FullBytes":   func(s *Stats) { s.FullBytes++ },
		"FullRegion":  func(s *Stats) { s.FullRegion++ },
		"Sent":        func(s *Stats) { s.Sent++ },
		"KeptBytes":   func(s *Stats) { s.KeptBytes = -1 },
		"bytes of none": func(s *Stats) {
			s.Kept, s.Acked = 0, s.Acked+2
		},
	} {
		bad := good
		spoil(&bad)
		require.Error(t, bad.Check(), name)
	}
	bad := good
	bad.Acked++
	require.EqualError(t, bad.Check(), "buffer: Appended + Adopted == Acked + Abandoned + Gone + Kept does not hold: 15, 16")
}
