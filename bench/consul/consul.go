// Package consul starts a Consul server for one run, alone in its cluster and with
// timers as short as they can be, or a registry in memory in its place.
package consul

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// Memory as Config.Binary is a registry in memory instead of a real Consul: quick,
// but it cannot be started again.
const Memory = "memory"

// Config says what to start, and where.
type Config struct {
	Binary  string // path of Consul, or Memory
	Program string // path of reseat, which has the registry in memory
	Dir     string // for what Consul keeps
	Env     []string
	Fleet   *fleet.Fleet
}

// Agent is a Consul server.
type Agent struct {
	Addr string // of its HTTP API
	Data string // the folder that it would miss

	memory bool
	fleet  *fleet.Fleet
	spec   fleet.Spec
	proc   *fleet.Process
}

const node = "bench"

// patience is how long Consul may take to start.
const patience = 20 * time.Second

// Find returns the path of the binary of a name: empty is $RESEAT_CONSUL, or consul
// in PATH. Memory is Memory.
func Find(name string) (string, error) {
	if name == "" {
		name = os.Getenv("RESEAT_CONSUL")
	}
	if name == "" {
		name = "consul"
	}
	if name == Memory {
		return name, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("no Consul: %w: name its binary with --consul or RESEAT_CONSUL (make consul prints one)", err)
	}
	return path, nil
}

// Start starts the agent and waits until it is ready.
func Start(ctx context.Context, cfg Config) (*Agent, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	a := &Agent{
		Addr: fmt.Sprintf("127.0.0.1:%d", ports[0]), Data: filepath.Join(cfg.Dir, "consul"),
		memory: cfg.Binary == Memory, fleet: cfg.Fleet,
		spec: fleet.Spec{Name: "consul", Path: cfg.Binary, Env: cfg.Env},
	}
	if a.memory {
		a.spec.Path, a.spec.Args = cfg.Program, []string{"demo-registry", "--listen", a.Addr}
		return a, a.Start(ctx)
	}
	path := filepath.Join(cfg.Dir, "consul.json")
	if err := os.WriteFile(path, a.config(ports), 0o600); err != nil {
		return nil, err
	}
	a.spec.Args = []string{"agent", "-config-file", path}
	return a, a.Start(ctx)
}

// config is that of an agent whose timers are as short as they can be.
func (a *Agent) config(ports []int) []byte {
	text, err := json.Marshal(map[string]any{
		"node_name": node, "server": true, "bootstrap_expect": 1,
		"data_dir": a.Data, "bind_addr": "127.0.0.1", "client_addr": "127.0.0.1",
		"ports": map[string]int{
			"http": ports[0], "server": ports[1], "serf_lan": ports[2],
			"serf_wan": -1, "dns": -1, "grpc": -1, "grpc_tls": -1,
		},
		"performance": map[string]int{"raft_multiplier": 1},
		"connect":     map[string]bool{"enabled": false},
		// All processes of a run have the same address; 200 is the default.
		"limits":               map[string]int{"http_max_conns_per_client": 2000},
		"disable_update_check": true, "log_level": "warn",
	})
	if err != nil {
		panic(fmt.Sprintf("consul: %v", err)) // plain values: cannot be
	}
	return text
}

func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends at once
		if err != nil {
			return nil, fmt.Errorf("consul: %w", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// Start starts the agent again, with what its data folder holds, and waits until
// it is ready.
func (a *Agent) Start(ctx context.Context) (err error) {
	if a.proc, err = a.fleet.Start(a.spec); err != nil {
		return err
	}
	return a.ready(ctx)
}

// Process is the one of the moment.
func (a *Agent) Process() *fleet.Process { return a.proc }

// ready waits for a leader, and for the node that sessions need.
func (a *Agent) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	path := "/v1/catalog/node/" + node
	if a.memory {
		path = "/v1/kv/x?recurse"
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, body, err := a.ask(ctx, http.MethodGet, path, "")
		if err == nil && (strings.Contains(body, node) || a.memory) {
			return nil
		}
		select {
		case <-tick.C:
		case <-a.proc.Exited():
			return errors.New("consul does not start: see its log")
		case <-ctx.Done():
			return fmt.Errorf("consul has no leader: %w", errors.Join(context.Cause(ctx), err))
		}
	}
}

// Do makes a request that has to succeed.
func (a *Agent) Do(ctx context.Context, method, path, body string) error {
	status, text, err := a.ask(ctx, method, path, body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("consul: %s %s: status %d %s", method, path, status, text)
	}
	return err
}

func (a *Agent) ask(ctx context.Context, method, path, body string) (status int, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+a.Addr+path, strings.NewReader(body))
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
