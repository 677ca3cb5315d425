// Package localconsul is what it takes to run a Consul server that is alone in its
// cluster, on the loopback interface, with timers as short as they can be: its
// configuration, and how to tell that it is ready. Who starts the process is up to
// the caller.
package localconsul

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Server is a configured Consul server. It is for one goroutine.
type Server struct {
	Addr string // host:port of its HTTP API
	Node string // name of its node
	Data string // the folder that it would miss

	file string
}

// ErrNotOurs means that another program has the port. Configure again.
var ErrNotOurs = errors.New("another program has the port of this Consul server")

// Configure chooses ports and writes dir/consul.json. The keys of more are added to
// it, or replace what is there.
func Configure(dir, node string, more map[string]any) (*Server, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Addr: fmt.Sprintf("127.0.0.1:%d", ports[0]), Node: node,
		Data: filepath.Join(dir, "consul"), file: filepath.Join(dir, "consul.json"),
	}
	config := map[string]any{
		"node_name": node, "server": true, "bootstrap_expect": 1,
		"data_dir": s.Data, "bind_addr": "127.0.0.1", "client_addr": "127.0.0.1",
		"ports": map[string]int{
			"http": ports[0], "server": ports[1], "serf_lan": ports[2],
			"serf_wan": -1, "dns": -1, "grpc": -1, "grpc_tls": -1,
		},
		"performance":          map[string]int{"raft_multiplier": 1},
		"connect":              map[string]bool{"enabled": false},
		"disable_update_check": true, "log_level": "warn",
	}
	maps.Copy(config, more)
	text, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("localconsul: %w", err)
	}
	return s, os.WriteFile(s.file, text, 0o600)
}

// Args are the arguments that Consul is started with.
func (s *Server) Args() []string { return []string{"agent", "-config-file", s.file} }

// freePorts returns ports of the loopback interface that were free a moment ago, for
// TCP and so most likely for UDP. The kernel gives none of these to who asks for any,
// so that a server can be started again with its own.
func freePorts(n int) (ports []int, err error) {
	const first, count, tries = 20000, 10000, 100
	for try := 0; len(ports) < n; try++ {
		port := first + rand.IntN(count)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // ends at once
		switch {
		case err == nil:
			defer l.Close()
			ports = append(ports, port)
		case try == tries:
			return nil, fmt.Errorf("localconsul: no free port: %w", err)
		}
	}
	return ports, nil
}

const pollInterval = 20 * time.Millisecond

// Ready waits until the server has a leader, and its catalog the node that sessions
// need; or until exited is closed, which the process is to do when it ends. The token
// is one that may do everything, or empty without access control. It returns
// ErrNotOurs if somebody else answers: two that start at once may have chosen the same
// port, and the one that has lost it would take the other's answers for its own.
func (s *Server) Ready(ctx context.Context, client *http.Client, token string, exited <-chan struct{}) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := s.look(ctx, client, token)
		if err == nil || errors.Is(err, ErrNotOurs) {
			return err
		}
		select {
		case <-exited:
			return errors.New("consul has ended before it was ready: see its log")
		case <-ctx.Done():
			return fmt.Errorf("consul has no leader: %w", errors.Join(context.Cause(ctx), err))
		case <-tick.C:
		}
	}
}

// look asks once.
func (s *Server) look(ctx context.Context, client *http.Client, token string) error {
	self, err := s.get(ctx, client, token, "/v1/agent/self")
	if err != nil {
		return err
	}
	var answer struct{ DebugConfig struct{ DataDir string } }
	if err := json.Unmarshal([]byte(self), &answer); err != nil || answer.DebugConfig.DataDir != s.Data {
		return fmt.Errorf("%w: %s", ErrNotOurs, s.Addr)
	}
	node, err := s.get(ctx, client, token, "/v1/catalog/node/"+s.Node)
	if err == nil && !strings.Contains(node, s.Node) {
		err = errors.New("no node yet")
	}
	return err
}

func (s *Server) get(ctx context.Context, client *http.Client, token, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr+path, nil)
	if err != nil {
		return "", err
	}
	if token != "" {
		req.Header.Set("X-Consul-Token", token)
	}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s %s", path, res.Status, text)
	}
	return string(text), err
}
