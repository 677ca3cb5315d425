package proxy_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy"
)

// Many regions of one server fall at once: those of a higher score are taken first,
// as far as the bound on recoveries under way says, and all of them are taken.
func TestRankedRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var names []string
		for i := range 12 {
			names = append(names, fmt.Sprintf("region-%02d", i))
		}
		m := newMesh(t, func(cfg *proxy.Config) { cfg.Regions = append([]string{"arena"}, names...) })
		defer m.close()
		m.more = names
		m.serve(3)
		p := m.planner()
		incs := p.servers(3)
		for i, name := range names {
			p.seats[name].Score = uint64(1 + (7*i)%len(names)) // a permutation
			require.NoError(t, p.try(name, incs[0]))
		}
		p.until("one leads them all, the others are in sync", func(v discovery.Mesh) bool {
			return !slices.ContainsFunc(names, func(name string) bool {
				r := v.Regions[name]
				return r.Primary == nil || r.Primary.Incarnation != incs[0] || len(r.InSync) != 3
			})
		})
		for _, name := range names {
			require.NoError(t, p.try(name, ""))
		}
		before := p.last
		time.Sleep(500 * time.Millisecond) // virtual: everybody has seen it
		m.servers[0].down = time.Minute    // its game stays away
		m.servers[0].killGame()
		after := p.until("all are taken", func(v discovery.Mesh) bool {
			return !slices.ContainsFunc(names, func(name string) bool {
				r := v.Regions[name]
				return r.Primary == nil || r.Epoch <= before.Regions[name].Epoch
			})
		})
		order := slices.Clone(names)
		taken := map[string]uint64{}
		for _, name := range names {
			require.Equal(t, before.Regions[name].Epoch+1, after.Regions[name].Epoch, "%s was taken once", name)
			taken[name] = m.modified(name + "/epoch")
		}
		slices.SortFunc(order, func(a, b string) int { return cmp.Compare(taken[a], taken[b]) })
		for i, name := range order {
			later := 0
			for _, other := range order[i+1:] {
				if p.seats[other].Score > p.seats[name].Score {
					later++
				}
			}
			require.Less(t, later, failover.DefaultTiming().Recoveries, "%s overtook %d of a higher score: %v", name, later, order)
		}
	})
}

// modified is the index of the last write to a key below the prefix.
func (m *mesh) modified(key string) uint64 {
	m.t.Helper()
	var pairs []struct{ ModifyIndex uint64 }
	require.NoError(m.t, json.Unmarshal([]byte(m.request(http.MethodGet, "/v1/kv/reseat/"+key, "")), &pairs))
	require.Len(m.t, pairs, 1)
	return pairs[0].ModifyIndex
}
