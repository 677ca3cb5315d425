package measure

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// What a histogram can hold: microseconds to a minute, with three digits.
const (
	finest  = time.Microsecond
	longest = time.Minute
	digits  = 3
)

// Hist counts durations. It is of one goroutine. The zero value is not ready: use
// [NewHist].
type Hist struct{ h *hdrhistogram.Histogram }

// NewHist makes an empty histogram, of about 100 KiB.
func NewHist() Hist {
	return Hist{hdrhistogram.New(1, int64(longest/finest), digits)}
}

// Record counts a duration. What is longer than a minute counts as a minute.
func (h Hist) Record(d time.Duration) {
	_ = h.h.RecordValue(int64(min(max(d, 0), longest) / finest))
}

// RecordAt counts a duration of a load that was to be offered every so often, and
// was not while this one took long: those that were left out are counted with the
// time that they would have taken. It is for closed loops; an open one counts from
// its schedule and uses Record. Source: Gil Tene, "How NOT to measure latency".
func (h Hist) RecordAt(d, every time.Duration) {
	_ = h.h.RecordCorrectedValue(int64(min(max(d, 0), longest)/finest), int64(every/finest))
}

// Add takes in all that another one has counted.
func (h Hist) Add(other Hist) { h.h.Merge(other.h) }

// Count is how many were recorded.
func (h Hist) Count() int64 { return h.h.TotalCount() }

// Quantile is the duration that a share q of all does not exceed.
func (h Hist) Quantile(q float64) time.Duration {
	return time.Duration(h.h.ValueAtQuantile(100*q)) * finest
}

// Spread is the distribution in brief.
func (h Hist) Spread() Spread {
	return Spread{
		N: h.Count(), Mean: time.Duration(h.h.Mean() * float64(finest)), P50: h.Quantile(.5), P90: h.Quantile(.9),
		P99: h.Quantile(.99), P999: h.Quantile(.999), Max: time.Duration(h.h.Max()) * finest,
	}
}

// Curve is the distribution in points: durations, and which share of all does not
// exceed each.
func (h Hist) Curve() []Point {
	var out []Point
	total := float64(h.Count())
	seen := int64(0)
	for _, bar := range h.h.Distribution() {
		if bar.Count == 0 {
			continue
		}
		seen += bar.Count
		out = append(out, Point{time.Duration(bar.To) * finest, float64(seen) / total})
	}
	return out
}

// Point is one of a distribution.
type Point struct {
	At    time.Duration `json:"at_ns"`
	Share float64       `json:"share"`
}

// Spread is a distribution in brief.
type Spread struct {
	N    int64         `json:"n"`
	Mean time.Duration `json:"mean_ns"`
	P50  time.Duration `json:"p50_ns"`
	P90  time.Duration `json:"p90_ns"`
	P99  time.Duration `json:"p99_ns"`
	P999 time.Duration `json:"p999_ns"`
	Max  time.Duration `json:"max_ns"`
}

// HistOf counts durations.
func HistOf(all []time.Duration) Hist {
	h := NewHist()
	for _, d := range all {
		h.Record(d)
	}
	return h
}

// MarshalJSON writes the distribution in brief and its curve.
func (h Hist) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Spread
		Curve []Point `json:"curve"`
	}{h.Spread(), h.Curve()})
}

// UnmarshalJSON reads what MarshalJSON has written, such as by another process.
func (h *Hist) UnmarshalJSON(text []byte) error {
	var in struct {
		N     int64   `json:"n"`
		Curve []Point `json:"curve"`
	}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*h = NewHist()
	seen := int64(0)
	for _, p := range in.Curve {
		until := int64(math.Round(p.Share * float64(in.N)))
		if until <= seen || p.At < 0 {
			return fmt.Errorf("measure: %v at %v is no point of a distribution of %d", p.Share, p.At, in.N)
		}
		if err := h.h.RecordValues(int64(min(p.At, longest)/finest), until-seen); err != nil {
			return fmt.Errorf("measure: %w", err)
		}
		seen = until
	}
	if seen != in.N {
		return fmt.Errorf("measure: a distribution of %d has a curve of %d", in.N, seen)
	}
	return nil
}
