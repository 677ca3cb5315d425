package peers

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/measure"
)

const milli = time.Millisecond

func result() *Result {
	load := measure.Load{Players: 4, Rate: 20}
	stay := Outcome{Contender: "nginx-tcp", Load: load, Fault: Freeze, Acked: 40}
	half := stay
	half.Moved, half.Interruptions = 2, []time.Duration{10 * milli, 20 * milli}
	return &Result{
		Run: &measure.Run{Command: "reseat bench peers"},
		Contenders: []Entrant{
			{Name: "nginx-tcp"},
			{Name: "haproxy-ask", Missing: (&MissingError{"haproxy", "haproxy"}).Error()},
		},
		Outcomes: []Outcome{
			{Contender: "nginx-tcp", Load: load, Fault: Kill, Moved: 4, Acked: 40, Missing: 30, Twice: 2, Reconnects: 6, Interruptions: []time.Duration{milli, 2 * milli, 3 * milli, 4 * milli}},
			stay,
			{Contender: "nginx-tcp", Load: load, Fault: Kill, Moved: 4, Acked: 40, Missing: 31, Reconnects: 4, Interruptions: []time.Duration{milli, 2 * milli, 3 * milli, 5 * milli}, Void: true},
			half,
		},
	}
}

func TestRows(t *testing.T) {
	rows := result().Rows()
	require.Len(t, rows, 2)
	require.Equal(t, []string{"nginx-tcp", "2.0 ms", "5.0 ms", "5.0 ms", "0", "61 of 80", "0", "2", "1.2", "8", "VOID: 1 of 2 rounds"}, rows[0].cells())
	// Two of eight moved: the slower of them is a quarter of all, and the rest waits for ever.
	d, ok := rows[1].quantile(.25)
	require.True(t, ok)
	require.InEpsilon(t, float64(20*milli), float64(d), 0.001)
	require.Equal(t, "never", rows[1].wait(.5))
	require.Equal(t, []string{"nginx-tcp", "never", "never", "never", "6", "0", "0", "0", "0.0", "8", ""}, rows[1].cells())
	l := rows[1].line()
	require.InDelta(t, 25, l.Y[len(l.Y)-1], 1e-9)
}

func TestPrint(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, result().Print(&out, false))
	require.Contains(t, out.String(), "kill, 4 players at 20 actions/s\ncontender")
	require.Contains(t, out.String(), "freeze, 4 players at 20 actions/s\ncontender")
	require.Contains(t, out.String(), "not measured: haproxy is not installed: apt-get install haproxy")
	out.Reset()
	require.NoError(t, result().Print(&out, true))
	require.Contains(t, out.String(), "**kill, 4 players at 20 actions/s**\n\n| contender | p50 |")
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	r := result()
	require.NoError(t, r.Save(dir, "peers"))
	for _, name := range []string{"peers.json", "peers-kill-4x20.svg", "peers-kill-4x20.png", "peers-freeze-4x20.svg"} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NotZero(t, info.Size())
	}
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.Contains(t, string(text), `"interruptions_ns":[1000000,`)
	r.Outcomes = r.Outcomes[1:2] // nobody has moved
	require.NoError(t, r.Save(dir+"/none", "peers"))
	svg, err := os.ReadFile(dir + "/none/peers-freeze-4x20.svg")
	require.NoError(t, err)
	require.Contains(t, string(svg), "nginx-tcp (never)")
}

func TestParse(t *testing.T) {
	loads, err := ParseLoads("100x20")
	require.NoError(t, err)
	require.Equal(t, []measure.Load{{Players: 100, Rate: 20}}, loads)
	_, err = ParseLoads("1000x1")
	require.ErrorContains(t, err, "players are 1 to 999")
	faults, err := ParseFaults("freeze,kill")
	require.NoError(t, err)
	require.Equal(t, []string{Freeze, Kill}, faults)
	_, err = ParseFaults("cut")
	require.ErrorContains(t, err, "choose from kill, freeze")
}
