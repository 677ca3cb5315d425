package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// leastConsul is the oldest Consul that the tests run with, and the first without
// known holes.
const leastConsul = "1.22.5"

// skewNoted is how far clocks may be apart: times in Consul are for people, but
// certificates are not.
const skewNoted = 2 * time.Second

// consul checks Consul from the network up to the rights of the token.
func (p Patient) consul(ctx context.Context, r *report) {
	var address, policy string
	if p.Edge != nil {
		address, policy = p.Edge.Consul.Address, "deploy/consul-policies/edge.hcl"
	} else {
		address, policy = p.Sidecar.Consul.Address, "deploy/consul-policies/sidecar.hcl"
	}
	e, err := p.Consul.Examine(ctx)
	switch {
	case err != nil:
		r.fail("consul", "start a Consul agent there, or correct consul.address and consul.ca_file", "%s does not answer: %v", address, err)
		return
	case e.Leader == "":
		r.fail("consul", "look at the Consul servers: consul operator raft list-peers", "%s has no leader", address)
	case e.Version == "":
		r.warn("consul", "use Consul "+leastConsul+" or newer", "%s answers, but does not say its version: it stands in for Consul", address)
	case older(e.Version, leastConsul):
		r.warn("consul", "upgrade to "+leastConsul+" or newer", "%s is Consul %s, which is older than what is tested, and has known holes", address, e.Version)
	default:
		r.ok("consul", "%s is Consul %s, leader %s", address, e.Version, e.Leader)
	}
	p.clock(e, r)
	p.rights(ctx, e, policy, r)
}

func (p Patient) clock(e discovery.Examination, r *report) {
	if off := e.Ahead.Abs() - e.Within; off > skewNoted {
		r.warn("clock", "run a time service (chrony, systemd-timesyncd) on both machines",
			"Consul's clock and this one are %v apart: leases do not depend on that, certificates and the times in logs do", e.Ahead.Round(time.Second).Abs())
		return
	}
	r.ok("clock", "within %v of Consul's", (e.Ahead.Abs() + e.Within).Round(time.Millisecond))
}

// older compares versions by their first three numbers.
func older(a, b string) bool {
	numbers := func(v string) (out [3]int) {
		v, _, _ = strings.Cut(strings.TrimPrefix(v, "v"), "+")
		for i, part := range strings.SplitN(v, ".", 3) {
			part, _, _ = strings.Cut(part, "-")
			out[i], _ = strconv.Atoi(part)
		}
		return out
	}
	x, y := numbers(a), numbers(b)
	for i := range x {
		if x[i] != y[i] {
			return x[i] < y[i]
		}
	}
	return false
}

// rights checks each right of the token, also those whose lack Consul answers with
// less instead of an error.
func (p Patient) rights(ctx context.Context, e discovery.Examination, policy string, r *report) {
	var wanted []discovery.Right
	if p.Edge != nil {
		wanted = p.Consul.EdgeRights()
	} else {
		nodes, err := p.Consul.Nodes(ctx)
		if err != nil {
			nodes = nil // what is missing is told below
		}
		wanted = p.Consul.SidecarRights(p.Sidecar.Regions, nodes)
	}
	missing, err := p.Consul.Missing(ctx, wanted)
	failed := false
	switch {
	case errors.Is(err, discovery.ErrUntold):
		r.warn("consul rights", "compare the token's policy with "+policy, "Consul does not tell what the token may do")
		failed = true
	case err != nil:
		r.fail("consul rights", "give consul.token_file a token with "+policy, "%v", err)
		return
	}
	told := map[string]bool{}
	for _, right := range missing {
		if !told[right.Rule+right.Without] {
			told[right.Rule+right.Without], failed = true, true
			r.fail("consul rights", "add it to the token's policy, see "+policy, "the token lacks %s: %s", right.Rule, right.Without)
		}
	}
	if err := p.Consul.TrySession(ctx); err != nil {
		failed = true
		r.fail("consul rights", "let it write the sessions of the agent's node, see "+policy, "no session can be made: %v", err)
	}
	switch {
	case failed:
	case e.Policy == "allow":
		r.warn("consul rights", "turn access control on (acl.default_policy = deny) and use the policies in deploy/consul-policies", "everybody who reaches Consul may do everything")
	default:
		r.ok("consul rights", "%s", plural(len(wanted)+1, "right")+", those without which Consul answers less in silence included")
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
