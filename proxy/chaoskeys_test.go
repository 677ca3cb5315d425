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
	switch v := c.m.lock(); {
	case v == "" || c.rand.IntN(10) < 5:
		c.note("destroy session %s", v)
		_ = c.m.admin.DestroySession(c.m.t.Context(), v)
	case c.rand.IntN(10) < 3:
		c.note("overwrite the lock's value")
		c.m.request(http.MethodPut, "/v1/kv/reseat/arena/lock", "vandalism")
	case c.rand.IntN(10) < 5:
		c.note("delete the lock")
		c.m.request(http.MethodDelete, "/v1/kv/reseat/arena/lock", "")
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
	if len(c.mends) > 0 || time.Since(c.quiet) < 5*time.Second || time.Since(c.mended) < 3*time.Second || !c.m.inSync().Known {
		return
	}
	c.note("wipe consul")
	c.m.consul.Wipe()
	c.quiet = time.Now().Add(10 * time.Second)
}

// lock is the session that holds the region's lock.
func (m *mesh) lock() string {
	body := m.request(http.MethodGet, "/v1/kv/reseat/arena/lock", "")
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
	set := c.m.inSync()
	if set.Known {
		return slices.ContainsFunc(c.m.servers, func(other *server) bool {
			p, _ := other.now().Position("arena", 0)
			deposed := p.Epoch > 0 && p.Epoch < c.epoch || p.Barred
			return other != s && other.alive() && !deposed && slices.Contains(set.Members, p.Incarnation)
		})
	}
	return c.holder(nil) // cold: an edge must keep it
}

// dispensable tells whether all that is durable survives the loss of an edge.
func (c *chaos) dispensable(e *edge) bool {
	return c.m.inSync().Known || c.holder(e)
}

// holder tells whether an edge, not counting one, keeps a snapshot of all that
// any sidecar counts as durable in the newest epoch.
func (c *chaos) holder(but *edge) bool {
	c.sample()
	epoch, commit := c.epoch, c.commit
	return slices.ContainsFunc(c.m.edges, func(e *edge) bool {
		snap := e.now().Newest("arena")
		return e != but && e.alive() && snap != nil && snap.Epoch == epoch && snap.Index >= commit
	})
}

// sample remembers the most that any sidecar has counted as durable in the newest
// epoch, also when it is gone.
func (c *chaos) sample() {
	for _, s := range c.m.servers {
		if p, _ := s.now().Position("arena", 0); p.Promised > c.epoch || p.Promised == c.epoch && p.Commit > c.commit {
			c.epoch, c.commit = p.Promised, p.Commit
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
