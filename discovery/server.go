package discovery

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strconv"

	consul "github.com/hashicorp/consul/api"
)

// Server is a game server with its sidecar, as registered in Consul.
type Server struct {
	// Incarnation is the random ID of this process life (see CheckName). It is
	// part of the service's ID, so a restarted process is another service.
	Incarnation string

	Name    string   // what people call it, at most 64 bytes
	Address string   // host:port of the sidecar's link
	Regions []string // that it may serve; sorted on read
	Zone    string   // where it runs; Zone and Host are for choosing backups, at most 64 bytes each
	Host    string

	// Pool: it takes any region that the controller gives it a seat in, besides its
	// Regions, of which it may have none then.
	Pool bool

	// Passing tells whether its check passes now. Filled on read.
	Passing bool
	// Fault is what its sidecar says of a check that does not pass, one word as
	// game_exit; empty: it says nothing. Filled on read.
	Fault string
	// Draining: it is to be emptied, by the word of Mesh.Draining. Filled on read.
	Draining bool
}

func (s Server) equal(o Server) bool {
	return s.Incarnation == o.Incarnation && s.Name == o.Name && s.Address == o.Address &&
		s.Zone == o.Zone && s.Host == o.Host && s.Pool == o.Pool && s.Passing == o.Passing && s.Fault == o.Fault &&
		s.Draining == o.Draining && slices.Equal(s.Regions, o.Regions)
}

func serviceID(incarnation string) string { return "reseat-" + incarnation }

// checkID is the ID of the check of a service.
func checkID(serviceID string) string { return "beat:" + serviceID }

// Meta keys of a service.
const (
	metaIncarnation = "reseat-incarnation"
	metaName        = "reseat-name"
	metaZone        = "reseat-zone"
	metaHost        = "reseat-host"
	metaPool        = "reseat-pool" // inPool or absent
	inPool          = "1"
)

// validate checks what Consul would refuse, or what could not be read back.
func (s Server) validate() error {
	if err := CheckName(s.Incarnation); err != nil {
		return fmt.Errorf("discovery: incarnation: %w", err)
	}
	if _, _, err := splitAddress(s.Address); err != nil {
		return err
	}
	if len(s.Regions) == 0 && !s.Pool {
		return fmt.Errorf("discovery: server %s has no regions and is not in the pool: give it regions, or set Pool", s.Incarnation)
	}
	for _, region := range s.Regions {
		if err := CheckName(region); err != nil {
			return fmt.Errorf("discovery: region: %w", err)
		}
	}
	for _, text := range []string{s.Name, s.Zone, s.Host} {
		if len(text) > maxName {
			return fmt.Errorf("discovery: %.16q... of server %s has more than %d bytes", text, s.Incarnation, maxName)
		}
	}
	return nil
}

func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || host == "" || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("discovery: link address %q is not host:port", address)
	}
	return host, port, nil
}

// service is the registration of s, as yet without its check.
func (c *Client) service(s Server) *consul.AgentServiceRegistration {
	host, port, _ := splitAddress(s.Address) // validated
	service := &consul.AgentServiceRegistration{
		ID:      serviceID(s.Incarnation),
		Name:    c.cfg.Service,
		Tags:    slices.Clone(s.Regions),
		Address: host,
		Port:    port,
		Meta: map[string]string{
			metaIncarnation: s.Incarnation, metaName: s.Name, metaZone: s.Zone, metaHost: s.Host,
		},
	}
	if s.Pool {
		service.Meta[metaPool] = inPool
	}
	return service
}

// readServers translates a health list, leaving out what is not ours: services
// of that name which somebody else registered.
func readServers(entries []*consul.ServiceEntry) []Server {
	var servers []Server
	for _, e := range entries {
		if e == nil || e.Service == nil {
			continue
		}
		s := Server{
			Incarnation: e.Service.Meta[metaIncarnation],
			Name:        e.Service.Meta[metaName],
			Address:     net.JoinHostPort(e.Service.Address, strconv.Itoa(e.Service.Port)),
			Regions:     slices.Sorted(slices.Values(e.Service.Tags)),
			Zone:        e.Service.Meta[metaZone],
			Host:        e.Service.Meta[metaHost],
			Pool:        e.Service.Meta[metaPool] == inPool,
		}
		s.Passing, s.Fault = health(e)
		if e.Service.ID == serviceID(s.Incarnation) && s.validate() == nil {
			servers = append(servers, s)
		}
	}
	slices.SortFunc(servers, func(a, b Server) int { return cmp.Compare(a.Incarnation, b.Incarnation) })
	return servers
}

// health looks at the service's own check alone: the node's serfHealth is gossip,
// and gossip is wrong at times. What Consul itself notes of a check that fails is
// no word.
func health(e *consul.ServiceEntry) (passing bool, fault string) {
	own := checkID(e.Service.ID)
	for _, check := range e.Checks {
		switch {
		case check == nil || check.CheckID != own:
		case check.Status == consul.HealthPassing:
			return true, ""
		case CheckName(check.Output) == nil:
			fault = check.Output
		}
	}
	return false, fault
}

// NewIncarnation returns the ID of a new process life: 64 random bits, so that no
// two lives share one.
func NewIncarnation() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
