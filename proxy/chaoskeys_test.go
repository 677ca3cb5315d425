package proxy_test

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// keys harms what Consul knows.
func (c *chaos) keys() {
	region := c.region()
	switch v := c.m.lock(region); {
	case v == "" || c.rand.IntN(10) < 5:
		c.note("destroy session %s", v)
		_ = c.m.admin.DestroySession(c.m.t.Context(), v)
	case c.rand.IntN(10) < 3:
		c.note("overwrite the lock's value")
		c.m.request(http.MethodPut, "/v1/kv/reseat/"+region+"/lock", "vandalism")
	case c.rand.IntN(10) < 5:
		c.note("delete the lock")
		c.m.request(http.MethodDelete, "/v1/kv/reseat/"+region+"/lock", "")
	case c.rand.IntN(2) == 0:
		c.note("restart consul")
		c.m.consul.Restart()
	default:
		c.wipe()
	}
}

// wipe takes Consul's memory away, when all is well: with the set it forgets who
// may take over, so this is promised for one fault at a time, and when everybody
// has had time to hear of the last epoch.
func (c *chaos) wipe() {
	if len(c.mends) > 0 || time.Since(c.quiet) < 5*time.Second || time.Since(c.mended) < 3*time.Second || !c.m.warm() {
		return
	}
	c.note("wipe consul")
	c.m.consul.Wipe()
	c.quiet = time.Now().Add(10 * time.Second)
}

// lock is the session that holds a region's lock.
func (m *mesh) lock(region string) string {
	body := m.request(http.MethodGet, "/v1/kv/reseat/"+region+"/lock", "")
	_, rest, ok := strings.Cut(body, `"Session":"`)
	if !ok {
		return ""
	}
	session, _, _ := strings.Cut(rest, `"`)
	return session
}

// request asks Consul as an administrator does.
func (m *mesh) request(method, path, body string) string {
	req, err := http.NewRequestWithContext(m.t.Context(), method, "http://consul"+path, strings.NewReader(body))
	require.NoError(m.t, err)
	res, err := devconsul.Transport(m.consul).RoundTrip(req)
	require.NoError(m.t, err)
	defer res.Body.Close()
	text := make([]byte, 64<<10)
	n, _ := res.Body.Read(text)
	return string(text[:n])
}

// expendable tells whether all that is durable survives the loss of a server. One
// that has been deposed, and may not have heard of it, does not count: it will
// give up what it has.
func (c *chaos) expendable(s *server) bool {
	c.sample()
	return !slices.ContainsFunc(c.m.regions(), func(region string) bool { return !c.survives(region, s) })
}

func (c *chaos) survives(region string, s *server) bool {
	set := c.m.inSyncOf(region)
	if set.Known {
		return slices.ContainsFunc(c.m.servers, func(other *server) bool {
			p, _ := other.now().Position(region, 0)
			deposed := p.Epoch > 0 && p.Epoch < c.most[region].epoch || p.Barred
			return other != s && other.alive() && !deposed && slices.Contains(set.Members, p.Incarnation)
		})
	}
	return c.holder(region, nil) // cold: an edge must keep it
}

// dispensable tells whether all that is durable survives the loss of an edge.
func (c *chaos) dispensable(e *edge) bool {
	return !slices.ContainsFunc(c.m.regions(), func(region string) bool {
		return !c.m.inSyncOf(region).Known && !c.holder(region, e)
	})
}

// warm tells whether backups hold what is durable in all regions.
func (m *mesh) warm() bool {
	return !slices.ContainsFunc(m.regions(), func(region string) bool { return !m.inSyncOf(region).Known })
}

// holder tells whether an edge, not counting one, keeps a snapshot of all that
// any sidecar counts as durable in the newest epoch of a region.
func (c *chaos) holder(region string, but *edge) bool {
	c.sample()
	most := c.most[region]
	return slices.ContainsFunc(c.m.edges, func(e *edge) bool {
		snap := e.now().Newest(region)
		return e != but && e.alive() && snap != nil && snap.Epoch == most.epoch && snap.Index >= most.commit
	})
}

// mark is how far a region has come.
type mark struct{ epoch, commit uint64 }

// sample remembers the most that any sidecar has counted as durable in the newest
// epoch of each region, also when it is gone.
func (c *chaos) sample() {
	if c.most == nil {
		c.most = map[string]mark{}
	}
	for _, region := range c.m.regions() {
		for _, s := range c.m.servers {
			p, _ := s.now().Position(region, 0)
			if most := c.most[region]; p.Promised > most.epoch || p.Promised == most.epoch && p.Commit > most.commit {
				c.most[region] = mark{p.Promised, p.Commit}
			}
		}
	}
}

// alive tells whether the process runs.
func (p *machine) alive() bool {
	select {
	case <-p.gone:
		return false
	default:
		return !p.dying
	}
}
