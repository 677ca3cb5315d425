package peers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/demo"
	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/measure"
)

// Faults of the primary's game process.
const (
	Kill   = "kill"   // SIGKILL
	Freeze = "freeze" // SIGSTOP
)

const (
	// patience is how long anything may take to start.
	patience = 20 * time.Second
	// warmUp is how long everybody plays before the fault, at least; up to unevenly
	// more, so that faults meet the checks at all times between two of them.
	warmUp   = time.Second
	unevenly = 2 * time.Second
	// aftermath is how long everybody plays on when all are back.
	aftermath = 500 * time.Millisecond
	// wake is how long a frozen server goes on at the end.
	wake = 300 * time.Millisecond
)

// watched is how long players are waited for. Default checks take up to 6 s to call a
// dead server down; a frozen one is either noticed in this time or never.
var watched = map[string]time.Duration{Kill: 15 * time.Second, Freeze: 6 * time.Second}

// trial makes a fault happen once.
type trial struct {
	Settings
	contender Contender
	tool      tool
	load      measure.Load
	fault     string
	round     int
	delay     *measure.Delay
}

// seed is the same for all contenders in a round: they get the same players and
// the same moment.
func (t trial) seed() uint64 { return t.Seed + uint64(t.round)<<32 }

// run runs the trial, in a folder of its own.
func (t trial) run(ctx context.Context) (o Outcome, err error) {
	dir, err := os.MkdirTemp("", "reseat-peers-")
	if err != nil {
		return o, fmt.Errorf("peers: %w", err)
	}
	f := fleet.New(dir, t.Echo)
	t.delay.Take()
	if t.contender.kind == ours {
		o, err = t.ours(ctx, f, dir)
	} else {
		o, err = t.theirs(ctx, &stage{dir: dir, program: t.Program, fleet: f})
	}
	select {
	case ended := <-f.Failed(): // without it nobody could move, which would be no result
		err = errors.Join(err, ended)
	default:
	}
	f.Close()
	o.Contender, o.Load, o.Fault, o.Round = t.contender.Name, t.load, t.fault, t.round
	o.Delay = max(o.Delay, o.Lag, t.delay.Take())
	o.Void = measure.Loaded(o.Delay) != nil
	if err != nil && ctx.Err() == nil {
		return o, fmt.Errorf("%w (logs are in %s)", err, dir)
	}
	return o, errors.Join(err, os.RemoveAll(dir))
}

// theirs is a trial behind another proxy.
func (t trial) theirs(ctx context.Context, s *stage) (Outcome, error) {
	defer s.close()
	if err := s.open(ctx, t.contender, t.tool, t.load, t.seed()); err != nil {
		return Outcome{}, err
	}
	begin, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ok, err := s.crowd.await(begin, func(p Progress) bool { return p.Ready == t.load.Players })
	if err != nil || !ok {
		return Outcome{}, errors.Join(err, fmt.Errorf("peers: not all players of %s play after %v", t.contender.Name, patience))
	}
	rng := rand.New(rand.NewPCG(t.seed(), 1))
	if err := s.crowd.rest(ctx, warmUp+time.Duration(rng.Int64N(int64(unevenly)))); err != nil {
		return Outcome{}, err
	}
	at, err := s.strike(t.fault)
	if err != nil {
		return Outcome{}, err
	}
	if err := s.crowd.out.Encode(order{Mark: at}); err != nil {
		return Outcome{}, fmt.Errorf("peers: the players have ended: %w", err)
	}
	watch, cancel := context.WithTimeout(ctx, watched[t.fault])
	defer cancel()
	if _, err := s.crowd.await(watch, func(p Progress) bool { return p.Back == t.load.Players }); err != nil {
		return Outcome{}, err
	}
	if err := s.crowd.rest(ctx, aftermath); err != nil {
		return Outcome{}, err
	}
	if ctx.Err() != nil {
		return Outcome{}, context.Cause(ctx)
	}
	return s.judge(ctx, t.fault, at)
}

// ours is a trial behind Reseat.
func (t trial) ours(ctx context.Context, f *fleet.Fleet, dir string) (o Outcome, err error) {
	agent, err := consul.Start(ctx, consul.Config{Binary: t.Consul, Program: t.Program, Dir: dir, Fleet: f})
	if err != nil {
		return o, err
	}
	faults, err := demo.ParseFaults(t.fault)
	if err != nil {
		return o, err
	}
	report, err := demo.Run(ctx, demo.Config{
		Players: t.load.Players, Rate: t.load.Rate, Rounds: 1, Faults: faults, Seed: t.seed(),
		Servers: 3, Regions: 1, Edges: 1, OutputCommit: "strict", Consul: agent.Addr,
		Program: t.Program, Echo: t.Echo, Screen: demo.NewScreen(nil),
	})
	if err != nil {
		return o, err
	}
	return ofDemo(report), nil
}

// ofDemo translates a report of the demo. All of its players have moved, or it would
// be an error.
func ofDemo(r demo.Report) (o Outcome) {
	v := r.Verdict
	o.Acked, o.Missing = int(v.Durable), int(v.Lost)
	o.Lost, o.Twice, o.Reconnects = int(v.Unsettled+v.Skipped), int(v.Doubled), int(v.Disconnects)
	o.Lag, o.Problems = r.LagMax, r.Problems
	for _, round := range r.Rounds {
		for _, s := range round.Stalls {
			o.Moved++
			o.Interruptions = append(o.Interruptions, s.Durable)
		}
	}
	return o
}
