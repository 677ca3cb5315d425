package election

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/discovery"
)

// Settings say what to measure, and with what.
type Settings struct {
	Cells   []Cell
	Samples int       // of each cell, at least
	Consul  string    // path of the binary, or consul.Memory
	Program string    // the path of reseat
	Screen  io.Writer // for what happens as it happens; nil: nothing
	Echo    io.Writer // of Consul's log; nil: none
}

// files is what a watcher holds open, here and in Consul, and base all the rest.
const (
	filesPerWatcher = 6
	baseFiles       = 300
)

// Run measures all cells on one Consul of its own. The circumstances are those of run,
// which the caller has begun and ends.
func Run(ctx context.Context, s Settings, run *measure.Run) (*Result, error) {
	watchers := 0
	for _, c := range s.Cells {
		watchers = max(watchers, c.Watchers)
	}
	if err := measure.NeedFiles(uint64(filesPerWatcher*watchers + baseFiles)); err != nil {
		return nil, err
	}
	r := &Result{Run: run, Consul: "real"}
	if s.Consul == consul.Memory {
		r.Consul = "in memory"
	}
	return r, consul.Run(ctx, s.Consul, s.Program, s.Echo, func(ctx context.Context, a *consul.Agent) error {
		return r.measure(ctx, s, a)
	})
}

func (r *Result) measure(ctx context.Context, s Settings, a *consul.Agent) error {
	for i, cell := range s.Cells {
		m, err := s.cell(ctx, cell, a, fmt.Sprintf("reseat-election-%d", i), r.Run.Watch())
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, discovery.ErrUnavailable), errors.Is(err, errLate):
			m.Failed = err.Error() // this machine does not carry so much, which is a result
		case err != nil:
			return fmt.Errorf("%v: %w", cell, err)
		}
		r.Run.Note(m.Delay)
		r.Measures = append(r.Measures, m)
	}
	return nil
}

const (
	// attempts is how often a round is run while the machine is too busy.
	attempts = 3
	// minRounds is how often a fault happens at least.
	minRounds = 3
)

// cell measures one cell until there are enough samples. A round in which the machine
// was too busy is repeated, and counts if it stays so: the cell is void then.
func (s Settings) cell(ctx context.Context, cell Cell, a *consul.Agent, space string, delay *measure.Delay) (m Measure, err error) {
	m.Cell = cell
	err = run(ctx, cell, a, a.Addr, space, func(st *stage) error {
		for try := 1; m.Rounds < minRounds || len(m.Samples) < s.Samples; try++ {
			delay.Take()
			samples, err := st.round()
			if err != nil {
				return err
			}
			late := delay.Take()
			void := measure.Loaded(late) != nil
			if void && try < attempts {
				continue
			}
			m.Rounds, m.Samples, m.Delay, try = m.Rounds+1, append(m.Samples, samples...), max(m.Delay, late), 0
			m.Void = m.Void || void
		}
		return nil
	})
	if s.Screen != nil {
		fmt.Fprintf(s.Screen, "%v: %s\n", cell, m.brief(err))
	}
	return m, err
}
