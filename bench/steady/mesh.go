package steady

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/discovery"
)

// mesh is a Reseat of a pass.
type mesh struct {
	Mesh
	regions []string
	servers []*fleet.Process // sidecars
	edges   []*fleet.Process
	consul  *consul.Agent
}

// gameOf is the name of the game of a sidecar.
func gameOf(sidecar string) string { return sidecar + "-game" }

// openMesh starts a Reseat, and returns when every region has its backups.
func (s *stage) openMesh(ctx context.Context, size Mesh) error {
	m := &mesh{Mesh: size, regions: []string{region}}
	for i := 1; i < size.Regions; i++ {
		m.regions = append(m.regions, region+"-"+strconv.Itoa(i+1))
	}
	s.mesh = m
	var err error
	if m.consul, err = consul.Start(ctx, consul.Config{
		Binary: s.cfg.Consul, Program: s.cfg.Program, Dir: s.dir, Env: s.env(), Fleet: s.fleet,
	}); err != nil {
		return err
	}
	for i := range 1 + size.Backups {
		name := "server-" + strconv.Itoa(i+1)
		args := append([]string{"sidecar"}, s.common(name)...)
		args = append(args, "--output-commit", size.OutputCommit, "--", s.cfg.Program, "bench-game")
		p, err := s.fleet.Start(s.spec(name, args...))
		if err != nil {
			return err
		}
		m.servers = append(m.servers, p)
	}
	for i := range size.Edges {
		name := "edge-" + strconv.Itoa(i+1)
		args := append([]string{"edge"}, s.common(name)...)
		args = append(args, "--admin", "off", "--backups", strconv.Itoa(size.Backups))
		p, err := s.fleet.Start(s.spec(name, args...))
		if err != nil {
			return err
		}
		m.edges = append(m.edges, p)
		at, err := s.addr(ctx, name)
		if err != nil {
			return err
		}
		s.front = append(s.front, at)
	}
	leaders, err := s.whole(ctx)
	if err != nil {
		return err
	}
	s.enroll(leaders)
	return nil
}

// common are the flags that edges and sidecars share.
func (s *stage) common(name string) []string {
	args := slices.Grow([]string{
		"--name", name, "--listen", anyPort, "--state-dir", filepath.Join(s.dir, "state"), "--consul", s.mesh.consul.Addr, "--log-format", "json",
	}, 2*len(s.mesh.regions))
	for _, r := range s.mesh.regions {
		args = append(args, "--region", r)
	}
	return args
}

// whole waits until every region has a primary and all backups are in sync, and
// returns the sidecars that lead one.
func (s *stage) whole(ctx context.Context) (leaders []string, err error) {
	client, err := discovery.New(discovery.Config{Address: s.mesh.consul.Addr}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the regions had no %d backups in sync after %v", s.mesh.Backups, patience))
	defer cancel()
	for _, r := range s.mesh.regions {
		leader, err := s.wholeOne(ctx, client, r)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(leaders, leader) {
			leaders = append(leaders, leader)
		}
	}
	return leaders, nil
}

func (s *stage) wholeOne(ctx context.Context, client *discovery.Client, name string) (leader string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	w := client.Watch(name)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = w.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	for {
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case v := <-w.Views():
			if v.Primary == nil || v.Primary.Incarnation == "" || s.mesh.Backups > 0 && len(v.InSync) != 1+s.mesh.Backups {
				continue
			}
			err := s.await(ctx, "the primary of "+name+" to serve", func() bool {
				i := slices.IndexFunc(s.events, func(e fleet.Event) bool {
					return e.Name == "joined" && e.Text("incarnation") == v.Primary.Incarnation
				})
				if i >= 0 {
					leader = s.events[i].From
				}
				return i >= 0
			})
			return leader, err
		}
	}
}

// enroll takes all processes of the mesh into the figures.
func (s *stage) enroll(leaders []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.mesh.edges {
		s.members = append(s.members, member{Front, p.Spec.Name, p.PID()})
	}
	for _, p := range s.mesh.servers {
		name, sidecar, game := p.Spec.Name, Backup, Standby
		if slices.Contains(leaders, name) {
			sidecar, game = Primary, Game
		}
		s.members = append(s.members, member{sidecar, name, p.PID()})
		if pid := s.games[name]; pid != 0 {
			s.members = append(s.members, member{game, gameOf(name), pid})
		}
	}
}
