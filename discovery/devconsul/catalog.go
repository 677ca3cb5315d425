package devconsul

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Status of a check.
const (
	passing  = "passing"
	warning  = "warning"
	critical = "critical"
)

// Reaping of services whose check stays critical: Consul looks every 30 s.
const (
	minReap  = time.Minute
	reapTick = 30 * time.Second
)

// definition of a service, as the agent is told.
type definition struct {
	ID      string
	Name    string
	Tags    []string
	Address string
	Port    int
	Meta    map[string]string
	Check   *checkDefinition
	Checks  []*checkDefinition
}

type checkDefinition struct {
	CheckID, Name, TTL, Status     string
	DeregisterCriticalServiceAfter string
}

// service is what the agent knows, and with each check what the catalog knows.
type service struct {
	definition
	synced      bool // the catalog knows of it
	checks      []*check
	createIndex uint64
	modifyIndex uint64
}

// check is a TTL check.
type check struct {
	id, name string
	service  *service
	ttl      time.Duration
	reap     time.Duration // 0: never

	status, output string // at the agent
	known          checkShown
	expiry, reaper *time.Timer
}

// checkShown is a check in the catalog, as Consul shows it.
type checkShown struct {
	Node, CheckID, Name, Status, Notes, Output string
	ServiceID, ServiceName                     string
	ServiceTags                                []string
	Type                                       string
	CreateIndex, ModifyIndex                   uint64
}

func registerService(s *store, _ http.ResponseWriter, r request) (any, error) {
	var d definition
	if err := r.decode(&d, "Request decode failed: "); err != nil {
		return nil, err
	}
	if d.Name == "" {
		return nil, failure{http.StatusBadRequest, "Missing service name"}
	}
	if d.ID == "" {
		d.ID = d.Name
	}
	n := &service{definition: d}
	for i, c := range append(d.Checks, d.Check) {
		if c == nil {
			continue
		}
		made, err := newCheck(n, *c, i)
		if err != nil {
			return nil, err
		}
		n.checks = append(n.checks, made)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addService(n)
	return nil, nil
}

func newCheck(n *service, d checkDefinition, i int) (*check, error) {
	c := &check{id: d.CheckID, name: d.Name, service: n, status: critical}
	if c.id == "" {
		c.id = fmt.Sprintf("service:%s:%d", n.ID, i+1)
	}
	if c.name == "" {
		c.name = fmt.Sprintf("Service '%s' check", n.Name)
	}
	switch d.Status {
	case "":
	case passing, warning, critical:
		c.status = d.Status
	default:
		return nil, failure{http.StatusBadRequest, "Status for checks must 'passing', 'warning', 'critical'"}
	}
	var err error
	if c.ttl, err = time.ParseDuration(d.TTL); err != nil || c.ttl <= 0 {
		return nil, failure{http.StatusBadRequest, "Invalid check: devconsul knows TTL checks only"}
	}
	if d.DeregisterCriticalServiceAfter != "" {
		if c.reap, err = time.ParseDuration(d.DeregisterCriticalServiceAfter); err != nil {
			return nil, failure{http.StatusBadRequest, "Request decode failed: " + err.Error()}
		}
		c.reap = max(c.reap, minReap)
	}
	return c, nil
}

// addService replaces the service of that ID. A check that was there already
// keeps its status, and what the catalog knows of it.
func (s *store) addService(n *service) {
	if old := s.services[n.ID]; old != nil {
		n.synced, n.createIndex, n.modifyIndex = old.synced, old.createIndex, old.modifyIndex
		for _, c := range old.checks {
			s.drop(c.expiry)
			s.drop(c.reaper)
		}
		for _, c := range n.checks {
			if i := slices.IndexFunc(old.checks, func(o *check) bool { return o.id == c.id }); i >= 0 {
				c.status, c.output, c.known = old.checks[i].status, old.checks[i].output, old.checks[i].known
			}
		}
	}
	s.services[n.ID] = n
	for _, c := range n.checks {
		s.restart(c)
	}
	s.sync(func() {
		if s.services[n.ID] == n {
			s.syncService(n)
		}
	})
}

// sync runs fn when the agent's news have reached the catalog.
func (s *store) sync(fn func()) {
	if s.opts.SyncDelay <= 0 {
		fn()
		return
	}
	s.after(s.opts.SyncDelay, fn)
}

// syncService tells the catalog of a service and its checks.
func (s *store) syncService(n *service) {
	n.modifyIndex = s.touch(n.Name)
	if !n.synced {
		n.synced, n.createIndex = true, n.modifyIndex
	}
	for _, c := range n.checks {
		s.syncCheck(c)
	}
}

// syncCheck tells the catalog of a check; one that is critical ends sessions.
func (s *store) syncCheck(c *check) {
	if !c.service.synced || c.known.CheckID != "" && c.known.Status == c.status && c.known.Output == c.output {
		return
	}
	index := s.touch(c.service.Name)
	created := index
	if c.known.CheckID != "" {
		created = c.known.CreateIndex
	}
	c.known = checkShown{
		Node: s.opts.Node, CheckID: c.id, Name: c.name, Status: c.status, Output: c.output,
		ServiceID: c.service.ID, ServiceName: c.service.Name, ServiceTags: c.service.Tags,
		Type: "ttl", CreateIndex: created, ModifyIndex: index,
	}
	if c.status == critical {
		s.endSessions(s.bound(c.id)...)
	}
}

// touch is a change of the list of services of one name.
func (s *store) touch(name string) uint64 {
	index := s.change()
	s.serviceIndex[name], s.catalogIndex = index, index
	return index
}

// restart starts the time of a check again.
func (s *store) restart(c *check) {
	s.drop(c.expiry)
	c.expiry = s.after(c.ttl, func() { s.expire(c) })
	if c.status != critical {
		s.drop(c.reaper)
		c.reaper = nil
	} else if c.reaper == nil && c.reap > 0 {
		c.reaper = s.after(c.reap+reapTick, func() { s.removeService(c.service) })
	}
}

// expire is setStatus for a check that was not updated in time. It expires once.
func (s *store) expire(c *check) {
	s.setStatus(c, critical, "TTL expired")
	s.drop(c.expiry)
}

// setStatus is what the agent does with news of a check.
func (s *store) setStatus(c *check, status, output string) {
	c.status, c.output = status, output
	s.restart(c)
	s.sync(func() {
		if s.services[c.service.ID] == c.service {
			s.syncCheck(c)
		}
	})
}

func updateCheck(s *store, _ http.ResponseWriter, r request) (any, error) {
	var update struct{ Status, Output string }
	if err := r.decode(&update, "Request decode failed: "); err != nil {
		return nil, err
	}
	switch update.Status {
	case passing, warning, critical:
	default:
		return nil, failure{http.StatusBadRequest, fmt.Sprintf("Invalid check status: '%s'", update.Status)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.services {
		for _, c := range n.checks {
			if c.id == r.rest {
				s.setStatus(c, update.Status, update.Output)
				return nil, nil
			}
		}
	}
	return nil, failure{
		http.StatusNotFound,
		fmt.Sprintf("Unknown check ID %q. Ensure that the check ID is passed, not the check name.", r.rest),
	}
}

func deregisterService(s *store, _ http.ResponseWriter, r request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.services[r.rest]
	if n == nil {
		return nil, failure{
			http.StatusNotFound,
			fmt.Sprintf("Unknown service ID %q. Ensure that the service ID is passed, not the service name.", r.rest),
		}
	}
	s.removeService(n)
	return nil, nil
}

// removeService takes a service out, and ends the sessions of its checks.
func (s *store) removeService(n *service) {
	delete(s.services, n.ID)
	s.touch(n.Name)
	for _, c := range n.checks {
		s.drop(c.expiry)
		s.drop(c.reaper)
		s.endSessions(s.bound(c.id)...)
	}
}

// catalogCheck finds a check that the catalog knows.
func (s *store) catalogCheck(id string) *check {
	for _, n := range s.services {
		for _, c := range n.checks {
			if c.id == id && n.synced && c.known.CheckID != "" {
				return c
			}
		}
	}
	return nil
}
