package election

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/plots"
)

// Result is all that was measured. As JSON, durations are nanoseconds.
type Result struct {
	Run      *measure.Run `json:"run"`
	Consul   string       `json:"consul"` // "real", or "in memory"
	Measures []Measure    `json:"measures"`
}

// Measure is what a cell has shown.
type Measure struct {
	Cell
	Rounds  int           `json:"rounds"` // faults
	Samples []Sample      `json:"samples"`
	Delay   time.Duration `json:"delay_ns"`         // the longest wait for a core
	Void    bool          `json:"void"`             // that was too long
	Failed  string        `json:"failed,omitempty"` // why there are not enough samples
}

// Whole tells whether every cell was measured to its end.
func (r *Result) Whole() bool {
	return !slices.ContainsFunc(r.Measures, func(m Measure) bool { return m.Failed != "" })
}

// hist is of one time of all samples.
func (m *Measure) hist(of func(Sample) time.Duration) measure.Hist {
	h := measure.NewHist()
	for _, s := range m.Samples {
		h.Record(of(s))
	}
	return h
}

func free(s Sample) time.Duration  { return s.Free }
func taken(s Sample) time.Duration { return s.Taken }
func first(s Sample) time.Duration { return s.First }
func all(s Sample) time.Duration   { return s.All }

func (m *Measure) brief(err error) string {
	if err != nil {
		return err.Error()
	}
	return "all watchers after " + spread(m.hist(all))
}

func spread(h measure.Hist) string {
	s := h.Spread()
	return measure.Ms(s.P50) + " / " + measure.Ms(s.P99) + " / " + measure.Ms(s.Max)
}

// Table has a row for each cell.
func (r *Result) Table() measure.Table {
	t := measure.Table{Head: []string{
		"regions that fail", "watchers", "free p50/p99/max", "taken p50/p99/max", "first watcher p50/p99/max", "all watchers p50/p99/max", "samples", "",
	}}
	for i := range r.Measures {
		m := &r.Measures[i]
		note := ""
		switch {
		case m.Failed != "":
			note = "FAILED: " + m.Failed
		case m.Void:
			note = "VOID"
		}
		t.Row(fmt.Sprintf("%d of %d, %s", m.Failing, m.Regions, m.Way), strconv.Itoa(m.Watchers),
			spread(m.hist(free)), spread(m.hist(taken)), spread(m.hist(first)), spread(m.hist(all)), strconv.Itoa(len(m.Samples)), note)
	}
	return t
}

// Print writes the result for people, or as a README has it.
func (r *Result) Print(to io.Writer, markdown bool) error {
	t := r.Table()
	_, err := fmt.Fprintf(to, "%v\nConsul: %s\n\n", r.Run, r.Consul)
	if err == nil {
		err = t.Write(to, markdown)
	}
	if err == nil {
		_, err = io.WriteString(to, legend)
	}
	return err
}

const legend = `
All times of one region, from the fault: free: the new holder saw that the lock is free;
taken: the answer to its take-over; first and all watchers: they saw the new holder.
session: it was destroyed; check: it was set critical, and the session fell with it.
`

// Save writes name.json into a folder, and how long it takes until all watchers know,
// against how many they are, one plot for each way (name-WAY).
func (r *Result) Save(dir, name string) error {
	err := measure.Save(dir, name, r)
	for _, way := range []string{Session, Check} {
		p := plots.Plot{
			Title: "From a lost session to all watchers (" + way + ")", X: "watchers", Y: "ms", LogX: true, LogY: true, Points: true,
		}
		for i := range r.Measures {
			if m := &r.Measures[i]; m.Way == way && len(m.Samples) > 0 {
				h := m.hist(all)
				which := fmt.Sprintf("%d of %d regions", m.Failing, m.Regions)
				p.Point(which+", p50", float64(m.Watchers), plots.Ms(h.Quantile(.5)))
				p.Point(which+", p99", float64(m.Watchers), plots.Ms(h.Quantile(.99)))
			}
		}
		if len(p.Lines) > 0 {
			err = errors.Join(err, p.Save(dir, name+"-"+way))
		}
	}
	return err
}
