package steady

import (
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/measure"
)

// Row is a path under a load: medians over the rounds, and medians of the ratios to
// another path in the same round.
type Row struct {
	Path string `json:"path"`
	Load Load   `json:"load"`

	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	Second    float64       `json:"second"`     // answers a second
	Front     float64       `json:"front_us"`   // CPU time per action, in microseconds
	Servers   float64       `json:"servers_us"` // likewise, of everything but the players
	Players   float64       `json:"players_us"`
	Packets   float64       `json:"packets"` // per action
	Bytes     float64       `json:"bytes"`
	IdleKiB   float64       `json:"idle_kib"` // of the front, for each player
	ActiveKiB float64       `json:"active_kib"`
	Lost      uint64        `json:"lost"` // in all rounds
	Wrong     uint64        `json:"wrong"`

	ToRelay  Ratios `json:"to_relay"` // zero without such a path
	ToDirect Ratios `json:"to_direct"`

	hist measure.Hist // of the round trips of all rounds
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
	r := Row{Path: path, Load: load, hist: measure.NewHist()}
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
		r.hist.Add(p.hist)
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
