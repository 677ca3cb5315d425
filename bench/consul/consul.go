// Package consul starts a Consul server for one run, alone in its cluster and with
// timers as short as they can be, or a registry in memory in its place.
package consul

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/discovery/localconsul"
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
	server *localconsul.Server
	fleet  *fleet.Fleet
	spec   fleet.Spec
	proc   *fleet.Process
}

const (
	patience   = 20 * time.Second // for Consul to start
	startTries = 3                // a port that was free may be taken until it is up
)

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
	a := &Agent{fleet: cfg.Fleet, spec: fleet.Spec{Name: "consul", Path: cfg.Binary, Env: cfg.Env}}
	for try := 1; ; try++ {
		err := a.configure(cfg)
		if err == nil {
			err = a.Start(ctx)
		}
		if err == nil || try == startTries || ctx.Err() != nil {
			return a, err
		}
		if a.proc != nil {
			a.proc.Kill()
		}
	}
}

// configure chooses ports, and says how to start it.
func (a *Agent) configure(cfg Config) (err error) {
	a.server, err = localconsul.Configure(cfg.Dir, "bench", map[string]any{
		// All processes of a run have the same address; 200 is the default.
		"limits": map[string]int{"http_max_conns_per_client": 2000},
	})
	if err != nil {
		return err
	}
	a.Addr, a.Data, a.spec.Args = a.server.Addr, a.server.Data, a.server.Args()
	if a.memory = cfg.Binary == Memory; a.memory {
		a.spec.Path, a.spec.Args = cfg.Program, []string{"demo-registry", "--listen", a.Addr}
	}
	return nil
}

// Start starts the agent again, with what its data folder holds, and waits until
// it is ready.
func (a *Agent) Start(ctx context.Context) (err error) {
	if a.proc, err = a.fleet.Start(a.spec); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if a.memory {
		return a.answers(ctx)
	}
	return a.server.Ready(ctx, http.DefaultClient, "", a.proc.Exited())
}

// answers waits for the registry in memory, which has no state to be ready with.
func (a *Agent) answers(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, _, err := a.ask(ctx, http.MethodGet, "/v1/kv/x?recurse", "")
		select {
		case <-a.proc.Exited():
			return errors.New("the registry has ended before it was ready: see its log")
		case <-ctx.Done():
			return fmt.Errorf("the registry does not answer: %w", errors.Join(context.Cause(ctx), err))
		default:
		}
		if err == nil {
			return nil
		}
		<-tick.C
	}
}

// Process is the one of the moment.
func (a *Agent) Process() *fleet.Process { return a.proc }

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
