package consultest

import (
	"bytes"
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
	"testing"
	"time"
)

// Agent is a running Consul server that forms a cluster of its own. Its methods
// fail the test when they cannot do what they should. They are for one goroutine.
type Agent struct {
	Address string // host:port of its HTTP API
	Token   string // that may do everything; empty without access control

	tb     testing.TB
	binary string
	dir    string
	cmd    *exec.Cmd
	ended  chan struct{} // closed when cmd has ended
	acl    bool
	client *http.Client
}

// Option of Start.
type Option func(*Agent)

// WithACLs turns access control on, with deny as the default.
func WithACLs() Option {
	return func(a *Agent) { a.acl, a.Token = true, "11111111-2222-4333-8444-555555555555" }
}

// Node is the name of the agent's node, for policies.
const Node = "consultest"

const (
	startLimit   = 30 * time.Second
	startTries   = 3 // a port that was free may be taken until the agent is up
	pollInterval = 20 * time.Millisecond
)

// Start starts an agent and waits until it has a leader and knows its own node.
// It is killed when the test ends.
func Start(tb testing.TB, opts ...Option) *Agent {
	tb.Helper()
	binary, err := Binary()
	if err != nil {
		tb.Fatalf("%v", err)
	}
	a := &Agent{tb: tb, binary: binary, dir: tb.TempDir(), client: &http.Client{Transport: &http.Transport{}}}
	for _, opt := range opts {
		opt(a)
	}
	tb.Cleanup(func() {
		a.stop()
		a.client.CloseIdleConnections()
		if tb.Failed() {
			tb.Logf("end of the agent's log:\n%s", a.logTail())
		}
	})
	for try := 1; ; try++ {
		if err := a.configure(); err != nil {
			tb.Fatalf("consultest: %v", err)
		}
		err := a.launch()
		if err == nil {
			return a
		}
		a.stop()
		if try == startTries {
			tb.Fatalf("consultest: the agent did not start: %v\n%s", err, a.logTail())
		}
	}
}

// URL is that of the HTTP API.
func (a *Agent) URL() string { return "http://" + a.Address }

// Kill ends the agent with SIGKILL.
func (a *Agent) Kill() {
	a.tb.Helper()
	a.stop()
}

// Restart starts a killed agent again, with the same ports and data.
func (a *Agent) Restart() {
	a.tb.Helper()
	if err := a.launch(); err != nil {
		a.tb.Fatalf("consultest: the agent did not start again: %v\n%s", err, a.logTail())
	}
}

// Wipe kills the agent and starts it again without its data.
func (a *Agent) Wipe() {
	a.tb.Helper()
	a.stop()
	if err := os.RemoveAll(a.path("data")); err != nil {
		a.tb.Fatalf("consultest: %v", err)
	}
	a.Restart()
}

// Pause freezes the agent with SIGSTOP, and Resume thaws it.
func (a *Agent) Pause() {
	a.tb.Helper()
	a.signal(sigStop)
}

// Resume is the end of Pause.
func (a *Agent) Resume() {
	a.tb.Helper()
	a.signal(sigCont)
}

func (a *Agent) signal(s os.Signal) {
	a.tb.Helper()
	if err := a.cmd.Process.Signal(s); err != nil {
		a.tb.Fatalf("consultest: %v", err)
	}
}

func (a *Agent) stop() {
	if a.cmd == nil {
		return
	}
	_ = a.cmd.Process.Kill() // may have ended by itself
	<-a.ended
	a.cmd = nil
}

func (a *Agent) path(name string) string { return filepath.Join(a.dir, name) }

// configure chooses ports and writes the agent's configuration.
func (a *Agent) configure() error {
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	a.Address = fmt.Sprintf("127.0.0.1:%d", ports[0])
	config := map[string]any{
		"node_name": Node, "server": true, "bootstrap_expect": 1,
		"data_dir": a.path("data"), "bind_addr": "127.0.0.1", "client_addr": "127.0.0.1",
		"ports": map[string]int{
			"http": ports[0], "server": ports[1], "serf_lan": ports[2],
			"serf_wan": -1, "dns": -1, "grpc": -1, "grpc_tls": -1,
		},
		"performance":          map[string]int{"raft_multiplier": 1},
		"connect":              map[string]bool{"enabled": false},
		"disable_update_check": true,
		"log_level":            "warn",
	}
	if a.acl {
		config["acl"] = map[string]any{
			"enabled": true, "default_policy": "deny", "enable_token_persistence": true,
			"tokens": map[string]string{"initial_management": a.Token, "agent": a.Token},
		}
	}
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	return os.WriteFile(a.path("agent.json"), text, 0o600)
}

// freePorts returns ports that were free a moment ago, for TCP and so most likely for UDP.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends at once
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// launch starts the process and waits until it is ready.
func (a *Agent) launch() error {
	log, err := os.OpenFile(a.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(a.binary, "agent", "-config-file", a.path("agent.json")) //nolint:noctx // ended by stop
	cmd.Stdout, cmd.Stderr = log, log
	dieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	a.cmd, a.ended = cmd, ended
	return a.ready()
}

// ready polls until there is a leader, and the catalog has the node that sessions need.
func (a *Agent) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		status, body, err := a.do(ctx, http.MethodGet, "/v1/catalog/node/"+Node, nil)
		if err == nil && status == http.StatusOK && strings.Contains(body, Node) {
			return nil
		}
		select {
		case <-a.ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return fmt.Errorf("it has no leader after %v: %d %s %w", startLimit, status, body, err)
		case <-tick.C:
		}
	}
}

// do asks the agent with the token that may do everything.
func (a *Agent) do(ctx context.Context, method, path string, body []byte) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.URL()+path, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if a.Token != "" {
		req.Header.Set("X-Consul-Token", a.Token)
	}
	res, err := a.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

// NewToken makes a token with a policy of these rules, and returns its secret.
func (a *Agent) NewToken(name, rules string) string {
	a.tb.Helper()
	a.put("/v1/acl/policy", map[string]any{"Name": name, "Rules": rules})
	var token struct{ SecretID string }
	answer := a.put("/v1/acl/token", map[string]any{"Policies": []map[string]string{{"Name": name}}})
	if err := json.Unmarshal([]byte(answer), &token); err != nil || token.SecretID == "" {
		a.tb.Fatalf("consultest: no token in %s: %v", answer, err)
	}
	return token.SecretID
}

func (a *Agent) put(path string, v any) string {
	a.tb.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		a.tb.Fatalf("consultest: %v", err)
	}
	status, answer, err := a.do(context.Background(), http.MethodPut, path, body)
	if err != nil || status != http.StatusOK {
		a.tb.Fatalf("consultest: %s: %d %s %v", path, status, answer, err)
	}
	return answer
}

// logTail is the last part of the agent's log.
func (a *Agent) logTail() string {
	text, err := os.ReadFile(a.path("log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4096):])
}
