package proxy_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

var (
	normal   = discovery.MeshState{Level: "normal", Fidelity: 1}
	moderate = discovery.MeshState{Level: "moderate", Fidelity: 0.5}
	severe   = discovery.MeshState{Level: "severe", Fidelity: 0.25, RetryAfter: 30_000}
)

// setLevel is what the controller publishes, seen by everybody at once.
func (m *mesh) setLevel(state discovery.MeshState) {
	for _, e := range m.edges {
		e.now().SetLevel(state)
	}
	for _, s := range m.servers {
		s.now().SetLevel(state)
	}
	time.Sleep(50 * time.Millisecond) // virtual: those who are told hear of it
}

// vary sets levels at random until ctx ends, on each process another one, as it is
// when some have not heard yet, and leaves all at the worst: whoever has to come back
// then must be let in.
func (m *mesh) vary(ctx context.Context, dice *rand.Rand) {
	states := []discovery.MeshState{{}, normal, moderate, severe, {Level: "severe"}, {Level: "awful"}}
	for ctx.Err() == nil {
		for _, e := range m.edges {
			e.now().SetLevel(states[dice.IntN(len(states))])
		}
		for _, s := range m.servers {
			s.now().SetLevel(states[dice.IntN(len(states))])
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(dice.Int64N(int64(2 * time.Second)))):
		}
	}
	m.setLevel(severe)
}

// square is a world that shows each action to everybody, in both ways, and to its
// player once more.
type square struct {
	ledger
	told chan string // the levels that it hears of
}

func (q *square) Apply(out *game.Out, a game.Action) {
	out.Broadcast(a.Payload)
	out.BroadcastUnreliable(a.Payload)
	out.SendUnreliable(a.Player, []byte("0"))
}

func (q *square) Level(_ *game.Out, level wire.Level, fidelity float64) {
	q.told <- fmt.Sprint(level, " ", fidelity)
}

// spectator is a player who writes down what he gets of a square.
type spectator struct {
	*player.Client
	mesh *mesh

	mu     sync.Mutex
	surely []int    // reliable updates
	maybe  []int    // unreliable ones that are for all
	mine   int      // those for him alone
	levels []string // what he was told of the mesh
}

func (m *mesh) watchSquare(name string, edges ...string) *spectator {
	w := &spectator{mesh: m}
	var err error
	w.Client, err = m.tryJoin(name, player.Handler{Update: w.update, Level: func(level wire.Level, fidelity float64) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.levels = append(w.levels, fmt.Sprint(level, " ", fidelity))
	}}, edges...)
	require.NoError(m.t, err)
	m.closers = append(m.closers, func() { _ = w.Close() })
	return w
}

// tryJoin dials edges, or the first one.
func (m *mesh) tryJoin(name string, h player.Handler, edges ...string) (*player.Client, error) {
	if len(edges) == 0 {
		edges = []string{m.addr}
	}
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	defer cancel()
	return player.Dial(ctx, player.Config{
		Edges: edges, Region: "arena", Player: name, TLS: m.tls, Log: m.log, Transport: m.transport(), Handler: h,
	})
}

func (w *spectator) update(p []byte, reliable bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, _ := strconv.Atoi(string(p))
	switch {
	case reliable:
		w.surely = append(w.surely, n)
	case n == 0:
		w.mine++
	default:
		w.maybe = append(w.maybe, n)
	}
}

// dance acts so many times, slowly enough for every datagram to arrive.
func (w *spectator) dance(times int) {
	for range times {
		seq, err := w.Act(w.mesh.t.Context(), fmt.Append(nil, w.Durable()+1))
		require.NoError(w.mesh.t, err)
		w.mesh.eventually("durable", func() bool { return w.Durable() == seq })
		time.Sleep(10 * time.Millisecond) // virtual
	}
}

// seen is what came since the last call.
func (w *spectator) seen() (surely, maybe []int, mine int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	surely, maybe, mine = w.surely, w.maybe, w.mine
	w.surely, w.maybe, w.mine = nil, nil, 0
	return surely, maybe, mine
}

func (w *spectator) heard() []string {
	time.Sleep(100 * time.Millisecond) // virtual: it comes with the next sweep
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.levels)
}

// squares makes the games of a mesh squares, which tell of levels on a channel.
func (m *mesh) squares() (told chan string) {
	told = make(chan string, 100)
	m.world = func(*server) game.World { return &square{ledger{counts: map[string]uint64{}}, told} }
	return told
}

// Of what may be lost each player gets exactly his share, at even distances; of what
// may not, everything. In a critical region, and when all is well again, nothing is
// left out.
func TestThinning(t *testing.T) {
	const dances = 40
	for _, critical := range []bool{false, true} {
		t.Run(fmt.Sprintf("critical=%v", critical), func(t *testing.T) {
			inMesh(t, func(m *mesh) {
				m.squares()
				m.serve(2)
				m.guarded(2)
				ann, bob, cid := m.watchSquare("ann"), m.watchSquare("bob"), m.watchSquare("cid")
				left := uint64(0)
				for _, fidelity := range []float64{1, 0.75, 0.5, 0.25, 0, 1} {
					m.setLevel(discovery.MeshState{Level: "light", Fidelity: fidelity})
					if critical {
						fidelity = 1
					}
					ann.dance(dances)
					want := int(dances * fidelity)
					for _, w := range []*spectator{bob, cid} {
						surely, maybe, mine := w.seen()
						require.Len(t, surely, dances, "nothing reliable is left out")
						require.Len(t, maybe, want, "fidelity %v", fidelity)
						require.Zero(t, mine)
						for i := 1; i < len(maybe) && fidelity < 1; i++ {
							require.InDelta(t, 1/fidelity, maybe[i]-maybe[i-1], 0.999, "even distances")
						}
					}
					surely, maybe, mine := ann.seen()
					require.Len(t, surely, dances)
					require.Equal(t, 2*want, len(maybe)+mine, "his share is of all that is for him")
					left += uint64(4 * (dances - want))
					require.Equal(t, left, m.edge.Stats().Thinned["arena"])
				}
			}, func(cfg *proxy.Config) {
				if critical {
					cfg.Critical = []string{"arena"}
				}
			})
		})
	}
}

// Whoever is there hears of each change, once; who comes later, and where a game is
// started later, of how it is then.
func TestEverybodyHearsOfTheLevel(t *testing.T) {
	inMesh(t, func(m *mesh) {
		told := m.squares()
		m.addEdge()
		m.serve(1)
		ann := m.watchSquare("ann")
		ann.dance(1)
		require.Empty(t, ann.heard())
		m.setLevel(normal) // no news
		m.setLevel(moderate)
		m.setLevel(moderate)
		bob := m.watchSquare("bob", m.edges[1].addr, m.addr)
		require.Equal(t, []string{"moderate 0.5"}, ann.heard())
		require.Equal(t, []string{"moderate 0.5"}, bob.heard())
		require.Equal(t, "moderate 0.5", <-told)

		s, epoch := m.primary(0)
		s.killGame()
		m.primary(epoch)
		require.Equal(t, "moderate 0.5", <-told, "the next game is told, too")
		m.edges[1].now().SetLevel(severe)
		bob.dance(1)
		require.Equal(t, []string{"moderate 0.5", "severe 0.25"}, bob.heard())
		m.edges[1].die(true)
		m.eventually("resumed", func() bool { return bob.Resumes() == 1 })
		bob.dance(1)
		require.Equal(t, []string{"moderate 0.5", "severe 0.25", "moderate 0.5"}, bob.heard(), "by another edge")

		m.edges[0].now().SetLevel(discovery.MeshState{}) // nothing is published any more
		s.now().SetLevel(discovery.MeshState{})
		ann.dance(1)
		require.Equal(t, []string{"moderate 0.5", "normal 1"}, ann.heard())
		require.Equal(t, "normal 1", <-told)
		require.Empty(t, told)
	})
}

// In a critical region players are told of the level, and that they miss nothing.
func TestLevelInACriticalRegion(t *testing.T) {
	inMesh(t, func(m *mesh) {
		told := m.squares()
		m.serve(1)
		ann := m.watchSquare("ann")
		m.setLevel(severe)
		require.Equal(t, []string{"severe 1"}, ann.heard())
		require.Equal(t, "severe 0.25", <-told, "what is critical the edges know")
	}, func(cfg *proxy.Config) { cfg.Critical = []string{"arena"} })
}
