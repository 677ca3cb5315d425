package peers

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/reseat-proxy/reseat/bench/measure"
)

// Result is all that was measured. As JSON, durations are nanoseconds.
type Result struct {
	Run        *measure.Run `json:"run"`
	Contenders []Entrant    `json:"contenders"`
	Outcomes   []Outcome    `json:"outcomes"`
}

// Entrant is a contender of a run.
type Entrant struct {
	Name    string `json:"name"`
	Says    string `json:"says"`
	Config  string `json:"config,omitempty"`  // its configuration file, but for the addresses
	Missing string `json:"missing,omitempty"` // why it was not measured
}

// Whole tells whether every contender was measured.
func (r *Result) Whole() bool {
	return !slices.ContainsFunc(r.Contenders, func(e Entrant) bool { return e.Missing != "" })
}

// OK tells whether Reseat kept its promises.
func (r *Result) OK() bool {
	return !slices.ContainsFunc(r.Outcomes, func(o Outcome) bool { return len(o.Problems) > 0 })
}

// Row is the outcomes of one contender, load and fault.
type Row struct {
	Contender string
	Load      measure.Load
	Fault     string
	Players   int // of all rounds
	Sum       Outcome
	Hist      measure.Hist // of the interruptions of those who moved
	Void      int          // rounds
	Rounds    int
}

// Rows adds up the rounds, in the order of loads, faults and contenders.
func (r *Result) Rows() (out []Row) {
	for _, o := range r.Outcomes {
		i := slices.IndexFunc(out, func(row Row) bool {
			return row.Contender == o.Contender && row.Load == o.Load && row.Fault == o.Fault
		})
		if i < 0 {
			i = len(out)
			out = append(out, Row{Contender: o.Contender, Load: o.Load, Fault: o.Fault, Hist: measure.NewHist()})
		}
		out[i].add(o)
	}
	return out
}

func (w *Row) add(o Outcome) {
	w.Rounds++
	w.Players += o.Load.Players
	if o.Void {
		w.Void++
	}
	s := &w.Sum
	s.Moved, s.Acked, s.Missing, s.Lost = s.Moved+o.Moved, s.Acked+o.Acked, s.Missing+o.Missing, s.Lost+o.Lost
	s.Twice, s.Reconnects = s.Twice+o.Twice, s.Reconnects+o.Reconnects
	s.Problems = append(s.Problems, o.Problems...)
	for _, d := range o.Interruptions {
		w.Hist.Record(d)
	}
}

// quantile is what a share q of all players did not have to wait longer than. ok is
// false if that is for ever: those who never moved count as the slowest.
func (w *Row) quantile(q float64) (d time.Duration, ok bool) {
	rank := int(math.Ceil(q * float64(w.Players)))
	if rank > w.Sum.Moved || w.Sum.Moved == 0 {
		return 0, false
	}
	return w.Hist.Quantile(float64(rank) / float64(w.Sum.Moved)), true
}

func (w *Row) wait(q float64) string {
	d, ok := w.quantile(q)
	if !ok {
		return "never"
	}
	return measure.Ms(d)
}

// Tables are the rows side by side, one table for each load and fault.
func (r *Result) Tables() (titles []string, tables []measure.Table) {
	rows := r.Rows()
	for i := range rows {
		w := &rows[i]
		title := fmt.Sprintf("%s, %d players at %v actions/s", w.Fault, w.Load.Players, w.Load.Rate)
		if n := len(titles); n == 0 || titles[n-1] != title {
			titles, tables = append(titles, title), append(tables, measure.Table{Head: head})
		}
		tables[len(tables)-1].Row(w.cells()...)
	}
	for i := range tables {
		for _, e := range r.Contenders {
			if e.Missing != "" {
				tables[i].Row(e.Name, "not measured: "+e.Missing)
			}
		}
	}
	return titles, tables
}

var head = []string{"contender", "p50", "p99", "max", "never moved", "acked, gone", "lost", "twice", "reconnects", "players", ""}

func (w *Row) cells() []string {
	s, note := w.Sum, ""
	if w.Void > 0 {
		note = fmt.Sprintf("VOID: %d of %d rounds", w.Void, w.Rounds)
	}
	gone := strconv.Itoa(s.Missing)
	if s.Missing > 0 {
		gone = fmt.Sprintf("%d of %d", s.Missing, s.Acked)
	}
	return []string{
		w.Contender, w.wait(.5), w.wait(.99), w.wait(1), strconv.Itoa(w.Players - s.Moved), gone, strconv.Itoa(s.Lost), strconv.Itoa(s.Twice),
		fmt.Sprintf("%.1f", float64(s.Reconnects)/float64(w.Players)), strconv.Itoa(w.Players), note,
	}
}

// Print writes the result for people, or as a README has it.
func (r *Result) Print(to io.Writer, markdown bool) error {
	if _, err := fmt.Fprintln(to, r.Run); err != nil {
		return err
	}
	titles, tables := r.Tables()
	for i, table := range tables {
		title := titles[i] + "\n"
		if markdown {
			title = "**" + titles[i] + "**\n\n"
		}
		if _, err := io.WriteString(to, title); err != nil {
			return err
		}
		if err := table.Write(to, markdown); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(to); err != nil {
			return err
		}
	}
	for _, w := range r.Rows() {
		for _, p := range w.Sum.Problems {
			if _, err := fmt.Fprintf(to, "%s, %s at %v: %s\n", w.Contender, w.Fault, w.Load, p); err != nil {
				return err
			}
		}
	}
	_, err := io.WriteString(to, legend)
	return err
}

const legend = `interruption (p50, p99, max): of a player, from the fault, or from when the schedule
asked for it, until an action is acknowledged that was not when the fault came; who never
moved counts as the slowest. acked, gone: acknowledged, and unknown to the server that
the player is on now. lost: sent and never acknowledged, of players who moved. twice:
applied more than once, on whatever server. reconnects: for each player.
`
