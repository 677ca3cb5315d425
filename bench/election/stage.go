package election

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/discovery"
)

// stage is one cell at work: who leads, and who watches.
type stage struct {
	cell    Cell
	cfg     discovery.Config
	agent   agent
	group   *errgroup.Group
	ctx     context.Context //nolint:containedctx // of group, which outlives the calls
	client  *discovery.Client
	own     *watcher // of the servers
	watched audience

	leader   *server // of what fails
	regions  []string
	versions seats
	servers  int // registered so far
}

// timeout bounds a round: many times what anything in it takes.
const timeout = time.Minute

// errLate is of something that takes too long to wait for.
var errLate = errors.New("election: too late")

// slow is how long a call may take: longer than by default, so that one which takes
// long is measured, and not repeated.
const slow = 10 * time.Second

// rest is how long it is quiet before each fault: longer than it takes a MeshWatch to
// be allowed all of its quick answers again.
const rest = 300 * time.Millisecond

// run measures a cell with a prefix of its own, by calling play.
func run(ctx context.Context, cell Cell, a agent, addr, space string, play func(*stage) error) error {
	cfg := discovery.Config{Address: addr, Prefix: space, Service: space, Timeout: slow, CheckTTL: 3 * slow, SessionTTL: 3 * slow}
	client, err := discovery.New(cfg, nil)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	s := &stage{cell: cell, cfg: cfg, agent: a, group: g, ctx: ctx, client: client, own: &watcher{mesh: client.WatchMesh()}}
	err = s.open()
	if err == nil {
		err = play(s)
	}
	failed := context.Cause(ctx) // of what runs beside, if that came first
	cancel()
	_ = g.Wait()
	if err != nil && failed != nil {
		return failed
	}
	return err
}

// spawn runs something until the stage ends.
func (s *stage) spawn(f func(context.Context) error) {
	s.group.Go(func() error {
		if err := f(s.ctx); s.ctx.Err() == nil {
			return err
		}
		return nil
	})
}

// server registers one more.
func (s *stage) server() (*server, error) {
	s.servers++
	return register(s.ctx, s.group, s.client, fmt.Sprintf("server-%d", s.servers))
}

// open seats everybody, has them watched, and waits until all watchers see it.
func (s *stage) open() error {
	s.spawn(s.own.run)
	all := make([]string, s.cell.Regions)
	for i := range all {
		all[i] = fmt.Sprintf("region-%03d", i+1)
	}
	keeper, err := s.server()
	if err != nil {
		return err
	}
	if _, err := keeper.found(s.ctx, all[s.cell.Failing:]); err != nil {
		return err
	}
	if s.leader, err = s.server(); err != nil {
		return err
	}
	s.regions = all[:s.cell.Failing]
	if s.versions, err = s.leader.found(s.ctx, s.regions); err != nil {
		return err
	}
	for range s.cell.Watchers {
		w, err := newWatcher(s.cfg)
		if err != nil {
			return err
		}
		s.watched = append(s.watched, w)
	}
	_, seen := s.watched.watch(s.regions, ledBy(s.leader))
	for _, w := range s.watched {
		s.spawn(w.run)
	}
	return s.wait(seen)
}

// wait waits for the watchers.
func (s *stage) wait(seen <-chan struct{}) error {
	late := time.NewTimer(timeout)
	defer late.Stop()
	select {
	case <-seen:
		return nil
	case <-late.C:
		return fmt.Errorf("%w: not all watchers have seen it after %v", errLate, timeout)
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}
