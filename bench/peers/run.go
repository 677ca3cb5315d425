package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/reseat-proxy/reseat/bench/choose"
	"github.com/reseat-proxy/reseat/bench/measure"
)

// most is what is asked of one machine.
var most = measure.Load{Players: 999, Rate: 100}

// ParseLoads reads a comma-separated list such as 100x20,500x4.
func ParseLoads(list string) ([]measure.Load, error) { return measure.ParseLoads(list, most) }

// ParseFaults reads a comma-separated list of faults.
func ParseFaults(list string) ([]string, error) {
	all := []string{Kill, Freeze}
	return choose.From("fault", list, all, all)
}

// Settings say what to measure, and with what.
type Settings struct {
	Contenders []Contender
	Loads      []measure.Load
	Faults     []string
	Rounds     int
	Seed       uint64
	Consul     string    // path of the binary, or consul.Memory
	Program    string    // the path of reseat
	Screen     io.Writer // for what happens as it happens; nil: nothing
	Echo       io.Writer // of the processes' logs; nil: none
}

func (s Settings) screen() io.Writer {
	if s.Screen == nil {
		return io.Discard
	}
	return s.Screen
}

// files is how many open files a player costs the proxy, and base what else is open.
const (
	filesPerPlayer = 2
	baseFiles      = 200
)

// Run measures all that is asked for. Contenders take turns, so that what the machine
// does meanwhile happens to all of them. The circumstances are those of run, which the
// caller has begun and ends.
func Run(ctx context.Context, s Settings, run *measure.Run) (*Result, error) {
	players := 0
	for _, l := range s.Loads {
		players = max(players, l.Players)
	}
	if err := measure.NeedFiles(uint64(filesPerPlayer*players + baseFiles)); err != nil {
		return nil, err
	}
	r := &Result{Run: run}
	tools, err := r.tools(s.Contenders)
	if err != nil {
		return nil, err
	}
	for _, load := range s.Loads {
		for round := range s.Rounds {
			for _, fault := range s.Faults {
				for _, c := range s.Contenders {
					t, ok := tools[c.Name]
					if !ok {
						continue
					}
					o, err := trial{s, c, t, load, fault, round, run.Watch()}.again(ctx)
					if err != nil {
						return nil, fmt.Errorf("%s, %s at %v: %w", c.Name, fault, load, err)
					}
					run.Note(o.Delay)
					r.Outcomes = append(r.Outcomes, o)
				}
			}
		}
	}
	return r, nil
}

// tools finds the programs, and notes the contenders whose program is not there.
func (r *Result) tools(contenders []Contender) (map[string]tool, error) {
	out := map[string]tool{}
	for _, c := range contenders {
		e := Entrant{Name: c.Name, Says: c.Says}
		t, err := c.find()
		var missing *MissingError
		switch {
		case errors.As(err, &missing):
			e.Missing = missing.Error()
		case err != nil:
			return nil, err
		default:
			out[c.Name] = t
		}
		if e.Config, err = c.config(example); err != nil {
			return nil, err
		}
		r.Contenders = append(r.Contenders, e)
	}
	return out, nil
}

// example is where a proxy stands in the configurations that results show.
var example = place{Listen: "127.0.0.1:7000", Primary: "127.0.0.1:7001", Backup: "127.0.0.1:7002", Dir: "/run/peers"}

// attempts is how often a trial is run while the machine is too busy.
const attempts = 3

// again runs a trial until the machine was not too busy meanwhile, or too often.
func (t trial) again(ctx context.Context) (o Outcome, err error) {
	for range attempts {
		if o, err = t.run(ctx); err != nil || !o.Void {
			break
		}
		fmt.Fprintf(t.screen(), "%s, %s at %v: something waited %s for a core, once more\n", t.contender.Name, t.fault, t.load, measure.Ms(o.Delay))
	}
	if err == nil {
		slices.Sort(o.Interruptions)
		fmt.Fprintf(t.screen(), "%s, %s at %v: %d of %d moved\n", t.contender.Name, t.fault, t.load, o.Moved, t.load.Players)
	}
	return o, err
}
