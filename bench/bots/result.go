package bots

import (
	"time"

	"github.com/reseat-proxy/reseat/bench/judge"
)

// Result is what the crowd has to say when all is over.
type Result struct {
	Ledgers []judge.Ledger `json:"ledgers"`
	Faults  []Fault        `json:"faults"`

	// The latencies of all actions that no fault's window concerns.
	QuietDurable judge.Spread `json:"quiet_durable"`
	QuietReply   judge.Spread `json:"quiet_reply"`

	Holds   uint64 `json:"holds"`   // times a player was told that no primary serves
	Reseats uint64 `json:"reseats"` // times a player was told that another one does

	// Lag is the longest time that a bot woke up later than its schedule said:
	// the part of the latencies that this machine's own load can explain.
	Lag time.Duration `json:"lag_ns"`
}

// Fault is one fault, and what it cost each player.
type Fault struct {
	judge.Window
	Stalls []judge.Stall `json:"stalls"`
}

// Result closes the books. It must not be called while the crowd plays.
func (c *Crowd) Result() Result {
	now := c.clock.now()
	c.Close(now)
	c.mu.Lock()
	windows := c.faults
	c.mu.Unlock()
	r := Result{Faults: make([]Fault, len(windows))}
	for i, w := range windows {
		r.Faults[i].Window = w
	}
	var durable, reply []time.Duration
	for _, b := range c.bots {
		r.Ledgers = append(r.Ledgers, b.account())
		r.Lag = max(r.Lag, time.Duration(b.lag))
		b.mu.Lock()
		r.Holds, r.Reseats = r.Holds+b.holds, r.Reseats+b.reseats
		for i, w := range windows {
			r.Faults[i].Stalls = append(r.Faults[i].Stalls, b.stall(w, now))
		}
		d, e := judge.Quiet(b.samples, windows)
		b.mu.Unlock()
		durable, reply = append(durable, d...), append(reply, e...)
	}
	r.QuietDurable, r.QuietReply = judge.SpreadOf(durable), judge.SpreadOf(reply)
	return r
}
