package bots

import (
	"time"

	"github.com/reseat-proxy/reseat/bench/judge"
)

// Moves is who went from one edge to another since the open fault.
type Moves struct {
	On     map[string]int `json:"on"`     // players on each edge now, by its address
	Spares int            `json:"spares"` // players who have a spare connection to another one

	Lost      int   `json:"lost"`       // players who have lost their edge
	LostAt    int64 `json:"lost_at"`    // when the first of them noticed
	Resumed   int   `json:"resumed"`    // those of them who are on an edge again
	ResumedAt int64 `json:"resumed_at"` // when the last of them was
}

// moves adds this bot to m. mu is held.
func (b *bot) moves(m *Moves, fault int64) {
	if b.done == nil {
		return // has not joined
	}
	if at := b.client.Edge(); at != "" {
		m.On[at]++
	}
	if b.client.Spare() != "" {
		m.Spares++
	}
	lost, resumed := since(b.lost, fault), since(b.resumed, fault)
	if fault == 0 || len(lost) == 0 {
		return
	}
	m.Lost++
	if m.LostAt == 0 || lost[0] < m.LostAt {
		m.LostAt = lost[0]
	}
	if len(resumed) >= len(lost) {
		m.Resumed++
		m.ResumedAt = max(m.ResumedAt, resumed[len(resumed)-1])
	}
}

// since is the part of ascending times from a moment on.
func since(times []int64, moment int64) []int64 {
	for len(times) > 0 && times[0] < moment {
		times = times[1:]
	}
	return times
}

// stall is what a window cost this bot. mu is held, and it does not play.
func (b *bot) stall(w judge.Window, now int64) judge.Stall {
	s := judge.Measure(b.name, b.samples, w, now)
	s.Region = b.crew.region
	s.Lost = len(since(b.lost, w.From)) - len(since(b.lost, w.To))
	s.Resumed = len(since(b.resumed, w.From)) - len(since(b.resumed, w.To))
	s.First = b.first(w)
	for _, l := range b.late {
		if l.due >= w.From && l.due <= w.To {
			s.Lag = max(s.Lag, time.Duration(l.by))
		}
	}
	return s
}

// first is the time from a window's fault until something was durable by the word of
// whoever serves after it: the next primary, or that of another edge; 0: nothing was
// in the window. mu is held.
func (b *bot) first(w judge.Window) time.Duration {
	from := w.From
	for _, moments := range [][]int64{b.seats, b.resumed} {
		if m := since(moments, w.From); len(m) > 0 && m[0] <= w.To {
			from = max(from, m[0])
		}
	}
	for _, a := range b.samples {
		if a.Durable > from {
			if a.Durable > w.To {
				break
			}
			return time.Duration(a.Durable - w.From)
		}
	}
	return 0
}
