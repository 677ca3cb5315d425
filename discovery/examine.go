package discovery

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	consul "github.com/hashicorp/consul/api"
)

// Examination is what a Consul agent says of itself to anybody.
type Examination struct {
	Version string // empty: it does not say
	Leader  string // of the servers; empty: there is none now
	Policy  string // what is not in a token's policy: deny or allow; empty: it does not say

	// Ahead is how far its clock is ahead of ours; Within is how wrong that may be.
	Ahead  time.Duration
	Within time.Duration
}

// Examine asks the agent for its version, its leader and the time. It needs no
// right, so an error is about the network or about Consul.
func (c *Client) Examine(ctx context.Context) (Examination, error) {
	var e Examination
	began := time.Now()
	head, err := c.fetch(ctx, op{name: "ask for the leader"}, http.MethodGet, "/v1/status/leader", nil, &e.Leader)
	if err != nil {
		return e, err
	}
	took := time.Since(began)
	e.Policy = head.Get("X-Consul-Default-Acl-Policy")
	if date, err := http.ParseTime(head.Get("Date")); err == nil {
		// The second that the header names began at date; we asked half of took before.
		e.Ahead = date.Add(time.Second / 2).Sub(began.Add(took / 2))
		e.Within = time.Second/2 + took/2
	}
	var version struct{ HumanVersion string }
	if _, err := c.fetch(ctx, op{name: "ask for the version"}, http.MethodGet, "/v1/agent/version", nil, &version); err == nil {
		e.Version = version.HumanVersion
	}
	return e, nil
}

// Right is something that a process needs to be allowed to do.
type Right struct {
	Resource string // key, service, session, node
	Name     string // of one that stands for all that are meant
	Access   string // read, write
	Rule     string // to add to the token's policy
	Without  string // what does not work without it
}

// anyNode stands for a node that is not known yet.
const anyNode = "reseat-doctor-any-node"

// EdgeRights are what an edge needs, besides a session on its own node.
func (c *Client) EdgeRights() []Right {
	return append([]Right{
		{
			"key", c.cfg.Prefix + "/arena/lock", "read", keyRight(c.cfg.Prefix+"/", "read"),
			"it knows no primary, and holds all actions until it gives up",
		},
		{
			"key", c.meshKey(controllerKey), "write", keyRight(c.meshFolder(), "write"),
			"it cannot be the controller, nor drain a server",
		},
		{
			"service", c.cfg.Service, "read", rule("service", c.cfg.Service, "read"),
			"it sees no game server, and Consul reports no error",
		},
		{
			"service", c.edgeService(), "write", rule("service", c.edgeService(), "write"),
			"it cannot register, and never is the controller",
		},
	}, seeNodes(nil)...)
}

// SidecarRights are what a sidecar for these regions needs, where nodes are those
// of all game servers.
func (c *Client) SidecarRights(regions, nodes []string) []Right {
	rights := make([]Right, 0, 3+len(regions)+2*(1+len(nodes)))
	rights = append(rights, []Right{
		{
			"service", c.cfg.Service, "write", rule("service", c.cfg.Service, "write"),
			"it cannot register, and nobody finds it",
		},
		{
			"key", c.meshKey(stateKey), "read", keyRight(c.meshFolder(), "read"),
			"it does not see its seats nor the degraded level, and Consul reports no error",
		},
		{
			"key", c.meshKey(drainDir + "doctor"), "write", keyRight(c.meshKey(drainDir), "write"),
			"its stop is not known to be planned",
		},
	}...)
	for _, region := range regions {
		rights = append(rights, Right{
			"key", regionKeys(c.cfg.Prefix, region).lock, "write", keyRight(c.cfg.Prefix+"/", "write"),
			"it cannot take " + region + " over",
		})
	}
	for _, node := range append([]string{anyNode}, nodes...) {
		rights = append(rights, Right{
			"session", node, "write", rule("session_prefix", "", "write"),
			"it cannot end the session of a dead primary on another machine, which then takes until its check expires",
		})
	}
	return append(rights, seeNodes(nodes)...)
}

// rule is one of a policy.
func rule(resource, name, access string) string {
	return fmt.Sprintf("%s %q { policy = %q }", resource, name, access)
}

// seeNodes is the right whose lack nobody notices.
func seeNodes(nodes []string) (rights []Right) {
	for _, node := range append([]string{anyNode}, nodes...) {
		rights = append(rights, Right{
			"node", node, "read", rule("node_prefix", "", "read"),
			"Consul leaves the servers of such nodes out of its answers, and reports no error",
		})
	}
	return rights
}

// ErrUntold means that the agent does not tell what a token may do.
var ErrUntold = errors.New("discovery: consul does not tell what the token may do")

// Missing asks which of the rights the token lacks. Without access control there are
// none. ErrUntold if the agent cannot say; ErrAccess if it does not know the token.
func (c *Client) Missing(ctx context.Context, rights []Right) ([]Right, error) {
	type question struct{ Resource, Segment, Access string }
	asked := make([]question, len(rights))
	for i, r := range rights {
		asked[i] = question{r.Resource, r.Name, r.Access}
	}
	var answers []struct{ Allow bool }
	o := op{name: "ask what the token may do", right: "to be one that Consul knows"}
	_, err := c.fetch(ctx, o, http.MethodPost, "/v1/internal/acl/authorize", asked, &answers)
	var status consul.StatusError
	switch {
	case errors.As(err, &status) && status.Code == http.StatusUnauthorized && strings.Contains(status.Body, "ACL support disabled"):
		return nil, nil
	case errors.As(err, &status) && (status.Code == http.StatusNotFound || status.Code == http.StatusMethodNotAllowed):
		return nil, ErrUntold
	case err != nil:
		return nil, err
	case len(answers) != len(rights):
		return nil, ErrUntold
	}
	var missing []Right
	for i, r := range rights {
		if !answers[i].Allow {
			missing = append(missing, r)
		}
	}
	return missing, nil
}

// TrySession makes a session on the agent's own node and ends it: which node that is
// a token need not be allowed to know.
func (c *Client) TrySession(ctx context.Context) error {
	request := sessionRequest{Name: "reseat doctor", TTL: minSessionTTL.String(), LockDelay: "0s", Behavior: consul.SessionBehaviorRelease, NodeChecks: []string{}}
	var answer struct{ ID string }
	o := op{"create session", sessionRight}
	if _, err := c.fetch(ctx, o, http.MethodPut, "/v1/session/create", request, &answer); err != nil {
		return err
	}
	return c.DestroySession(ctx, answer.ID)
}

// Nodes are those that game servers are registered at, sorted.
func (c *Client) Nodes(ctx context.Context) ([]string, error) {
	o := op{"list servers", healthRight(c.cfg.Service)}
	var nodes []string
	err := c.call(ctx, o, func(ctx context.Context) error {
		entries, _, err := c.calls.Health().Service(c.cfg.Service, "", false, (&consul.QueryOptions{}).WithContext(ctx))
		for _, e := range entries {
			if e != nil && e.Node != nil {
				nodes = append(nodes, e.Node.Node)
			}
		}
		return err
	})
	slices.Sort(nodes)
	return slices.Compact(nodes), err
}

// direct is what calls are made with that consul/api does not know.
type direct struct {
	base  string // URL
	token string
	http  *http.Client
}

// fetch makes such a call. In and out are JSON.
func (c *Client) fetch(ctx context.Context, o op, method, path string, in, out any) (http.Header, error) {
	var head http.Header
	err := c.call(ctx, o, func(ctx context.Context) error {
		var body bytes.Buffer
		if in != nil {
			if err := json.NewEncoder(&body).Encode(in); err != nil {
				return err
			}
		}
		req, err := http.NewRequestWithContext(ctx, method, c.direct.base+path, &body)
		if err != nil {
			return err
		}
		if c.direct.token != "" {
			req.Header.Set("X-Consul-Token", c.direct.token)
		}
		res, err := c.direct.http.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		head = res.Header
		if res.StatusCode != http.StatusOK {
			var text bytes.Buffer
			_, _ = text.ReadFrom(res.Body)
			return consul.StatusError{Code: res.StatusCode, Body: text.String()}
		}
		return json.NewDecoder(res.Body).Decode(out)
	})
	return head, err
}

// baseOf is the URL that consul/api would use.
func baseOf(settings consul.Config) string {
	if strings.Contains(settings.Address, "://") {
		return settings.Address
	}
	return cmp.Or(settings.Scheme, "http") + "://" + settings.Address
}
