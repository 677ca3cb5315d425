package discovery

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"

	consul "github.com/hashicorp/consul/api"
)

// metaAdmin is a meta key of an edge's service.
const metaAdmin = "reseat-admin"

// maxURL is the longest value of a service's meta.
const maxURL = 512

// edgeService is the name that edges are registered under.
func (c *Client) edgeService() string { return c.cfg.Service + "-edge" }

// edgeID has a colon, which no server's has.
func edgeID(incarnation string) string { return "reseat-edge:" + incarnation }

// RegisterEdge puts an edge into Consul as Register does a server: a service, its
// check, and a session that falls with the check. With that session it may lead
// the mesh. Everything that is said about Register and Registration holds.
func (c *Client) RegisterEdge(ctx context.Context, e EdgeServer) (*Registration, error) {
	if err := e.validate(); err != nil {
		return nil, err
	}
	host, port, _ := splitAddress(e.Address) // validated
	return c.register(ctx, e.Incarnation, &consul.AgentServiceRegistration{
		ID: edgeID(e.Incarnation), Name: c.edgeService(), Tags: slices.Clone(e.Regions), Address: host, Port: port,
		Meta: map[string]string{metaIncarnation: e.Incarnation, metaName: e.Name, metaAdmin: e.Admin},
	})
}

// Edges lists the edges that are registered, sorted by incarnation.
func (c *Client) Edges(ctx context.Context) ([]EdgeServer, error) {
	o := op{"list edges", healthRight(c.edgeService())}
	var edges []EdgeServer
	var meta *consul.QueryMeta
	err := c.call(ctx, o, func(ctx context.Context) error {
		entries, m, err := c.calls.Health().Service(c.edgeService(), "", false, (&consul.QueryOptions{}).WithContext(ctx))
		edges, meta = readEdges(entries), m
		return cmp.Or(err, complete(entries))
	})
	if err != nil {
		return nil, err
	}
	return edges, c.hidden(o, meta, len(edges) == 0)
}

// readEdges translates a health list, leaving out what is not ours.
func readEdges(entries []*consul.ServiceEntry) []EdgeServer {
	var edges []EdgeServer
	for _, e := range entries {
		if e == nil || e.Service == nil {
			continue
		}
		edge := EdgeServer{
			Incarnation: e.Service.Meta[metaIncarnation],
			Name:        e.Service.Meta[metaName],
			Address:     net.JoinHostPort(e.Service.Address, strconv.Itoa(e.Service.Port)),
			Admin:       e.Service.Meta[metaAdmin],
			Regions:     slices.Sorted(slices.Values(e.Service.Tags)),
		}
		edge.Passing, _ = health(e)
		if e.Service.ID == edgeID(edge.Incarnation) && edge.validate() == nil {
			edges = append(edges, edge)
		}
	}
	slices.SortFunc(edges, func(a, b EdgeServer) int { return cmp.Compare(a.Incarnation, b.Incarnation) })
	return edges
}

// validate checks what Consul would refuse, or what could not be read back.
func (e EdgeServer) validate() error {
	if err := CheckName(e.Incarnation); err != nil {
		return fmt.Errorf("discovery: incarnation: %w", err)
	}
	if _, _, err := splitAddress(e.Address); err != nil {
		return err
	}
	for _, region := range e.Regions {
		if err := CheckName(region); err != nil {
			return fmt.Errorf("discovery: region: %w", err)
		}
	}
	return checkEdge(e.Name, e.Admin)
}

// checkEdge checks what a person wrote into an edge's settings.
func checkEdge(name, admin string) error {
	if len(name) > maxName {
		return fmt.Errorf("discovery: edge name %.16q... has more than %d bytes", name, maxName)
	}
	if admin == "" {
		return nil
	}
	u, err := url.Parse(admin)
	if err != nil || len(admin) > maxURL || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("discovery: admin address %.80q is not a URL of at most %d bytes with http:// or https://", admin, maxURL)
	}
	return nil
}
