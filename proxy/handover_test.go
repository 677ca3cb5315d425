package proxy_test

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// When Consul's answer to a hand-over is lost the giver cannot tell the heir, who leads
// by Consul's news; when Consul refuses it the lock is freed instead, and the heir claims
// it. Nothing is suspect either way.
func TestHandOverGoesWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  devconsul.Fault
		claims uint64
	}{
		"nothing":            {0, 0},
		"the answer is lost": {devconsul.Empty, 0},
		"it is refused":      {devconsul.NoLeader, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inMesh(t, func(m *mesh) {
				p, incs, ann := m.planned()
				giver, epoch := m.primary(0)
				to := (slices.Index(m.servers, giver) + 1) % 3
				heir := m.servers[to]
				before := heir.now().Stats().Claims
				if tt.fault != 0 {
					giver.consul.Break(tt.fault, handsOver)
				}
				p.put(incs[to])
				ann.act(3)
				require.Greater(t, p.leads(incs[to]), epoch)
				require.Equal(t, tt.claims, heir.now().Stats().Claims-before)
				giver.consul.Heal()
				p.inSync(incs...)
				ann.act(2)
				ann.settle()
				require.Equal(t, "10", ann.last())
				require.Zero(t, ann.heard(&ann.lost))
				require.Zero(t, heir.now().Stats().Trials)
				require.Equal(t, uint64(1), giver.now().Stats().Yields)
			})
		})
	}
}

// The heir dies as soon as the lock is his, where no third server is: who gave it to him
// has everything, is still in the set, and leads again.
func TestHeirDies(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(2)
		p := m.planner()
		incs := p.servers(2)
		ann := m.join("ann")
		ann.act(5)
		ann.settle()
		p.inSync(incs...)
		giver, epoch := m.primary(0)
		to := 1 - slices.Index(m.servers, giver)
		p.put(incs[to])
		ann.act(3)
		p.until("hand-over", func(mesh discovery.Mesh) bool { return mesh.Regions["arena"].Epoch > epoch })
		m.servers[to].die(false)
		ann.act(2)
		ann.settle()
		again, _ := m.primary(epoch + 1)
		require.Equal(t, giver, again)
		require.Equal(t, "10", ann.last())
		require.Zero(t, ann.heard(&ann.lost))
	})
}

// handsOver tells whether a request is a transaction that passes a lock on.
func handsOver(r *http.Request) bool {
	if !strings.HasSuffix(r.URL.Path, "/txn") {
		return false
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil && bytes.Contains(body, []byte(`"unlock"`)) && bytes.Contains(body, []byte(`"lock"`))
}
