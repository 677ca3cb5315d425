package proxy_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

const (
	// seeds is how many plans TestSimulation runs by itself; RESEAT_SEEDS=n asks
	// for another number, RESEAT_SEED=k for that one plan.
	seeds = 20
	// recovery is how long everything may take, once a core of the mesh is whole.
	recovery = 90 * time.Second
)

var simulated atomic.Int64 // virtual time of all plans

// Whole meshes under seeded plans of faults. Plans with an even seed are for
// safety: everything breaks, in the end everything is mended. With an odd one a
// core is mended, the rest stays broken, and play must go on all the same.
//
// A plan is only part of what happens, for the order of goroutines is not seeded:
// repeat a seed a few times.
func TestSimulation(t *testing.T) { plans(t, seeds, simulate) }

// The same, with players who walk from one region to another all the time: everybody
// is in one region in the end, with what he owns.
func TestTransferSimulation(t *testing.T) { plans(t, seeds/4, simulateTransfers) }

func plans(t *testing.T, n uint64, simulate func(t *testing.T, seed uint64)) {
	t.Helper()
	first := uint64(1)
	if testing.Short() {
		n /= 3
	}
	if s := os.Getenv("RESEAT_SEEDS"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	if s := os.Getenv("RESEAT_SEED"); s != "" {
		first, _ = strconv.ParseUint(s, 10, 64)
		n = 1
	}
	t.Cleanup(func() { t.Logf("%d plans, %v of virtual time", n, time.Duration(simulated.Load())) })
	for seed := first; seed < first+n; seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { simulate(t, seed) })
		})
	}
}

func simulate(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0x5ea7))
	w := &witness{t: t, recorder: tracetest.NewSpanRecorder()}
	defer w.sane() // when all are gone
	m := w.mesh(0)
	defer m.close()
	m.net.rand = rand.New(rand.NewPCG(seed, 0xbad))
	m.addEdge()
	m.worlds(r.IntN(3) > 0, r.IntN(3) == 0)
	m.serve(3)
	if r.IntN(3) == 0 {
		m.pool(2)
	}
	var actors []*actor
	for i := range 3 {
		actors = append(actors, m.enter(fmt.Sprint("p", i), i))
	}
	m.torment(seed, r, actors, func(*rand.Rand) string { return "act" })
	m.recover(actors)
}

func simulateTransfers(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0x9e7))
	m := newTowns(t, slices.Sorted(maps.Keys(styles))[r.IntN(len(styles))])
	defer m.close()
	m.net.rand = rand.New(rand.NewPCG(seed, 0xbad))
	m.serve(3) // each of them has both regions
	if r.IntN(3) == 0 {
		m.pool(2)
	}
	var actors []*actor
	for i := range 3 {
		actors = append(actors, m.enterAt(m.regions()[i%2], fmt.Sprint("p", i), i))
	}
	m.torment(seed, r, actors, func(dice *rand.Rand) string {
		switch n := dice.IntN(10); {
		case n < 3:
			return "go " + m.regions()[dice.IntN(2)]
		case n < 6:
			return fmt.Sprint("pay p", dice.IntN(3))
		}
		return "act"
	})
	m.settled(actors...)
}

// torment lets actors act for a while under a seeded plan of faults.
func (m *mesh) torment(seed uint64, r *rand.Rand, actors []*actor, say func(dice *rand.Rand) string) {
	t := m.t
	began := time.Now()
	c := &chaos{m: m, planner: m.planner(), rand: r, until: began.Add(15 * time.Second)}
	m.closers = append(m.closers, func() {
		if t.Failed() {
			t.Logf("repeat with: RESEAT_SEED=%d go test ./proxy -run %s -count 20 (and RESEAT_TEST_LOG=1)\n%s",
				seed, strings.TrimRight(t.Name(), "/0123456789"), strings.Join(c.log, "\n"))
		}
		simulated.Add(int64(time.Since(epochZero)))
	})

	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { m.watch(ctx) })
	running.Go(func() { m.vary(ctx, rand.New(rand.NewPCG(seed, 0x1e7e1))) })
	for i, a := range actors {
		dice := rand.New(rand.NewPCG(seed, uint64(i)))
		running.Go(func() { a.live(ctx, dice, say) })
	}
	c.run()
	if seed%2 == 0 {
		c.spare()
	} else {
		c.core()
	}
	time.Sleep(time.Second) // virtual: some more actions with what is left
	stop()
	running.Wait()
}

// core kills a server and an edge for good, if that is allowed, and mends the rest.
func (c *chaos) core() {
	c.mendUntil(time.Now().Add(time.Hour))
	for _, s := range c.m.servers {
		if c.expendable(s) {
			c.note("lose server %s", s.host.ip)
			s.die(c.rand.IntN(2) == 0)
			break
		}
	}
	if e := c.m.edges[c.rand.IntN(2)]; c.dispensable(e) {
		c.note("lose edge %s", e.host.ip)
		e.die(c.rand.IntN(2) == 0)
	}
}

// recover demands that everything becomes durable, and that the world is what
// everybody was told.
func (m *mesh) recover(actors []*actor) {
	wrong := ""
	for deadline := time.Now().Add(recovery); time.Now().Before(deadline) && m.violations.Load() == 0; {
		time.Sleep(20 * time.Millisecond) // virtual
		if wrong = m.wrong(actors); wrong == "" {
			return
		}
	}
	m.violate("long after the last fault: %s", wrong)
}

// wrong says what is not as it should be when nothing is broken any more, or "".
func (m *mesh) wrong(actors []*actor) string {
	for _, a := range actors {
		if a.pending() > 0 {
			return fmt.Sprintf("%s: %d of %d actions are durable (%v, %v)", a.name, a.Durable(), a.sent, a.Err(), a.endings())
		}
	}
	world := m.final()
	for _, a := range actors {
		if text := a.differs(world); text != "" {
			return text
		}
	}
	return ""
}

// live acts until ctx ends.
func (a *actor) live(ctx context.Context, dice *rand.Rand, say func(dice *rand.Rand) string) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			return
		case <-a.Done():
			a.mesh.violate("%s is out of the game: %v", a.name, a.Err())
			return
		case <-time.After(time.Duration(dice.Int64N(int64(200 * time.Millisecond)))):
		}
		for range 1 + dice.IntN(3) {
			_ = a.act(ctx, 1, say(dice)) // ends with ctx or the session
		}
	}
}

// watch looks at everybody, again and again.
func (m *mesh) watch(ctx context.Context) {
	owners := map[string]string{}
	for ctx.Err() == nil {
		for _, region := range m.regions() {
			m.agree(region, m.inSyncOf(region).Members)
			for _, s := range m.servers {
				p, _ := s.now().Position(region, 0)
				if !p.Serving {
					continue
				}
				reign := fmt.Sprint(region, " ", p.Epoch)
				if owner := owners[reign]; owner != "" && owner != p.Incarnation {
					m.violate("%s and %s both serve epoch %d of %s", owner, p.Incarnation, p.Epoch, region)
				}
				owners[reign] = p.Incarnation
			}
			for _, e := range m.edges {
				if err := e.now().Kept(region).Check(); err != nil {
					m.violate("%s: %v", e.name, err)
				}
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// agree compares the logs of the members of a region's in-sync set, up to the lowest
// of what they count as durable.
func (m *mesh) agree(region string, members []string) {
	in := map[string]bool{}
	for _, inc := range members {
		in[inc] = true
	}
	least := ^uint64(0)
	for _, s := range m.servers {
		if p, _ := s.now().Position(region, 0); in[p.Incarnation] {
			least = min(least, p.Commit)
		}
	}
	if least == 0 || least == ^uint64(0) {
		return
	}
	chains := map[uint64][]string{}
	for _, s := range m.servers {
		if p, ok := s.now().Position(region, least); ok && in[p.Incarnation] {
			chains[p.Chain] = append(chains[p.Chain], p.Incarnation)
		}
	}
	if len(chains) > 1 {
		m.violate("logs of %s differ at %d: %v", region, least, chains)
	}
}
