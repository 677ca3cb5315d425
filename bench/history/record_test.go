package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// full is a record with every field set.
func full() Record {
	r := Record{
		What: Act, Player: "bot-001", Edge: "127.0.0.1:4433", At: 2, N: 3, Seq: 4, Epoch: 5, Kind: 6,
		Hash: math.MaxUint64, Chain: 8, Call: 1, Result: 9, Applied: 10, Roll: 11, Code: "no_lock", First: 12, Last: 13,
	}
	for v, i := reflect.ValueOf(r), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			panic("full is not full: " + v.Type().Field(i).Name)
		}
	}
	return r
}

func TestRecordIsWrittenAsEncodingJSONWould(t *testing.T) {
	for _, r := range []Record{full(), {What: Lost, Player: "\x00 \"ä\" <&\\\x7f\xff", Code: "\n", At: math.MaxInt64}} {
		want, err := json.Marshal(r)
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(r.append(nil)))

		var back Record
		require.NoError(t, json.Unmarshal(r.append(nil), &back))
		if r.Player == "bot-001" {
			require.Equal(t, r, back)
		}
	}
}

func TestWritingCostsNoMemory(t *testing.T) {
	w, r := NewWriter(io.Discard), full()
	w.Write(r)
	require.Zero(t, testing.AllocsPerRun(1000, func() { w.Write(r) }))
}

func BenchmarkWrite(b *testing.B) {
	w, r := NewWriter(io.Discard), full()
	b.ReportAllocs()
	for b.Loop() {
		w.Write(r)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriterTellsOfItsFirstErrorWhenClosed(t *testing.T) {
	w, r := NewWriter(failing{}), full()
	for range 2 * bufferSize / len(r.append(nil)) {
		w.Write(r)
	}
	require.ErrorContains(t, w.Close(), "disk full")
}

func TestFoldPutsRecordsTogether(t *testing.T) {
	lines := `{"w":"answer","p":"ann","at":15,"n":1,"ap":1,"rol":7,"ep":2,"res":1}
{"w":"act","p":"ann","e":"edge-1","at":11,"n":1,"seq":1,"h":"5","ch":"6","call":10,"k":2}
{"w":"act","p":"ann","at":21,"n":2,"seq":2,"call":20}
{"w":"act","p":"ann","at":31,"n":3,"seq":3,"call":30}
{"w":"durable","p":"ann","at":25,"seq":2,"ep":2}
{"w":"durable","p":"ann","at":26,"seq":1,"ep":2}
{"w":"answer","p":"ann","at":40,"n":1,"ap":1,"rol":8}
{"w":"answer","p":"ann","at":41,"n":9}
{"w":"lost","p":"ann","at":42,"code":"silence"}
`
	other := `{"w":"connected","p":"abe","at":1}` + "\n"
	h, err := Read(strings.NewReader(lines), strings.NewReader(other))
	require.NoError(t, err)
	require.Len(t, h.Players, 2)
	require.Equal(t, "abe", h.Players[0].Name)
	p := h.Players[1]
	require.Equal(t, []Op{
		{
			Player: "ann", Edge: "edge-1", N: 1, Seq: 1, Kind: 2, Hash: 5, Chain: 6, Call: 10, Sent: 11, Durable: 25, Replied: 15,
			Reply: Reply{At: 15, Result: 1, Applied: 1, Roll: 7, Epoch: 2}, Again: []Reply{{At: 40, Applied: 1, Roll: 8}},
		},
		{Player: "ann", N: 2, Seq: 2, Call: 20, Sent: 21, Durable: 25},
		{Player: "ann", N: 3, Seq: 3, Call: 30, Sent: 31},
	}, p.Ops)
	require.Len(t, p.Strays, 1)
	require.Equal(t, []Record{{What: Lost, Player: "ann", At: 42, Code: "silence"}}, p.News)
	require.EqualValues(t, 2, p.mark())
}

func TestReaderRefusesWhatNoClientRecorded(t *testing.T) {
	for says, lines := range map[string]string{
		"line 1":         "no JSON\n",
		"torn":           `{"w":"lost","p":"ann","at":1}`,
		"unknown record": `{"w":"won","p":"ann","at":1}` + "\n",
		"of nobody":      `{"w":"lost","at":1}` + "\n",
		"time began":     `{"w":"lost","p":"ann","at":-1}` + "\n",
		"without number": `{"w":"act","p":"ann","at":1,"n":1}` + "\n",
		"before it was":  `{"w":"act","p":"ann","at":1,"n":1,"seq":1,"call":2}` + "\n",
		"twice":          strings.Repeat(`{"w":"act","p":"ann","at":1,"n":1,"seq":1}`+"\n", 2),
		"too long":       `{"w":"lost","p":"` + strings.Repeat("a", maxLine) + `","at":1}` + "\n",
	} {
		_, err := Read(strings.NewReader(lines))
		require.ErrorContains(t, err, says)
	}
	_, err := ReadDir(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Whatever can be read is the same after it was written again.
func FuzzRead(f *testing.F) {
	r := full()
	f.Add(r.append(nil))
	f.Add([]byte(`{"w":"act","p":"ann","at":11,"n":1,"seq":1,"call":10}
{"w":"answer","p":"ann","at":15,"n":1,"ap":1}
{"w":"answer","p":"ann","at":15,"n":1,"ap":2}
{"w":"answer","p":"bob","at":15,"n":7}
{"w":"durable","p":"ann","at":25,"seq":2}
{"w":"durable","p":"ann","at":25,"seq":1}
{"w":"refused","p":"ann","at":26,"seq":1,"code":"quarantined"}
`))
	f.Add([]byte(`{"w":"left","p":"\ud800\u0000","at":9223372036854775807}` + "\n"))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var file bytes.Buffer
		w := NewWriter(&file)
		for r := range h.Records {
			w.Write(r)
		}
		require.NoError(t, w.Close())
		again, err := Read(&file)
		require.NoError(t, err)
		require.Equal(t, h, again)
		Judge(Setup{}, h, &Evidence{After: &Audit{}}) // must not panic
	})
}

func TestReportIsJudgedAgainWithTheSameResult(t *testing.T) {
	for what, change := range map[string]func(*tape){
		"good":  func(*tape) {},
		"bad":   func(tp *tape) { tp.carried["bot-1"] = tp.carried["bot-1"][:3]; tp.e.Dumps[1].Log[5].Chain++ },
		"empty": func(tp *tape) { tp.setup.Gate.Gaps = 1 },
	} {
		t.Run(what, func(t *testing.T) {
			tp, dir := seeded(1), filepath.Join(t.TempDir(), "run")
			change(tp)
			r := NewReport(tp.setup, tp.history(t), tp.evidence())
			require.NoError(t, r.Write(dir))

			again, err := JudgeDir(dir)
			require.NoError(t, err)
			require.Equal(t, asJSON(t, r.Verdict), asJSON(t, again))

			stored, err := ReadReport(dir)
			require.NoError(t, err)
			require.Equal(t, asJSON(t, r.Verdict), asJSON(t, stored.Verdict))
			require.Equal(t, asJSON(t, r.Evidence), asJSON(t, stored.Evidence))
			require.Equal(t, r.History, stored.History)

			pictures, err := filepath.Glob(filepath.Join(dir, "player-*.html"))
			require.NoError(t, err)
			require.Len(t, pictures, len(r.Verdict.Linear.Illegal))
			require.Equal(t, what == "bad", len(pictures) > 0)
		})
	}
}

// A run's directory needs no verdict yet, and what the clients wrote stays.
func TestRecordsOfClientsAreNotWrittenAgain(t *testing.T) {
	tp, dir := seeded(2), t.TempDir()
	for _, name := range []string{"bots-1", "bots-2"} {
		w, err := Create(dir, name)
		require.NoError(t, err)
		for _, r := range tp.records {
			if (r.Player == "bot-1") == (name == "bots-1") {
				w.Write(r)
			}
		}
		require.NoError(t, w.Close())
	}
	h, err := ReadDir(dir)
	require.NoError(t, err)
	require.Equal(t, tp.history(t), h)
	require.NoError(t, NewReport(tp.setup, h, tp.evidence()).Write(dir))
	require.NoError(t, os.Remove(filepath.Join(dir, verdictFile)))
	v, err := JudgeDir(dir)
	require.NoError(t, err)
	require.Equal(t, OK, v.Outcome)
	require.NoFileExists(t, filepath.Join(dir, opsPrefix+"all"+opsSuffix))
}

func TestNamesOfFilesAreTame(t *testing.T) {
	require.Equal(t, "___etc_bot-1_", fileName("../etc/bot-1ä"))
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}
