package steady

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/measure"
)

const milli = time.Millisecond

// passOf is a pass in which every figure is a multiple of x.
func passOf(path string, round int, x float64) Pass {
	p := Pass{Path: path, Load: Load{Players: 500, Rate: 6}, Round: round}
	d := time.Duration(x * float64(milli))
	t := Tally{Sent: 1000, Answered: 1000, RoundTrip: measure.HistOf([]time.Duration{d, d, 10 * d}), FromSend: measure.HistOf([]time.Duration{d}), Took: 2 * time.Second}
	us := func(n float64) time.Duration { return time.Duration(x * n * 1e6) }
	before := reading{cpu: map[string]time.Duration{Front: time.Hour, Crowd: time.Hour}, network: fleet.Network{Packets: 7, Bytes: 9}}
	after := reading{cpu: map[string]time.Duration{Front: time.Hour + us(100), Crowd: time.Hour + us(50), Primary: us(200)}, network: fleet.Network{Packets: 4007, Bytes: 900_009}}
	p.take(t, before, after)
	p.Empty, p.Idle, p.Active = Memory{Resident: 1 << 20, Go: 1 << 19}, Memory{Resident: 1<<20 + uint64(x*500*1024), Go: 1<<19 + 250*1024}, Memory{Resident: 1<<20 + uint64(x*1000*1024)}
	return p
}

func TestPassTakes(t *testing.T) {
	p := passOf(relay, 0, 2)
	require.InDelta(t, 200, p.CPU[Front], 1e-9)
	require.InDelta(t, 600, p.Servers(), 1e-9)
	require.InDelta(t, 4, p.Packets, 1e-9)
	require.InDelta(t, 900, p.Bytes, 1e-9)
	require.InDelta(t, 500, p.Second, 1e-9)
	require.InDelta(t, 2, p.IdleKiB(), 1e-9)
	require.InDelta(t, 0.5, p.IdleGoKiB(), 1e-9)
	require.InDelta(t, 4, p.ActiveKiB(), 1e-9)
	require.Zero(t, p.Lost())
	p = Pass{}
	p.take(Tally{Sent: 3, RoundTrip: measure.NewHist(), FromSend: measure.NewHist()}, reading{}, reading{})
	require.EqualValues(t, 3, p.Lost(), "nothing is divided by nothing")
	require.Zero(t, p.Second)
}

// Ratios are of the same round: a machine that was slow in one of them was so for all.
func TestRows(t *testing.T) {
	all := []Pass{
		passOf(relay, 0, 1), passOf("reseat-2", 0, 1.5),
		passOf(relay, 1, 10), passOf("reseat-2", 1, 15),
		passOf(relay, 2, 2), passOf("reseat-2", 2, 3),
	}
	all[3].Sent += 4
	rows := Rows(all)
	require.Len(t, rows, 2)
	require.InEpsilon(t, float64(2*milli), float64(rows[0].P50), 0.01)
	require.InDelta(t, 1, rows[0].ToRelay.P50, 1e-9)
	r := rows[1]
	require.Equal(t, "reseat-2", r.Path)
	require.InEpsilon(t, float64(3*milli), float64(r.P50), 0.01)
	require.InEpsilon(t, float64(30*milli), float64(r.P99), 0.01)
	require.InEpsilon(t, 1.5, r.ToRelay.P50, 0.01)
	require.InEpsilon(t, 1.5, r.ToRelay.P99, 0.01)
	require.InEpsilon(t, 1.5, r.ToRelay.Front, 0.01)
	require.InEpsilon(t, 1.5, r.ToRelay.Idle, 0.01)
	require.InEpsilon(t, 1.5, r.ToRelay.Active, 0.01)
	require.InEpsilon(t, 1, r.ToRelay.Second, 0.01)
	require.Zero(t, r.ToDirect)
	require.EqualValues(t, 4, r.Lost)
	require.EqualValues(t, 9, r.hist.Count())
}

func TestMedian(t *testing.T) {
	require.Zero(t, median(nil))
	require.InDelta(t, 2, median([]float64{9, 2, 1}), 0)
	require.InDelta(t, 1.5, median([]float64{2, 1}), 0)
}

func TestPrintAndSave(t *testing.T) {
	passes := []Pass{passOf(direct, 0, 0.5), passOf(relay, 0, 1), passOf("reseat-2", 0, 1.5)}
	r := Result{Run: &measure.Run{Command: "reseat bench steady"}, Rows: Rows(passes), Passes: passes}
	var out bytes.Buffer
	require.NoError(t, r.Print(&out, false))
	require.Contains(t, out.String(), "500x6  reseat-2        500   1.5 ms     1.50   15 ms     1.50     0      0\n")
	require.Contains(t, out.String(), "500x6  reseat-2     150 µs     1.50   450 µs     1.50    75 µs      4.0    900  2 KiB      3.00     1.50   3 KiB     1.50\n")
	out.Reset()
	require.NoError(t, r.Print(&out, true))
	require.Contains(t, out.String(), "| 500x6 | reseat-2 | 500 | 1.5 ms | 1.50 | 15 ms |")
	dir := t.TempDir()
	require.NoError(t, r.Save(dir, "steady"))
	for _, name := range []string{"steady.json", "steady-500x6.svg", "steady-500x6.png", "steady-cpu.svg", "steady-cpu.png"} {
		info, err := os.Stat(dir + "/" + name)
		require.NoError(t, err)
		require.Greater(t, info.Size(), int64(1000))
	}
}
