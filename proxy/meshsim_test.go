package proxy_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy"
)

// meshSeeds is how many plans TestMeshSimulation runs; RESEAT_MESH_SEED=k asks for one.
const meshSeeds = 1

// Meshes of several regions on servers of the pool, with a controller in each edge,
// under seeded plans of deaths, stops, drains, moves and freezes. In the end all
// servers are there: every region must be covered, and every action done once.
func TestMeshSimulation(t *testing.T) {
	first, n := uint64(1), uint64(meshSeeds)
	if s := os.Getenv("RESEAT_MESH_SEEDS"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	if s := os.Getenv("RESEAT_MESH_SEED"); s != "" {
		first, _ = strconv.ParseUint(s, 10, 64)
		n = 1
	}
	for seed := first; seed < first+n; seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { simulateMesh(t, seed) })
		})
	}
}

// shaker breaks a mesh by a seeded plan.
type shaker struct {
	m    *mesh
	look *planner
	rand *rand.Rand

	mu    sync.Mutex // guards the fields below
	log   []string
	until map[*server]time.Time // when it comes back
	back  map[*server]func()
}

// run mends what is due until stop is closed.
func (s *shaker) run(stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond): // virtual
			s.mend(time.Now())
		}
	}
}

func simulateMesh(t *testing.T, seed uint64) {
	regions := []string{"arena", "beta", "gamma"}
	m := newMesh(t, func(cfg *proxy.Config) { cfg.Regions = regions })
	defer m.close()
	m.more = regions[1:]
	m.addEdge()
	for _, e := range m.edges {
		e.control()
	}
	m.pool(5)
	s := &shaker{
		m: m, look: m.looks(), rand: rand.New(rand.NewPCG(seed, 0x3e5)),
		until: map[*server]time.Time{}, back: map[*server]func(){},
	}
	defer func() {
		if t.Failed() {
			t.Logf("repeat with: RESEAT_MESH_SEED=%d go test ./proxy -run TestMeshSimulation -count 20\n%s", seed, strings.Join(s.log, "\n"))
		}
	}()
	s.look.until("covered", m.covered)
	var bots []*bot
	for i, region := range regions {
		bots = append(bots, m.joinAt(region, fmt.Sprint("p", i), m.edges[0].addr, m.edges[1].addr))
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { defer close(stopped); s.run(stop) }()
	for range 30 {
		for range 1 + s.rand.IntN(2) {
			s.strike()
		}
		for end := time.Now().Add(time.Duration(s.rand.Int64N(int64(time.Second)))); time.Now().Before(end); {
			for _, b := range bots {
				b.act(1)
			}
			time.Sleep(20 * time.Millisecond) // virtual
		}
	}
	close(stop)
	<-stopped
	s.mend(time.Now().Add(time.Hour))
	s.look.until("covered in the end", m.covered)
	for _, b := range bots {
		b.act(1)
		b.answered()
		require.Zero(t, b.heard(&b.lost))
	}
}

func (s *shaker) note(format string, args ...any) {
	line := fmt.Sprintf("%v %s", time.Since(epochZero).Round(time.Millisecond), fmt.Sprintf(format, args...))
	s.log = append(s.log, line)
	s.m.log.Info("SHAKE " + line)
}

// mend brings back what was to be away until then. Nobody waits for the lock
// meanwhile: that would stop the bubble's time.
func (s *shaker) mend(t time.Time) {
	for _, server := range s.m.servers {
		s.mu.Lock()
		at, away := s.until[server]
		back := s.back[server]
		s.mu.Unlock()
		if !away || !at.Before(t) {
			continue
		}
		back()
		s.mu.Lock()
		s.note("%s is back", server.host.ip)
		delete(s.until, server)
		s.mu.Unlock()
	}
}

func (s *shaker) away(server *server, what string, most time.Duration, back func()) {
	d := time.Duration(s.rand.Int64N(int64(most)))
	s.note("%s %s for %v", what, server.host.ip, d.Round(time.Millisecond))
	s.until[server], s.back[server] = time.Now().Add(d), back
}

// strike breaks something, or moves something.
func (s *shaker) strike() {
	v := s.look.until("a view", func(discovery.Mesh) bool { return true })
	s.mu.Lock()
	defer s.mu.Unlock()
	victim := s.m.servers[s.rand.IntN(len(s.m.servers))]
	if _, away := s.until[victim]; away {
		return
	}
	inc := victim.now().Incarnation()
	switch n := s.rand.IntN(10); {
	case n < 3 && s.expendable(v, victim):
		victim.die(s.rand.IntN(2) == 0)
		s.away(victim, "kill", 8*time.Second, victim.restart)
	case n < 5 && s.expendable(v, victim):
		victim.dying = true
		go victim.stop()
		s.away(victim, "stop", 6*time.Second, victim.restart)
	case n == 5:
		s.note("kill the game of %s", victim.host.ip)
		victim.killGame()
	case n == 6:
		victim.freeze()
		s.away(victim, "freeze", 3*time.Second, victim.thaw)
	case n == 7 && inc != "":
		s.note("drain %s", victim.host.ip)
		_ = s.m.admin.SetDrain(s.m.t.Context(), inc, discovery.Drain{By: "operator", Since: time.Now()})
	case n == 8:
		for d := range v.Draining {
			s.note("do not drain %s", d)
			_ = s.m.admin.ClearDrain(s.m.t.Context(), d)
		}
	}
}

// expendable tells whether every region keeps a member of its in-sync set that is
// there, other than the victim. Two of them must see that in the set as it is now.
func (s *shaker) expendable(_ discovery.Mesh, victim *server) bool {
	for _, region := range s.m.regions() {
		set, err := s.m.admin.InSync(s.m.t.Context(), region)
		if err != nil || !set.Known {
			return false // it rests on the edges, which is another test's
		}
		kept := slices.ContainsFunc(s.m.servers, func(other *server) bool {
			_, away := s.until[other]
			p, _ := other.now().Position(region, 0)
			return other != victim && !away && other.alive() && !p.Barred && slices.Contains(set.Members, p.Incarnation) && p.Incarnation != ""
		})
		if !kept {
			return false
		}
	}
	return true
}
