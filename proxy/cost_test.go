package proxy_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	village "github.com/reseat-proxy/reseat/bench/world"
	"github.com/reseat-proxy/reseat/proxy/game"
)

// mostCost is what a backup may cost at most, as a share of what the edge sends to
// the primary: a record is an action with the place that it has in the log.
const mostCost = 1.5

// What replication costs in bytes on the network, at a hundred players with ten
// actions a second and a region of 256 KiB; -v shows it. UDP payloads are counted,
// with all that QUIC adds to them, in virtual time: the figures hardly vary.
func TestReplicationCost(t *testing.T) {
	for _, servers := range []int{1, 2, 3} {
		inMesh(t, func(m *mesh) {
			m.world = func(*server) game.World { return village.New(village.Ballast(256)) }
			m.serve(servers)
			bots := make([]*bot, 100)
			for i := range bots {
				bots[i] = m.join(fmt.Sprintf("bot-%03d", i+1))
			}
			time.Sleep(3 * time.Second) // virtual: until backups are in sync
			primary, _ := m.primary(0)
			sent := map[[2]string]int{}
			m.net.count(func(from, to string, n int) { sent[[2]string{from, to}] += n }) // one at a time, under the network's lock
			const seconds = 5
			var g sync.WaitGroup
			for i, b := range bots {
				g.Go(func() {
					time.Sleep(time.Duration(i) * time.Millisecond) // virtual
					for n := range 10 * seconds {
						c := village.Command{Kind: village.Move, N: uint64(n + 1), DX: 1}
						_, err := b.Act(t.Context(), c.Append(nil))
						require.NoError(t, err)
						time.Sleep(100 * time.Millisecond) // virtual
					}
				})
			}
			g.Wait()
			m.net.count(nil)
			total, actions := 0, sent[[2]string{m.edges[0].host.ip, primary.host.ip}]
			for _, n := range sent {
				total += n
			}
			out, back := 0, 0
			for _, s := range m.servers {
				if s != primary {
					out += sent[[2]string{primary.host.ip, s.host.ip}]
					back += sent[[2]string{s.host.ip, primary.host.ip}]
				}
			}
			require.Positive(t, actions)
			require.LessOrEqual(t, float64(out), mostCost*float64(servers-1)*float64(actions), "bytes from the primary to its backups")
			t.Logf("%d backups: edge to primary %d B/s; primary to backups %d B/s (%.0f %%), back %d B/s; %.1f %% of all traffic, %d B/s",
				servers-1, actions/seconds, out/seconds, 100*float64(out)/float64(actions), back/seconds,
				100*float64(out+back)/float64(total), total/seconds)
		})
	}
}
