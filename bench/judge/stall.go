package judge

import (
	"math"
	"slices"
	"time"
)

// Sample is the life of one action. All times are Unix nanoseconds of one
// clock; 0 means not yet.
type Sample struct {
	Intended int64 // when the schedule wanted it sent, late or not
	Sent     int64 // when the client had accepted it
	Durable  int64 // when the client heard that it is durable
	Replied  int64 // when the game's answer arrived
}

// Window is the time of one fault: from the fault until some time after all
// players had recovered, or until the next fault.
type Window struct {
	Fault string `json:"fault"`
	From  int64  `json:"from"`
	To    int64  `json:"to"`
}

// Stall is how long one player had to wait because of one fault.
//
// Of all actions that were intended before the window's end and were not
// durable when the fault came, it is the largest of
//
//	durable time − max(fault, intended time)
//
// and the same for the game's replies. Nothing is subtracted, neither the
// latency of a quiet time nor what this machine adds. It counts from the
// intended time, so an action that could not even be sent, because the one
// before it was stuck, counts in full (no coordinated omission).
type Stall struct {
	Player    string        `json:"player"`
	Region    string        `json:"region,omitempty"` // [Measure] does not know it
	Durable   time.Duration `json:"durable_ns"`
	Reply     time.Duration `json:"reply_ns"`
	InFlight  int           `json:"in_flight"` // actions sent but not durable when the fault came
	Unreplied int           `json:"unreplied"` // actions whose reply never came

	// First is the time from the fault until the player heard that something new is
	// durable, from whoever serves the region after it; 0: not in the window. Whoever
	// wants nothing for a while waits for itself in it. [Measure] does not know.
	First time.Duration `json:"first_ns,omitempty"`

	// Lag is the longest time that the player woke up later than its schedule said, in
	// the window; 0: less than is worth noting. [Measure] does not know.
	Lag time.Duration `json:"lag_ns,omitempty"`

	// Lost is how often the player's connection was lost in the window, Resumed
	// how often the session went on. [Measure] does not know.
	Lost    int `json:"lost,omitempty"`
	Resumed int `json:"resumed,omitempty"`
}

// Measure computes the stall of one player in a window. samples are in the
// order of their intended times; an action that is not durable counts as if it
// became so at now.
func Measure(player string, samples []Sample, w Window, now int64) Stall {
	s := Stall{Player: player}
	for _, a := range samples {
		if a.Intended > w.To {
			break
		}
		if a.Sent != 0 && a.Sent <= w.From && !done(a.Durable, w.From) {
			s.InFlight++
		}
		start := max(w.From, a.Intended)
		if !done(a.Durable, w.From) {
			s.Durable = max(s.Durable, since(start, a.Durable, now))
		}
		switch {
		case a.Replied == 0 && !done(a.Durable, w.From):
			s.Unreplied++
		case !done(a.Replied, w.From):
			s.Reply = max(s.Reply, time.Duration(a.Replied-start))
		}
	}
	return s
}

// Quiet collects the latencies, from the intended time, of the actions that no
// window concerns: what the reader holds the stalls against.
func Quiet(samples []Sample, windows []Window) (durable, reply []time.Duration) {
	for _, a := range samples {
		if a.Durable == 0 || slices.ContainsFunc(windows, func(w Window) bool {
			return a.Intended <= w.To && !done(a.Durable, w.From)
		}) {
			continue
		}
		durable = append(durable, time.Duration(a.Durable-a.Intended))
		if a.Replied != 0 {
			reply = append(reply, time.Duration(a.Replied-a.Intended))
		}
	}
	return durable, reply
}

// done tells whether something had happened at a moment.
func done(when, at int64) bool { return when != 0 && when <= at }

func since(start, end, now int64) time.Duration {
	if end == 0 {
		end = now
	}
	return time.Duration(end - start)
}

// Spread is a distribution in brief. A quantile is the smallest value that so
// many of all values do not exceed (nearest rank): it is always one that
// occurred.
type Spread struct {
	N   int           `json:"n"`
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
	Max time.Duration `json:"max_ns"`
}

// SpreadOf summarizes values, which it sorts.
func SpreadOf(values []time.Duration) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	slices.Sort(values)
	rank := func(q float64) time.Duration {
		return values[max(0, int(math.Ceil(q*float64(len(values))))-1)]
	}
	return Spread{N: len(values), P50: rank(0.50), P99: rank(0.99), Max: values[len(values)-1]}
}
