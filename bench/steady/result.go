package steady

import (
	"fmt"
	"time"

	"github.com/reseat-proxy/reseat/bench/measure"
)

// Result is all that was measured. As JSON, durations are nanoseconds.
type Result struct {
	Run    *measure.Run `json:"run"`
	Rows   []Row        `json:"rows"`
	Passes []Pass       `json:"passes"`
}

// Pass is what one path was measured to do under one load.
type Pass struct {
	Path  string `json:"path"`
	Load  Load   `json:"load"`
	Round int    `json:"round"`

	Sent     uint64  `json:"sent"`
	Answered uint64  `json:"answered"`
	Wrong    uint64  `json:"wrong"`  // answers out of order, or twice
	Second   float64 `json:"second"` // answers a second

	RoundTrip measure.Spread `json:"round_trip"` // from the time in the schedule
	FromSend  measure.Spread `json:"from_send"`  // from the time when the action was handed in

	CPU     map[string]float64 `json:"cpu_us"`  // microseconds per action, by role of the processes
	Packets float64            `json:"packets"` // per action and answer, on all hops together
	Bytes   float64            `json:"bytes"`   // likewise, with headers

	Empty  Memory `json:"empty"`  // of the front, without players
	Idle   Memory `json:"idle"`   // when all players are there
	Active Memory `json:"active"` // at the end of the load; without a collection

	Delay time.Duration `json:"delay_ns"` // the longest that the machine let a goroutine wait

	hist measure.Hist
}

func (p *Pass) take(t Tally, before, after reading) {
	p.Sent, p.Answered, p.Wrong, p.hist = t.Sent, t.Answered, t.Wrong, t.RoundTrip
	p.RoundTrip, p.FromSend = t.RoundTrip.Spread(), t.FromSend.Spread()
	p.CPU = map[string]float64{}
	if t.Answered == 0 {
		return
	}
	n := float64(t.Answered)
	for role, cpu := range after.cpu {
		p.CPU[role] = float64((cpu - before.cpu[role]).Nanoseconds()) / 1000 / n
	}
	p.Packets = float64(after.network.Packets-before.network.Packets) / n
	p.Bytes = float64(after.network.Bytes-before.network.Bytes) / n
	if t.Took > 0 {
		p.Second = n / t.Took.Seconds()
	}
}

// Lost is how many actions were never answered.
func (p *Pass) Lost() uint64 { return p.Sent - min(p.Sent, p.Answered) }

// Servers is the CPU time of everything but the players, in microseconds per action.
func (p *Pass) Servers() (sum float64) {
	for role, us := range p.CPU {
		if role != Crowd {
			sum += us
		}
	}
	return sum
}

// IdleKiB is the memory of the front for each player who does nothing.
func (p *Pass) IdleKiB() float64 { return p.perPlayer(p.Idle.Resident, p.Empty.Resident) }

// IdleGoKiB is the same, as far as Go's heap and stacks are in use.
func (p *Pass) IdleGoKiB() float64 { return p.perPlayer(p.Idle.Go, p.Empty.Go) }

// ActiveKiB is the memory of the front for each player under the load.
func (p *Pass) ActiveKiB() float64 { return p.perPlayer(p.Active.Resident, p.Empty.Resident) }

func (p *Pass) perPlayer(with, without uint64) float64 {
	return (float64(with) - float64(without)) / 1024 / float64(p.Load.Players)
}

func (p *Pass) brief() string {
	return fmt.Sprintf("p50 %s, p99 %s, %.0f/s, front %.0f µs, all servers %.0f µs, %d lost",
		measure.Ms(p.RoundTrip.P50), measure.Ms(p.RoundTrip.P99), p.Second, p.CPU[Front], p.Servers(), p.Lost())
}
