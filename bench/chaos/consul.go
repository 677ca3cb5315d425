package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// Memory as Config.Consul is a registry in memory instead of a real Consul: quick,
// but it cannot be started again.
const Memory = "memory"

// consul is the Consul server of a run, alone in its cluster.
type consul struct {
	addr string // of its HTTP API
	data string // folder
	spec fleet.Spec
	s    *stage
	proc *fleet.Process
}

const consulNode = "chaos"

// startConsul starts the registry and waits until it is ready.
func startConsul(ctx context.Context, s *stage) (*consul, error) {
	ports, err := freeTCP(3)
	if err != nil {
		return nil, err
	}
	c := &consul{s: s, addr: fmt.Sprintf("127.0.0.1:%d", ports[0]), data: filepath.Join(s.dir, "consul")}
	c.spec = fleet.Spec{Name: "consul", Path: s.cfg.Consul, Env: s.env()}
	if s.cfg.Consul == Memory {
		c.spec.Path, c.spec.Args = s.cfg.Program, []string{"demo-registry", "--listen", c.addr}
	} else {
		path := filepath.Join(s.dir, "consul.json")
		if err := os.WriteFile(path, c.config(ports), 0o600); err != nil {
			return nil, err
		}
		c.spec.Args = []string{"agent", "-config-file", path}
	}
	return c, c.start(ctx)
}

// config is that of an agent whose timers are as short as they can be.
func (c *consul) config(ports []int) []byte {
	text, err := json.Marshal(map[string]any{
		"node_name": consulNode, "server": true, "bootstrap_expect": 1,
		"data_dir": c.data, "bind_addr": "127.0.0.1", "client_addr": "127.0.0.1",
		"ports": map[string]int{
			"http": ports[0], "server": ports[1], "serf_lan": ports[2],
			"serf_wan": -1, "dns": -1, "grpc": -1, "grpc_tls": -1,
		},
		"performance":          map[string]int{"raft_multiplier": 1},
		"connect":              map[string]bool{"enabled": false},
		"disable_update_check": true, "log_level": "warn",
	})
	if err != nil {
		panic(fmt.Sprintf("chaos: %v", err)) // plain values: cannot be
	}
	return text
}

func freeTCP(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends at once
		if err != nil {
			return nil, fmt.Errorf("chaos: %w", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// start starts the agent, with what its data folder holds.
func (c *consul) start(ctx context.Context) (err error) {
	if c.proc, err = c.s.fleet.Start(c.spec); err != nil {
		return err
	}
	return c.ready(ctx)
}

// ready waits for a leader, and for the node that sessions need.
func (c *consul) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	path := "/v1/catalog/node/" + consulNode
	if c.s.cfg.Consul == Memory {
		path = "/v1/kv/x?recurse"
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, body, err := c.ask(ctx, http.MethodGet, path, "")
		if err == nil && (strings.Contains(body, consulNode) || c.s.cfg.Consul == Memory) {
			return nil
		}
		select {
		case <-tick.C:
		case <-c.proc.Exited():
			return errors.New("consul does not start: see its log")
		case <-ctx.Done():
			return fmt.Errorf("consul has no leader: %w", errors.Join(context.Cause(ctx), err))
		}
	}
}

// put is a request that has to succeed.
func (c *consul) put(ctx context.Context, method, path, body string) error {
	status, text, err := c.ask(ctx, method, path, body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("consul: %s %s: status %d %s", method, path, status, text)
	}
	return err
}

func (c *consul) ask(ctx context.Context, method, path, body string) (status int, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+c.addr+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	return res.StatusCode, string(all), err
}
