package steady

import (
	"fmt"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/measure"
)

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

// Row is a path under a load: medians over the rounds, and medians of the ratios to
// another path in the same round.
type Row struct {
	Path string `json:"path"`
	Load Load   `json:"load"`

	P50, P99   time.Duration
	Second     float64
	Front      float64 // microseconds of CPU time per action
	Servers    float64
	Players    float64
	Packets    float64
	Bytes      float64
	IdleKiB    float64
	ActiveKiB  float64
	Lost       uint64 // in all rounds
	Wrong      uint64
	ToRelay    Ratios // zero without such a path
	ToDirect   Ratios
	Histograms measure.Hist `json:"-"` // of all rounds
}

// Ratios are quotients of the figures of two paths. 0: not known.
type Ratios struct {
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
	Front   float64 `json:"front"`
	Servers float64 `json:"servers"`
	Second  float64 `json:"second"`
	Idle    float64 `json:"idle"`
	Active  float64 `json:"active"`
}

// Rows are the passes in sum, in their order.
func Rows(all []Pass) (rows []Row) {
	for i := range all {
		p := &all[i]
		if slices.ContainsFunc(rows, func(r Row) bool { return r.Path == p.Path && r.Load == p.Load }) {
			continue
		}
		rows = append(rows, newRow(all, p.Path, p.Load))
	}
	return rows
}

func newRow(all []Pass, path string, load Load) Row {
	r := Row{Path: path, Load: load, Histograms: measure.NewHist()}
	of := pick(all, path, load)
	mid := func(figure func(*Pass) float64) float64 {
		values := make([]float64, len(of))
		for i, p := range of {
			values[i] = figure(p)
		}
		return median(values)
	}
	for _, p := range of {
		r.Lost += p.Lost()
		r.Wrong += p.Wrong
		r.Histograms.Add(p.hist)
	}
	r.P50 = time.Duration(mid(func(p *Pass) float64 { return float64(p.RoundTrip.P50) }))
	r.P99 = time.Duration(mid(func(p *Pass) float64 { return float64(p.RoundTrip.P99) }))
	r.Second = mid(func(p *Pass) float64 { return p.Second })
	r.Front = mid(func(p *Pass) float64 { return p.CPU[Front] })
	r.Servers = mid((*Pass).Servers)
	r.Players = mid(func(p *Pass) float64 { return p.CPU[Crowd] })
	r.Packets = mid(func(p *Pass) float64 { return p.Packets })
	r.Bytes = mid(func(p *Pass) float64 { return p.Bytes })
	r.IdleKiB = mid((*Pass).IdleKiB)
	r.ActiveKiB = mid((*Pass).ActiveKiB)
	r.ToRelay = compare(of, pick(all, relay, load))
	r.ToDirect = compare(of, pick(all, direct, load))
	return r
}

func pick(all []Pass, path string, load Load) (of []*Pass) {
	for i := range all {
		if all[i].Path == path && all[i].Load == load {
			of = append(of, &all[i])
		}
	}
	return of
}

// compare takes the median of the ratios of passes of the same round.
func compare(of, to []*Pass) Ratios {
	mid := func(figure func(*Pass) float64) float64 {
		var values []float64
		for _, a := range of {
			for _, b := range to {
				if x, y := figure(a), figure(b); a.Round == b.Round && x > 0 && y > 0 {
					values = append(values, x/y)
				}
			}
		}
		return median(values)
	}
	return Ratios{
		P50:     mid(func(p *Pass) float64 { return float64(p.RoundTrip.P50) }),
		P99:     mid(func(p *Pass) float64 { return float64(p.RoundTrip.P99) }),
		Front:   mid(func(p *Pass) float64 { return p.CPU[Front] }),
		Servers: mid((*Pass).Servers),
		Second:  mid(func(p *Pass) float64 { return p.Second }),
		Idle:    mid((*Pass).IdleKiB),
		Active:  mid((*Pass).ActiveKiB),
	}
}

// median of nothing is 0.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}
