package consultest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/reseat-proxy/reseat/discovery/localconsul"
)

// Agent is a running Consul server that forms a cluster of its own. Its methods
// fail the test when they cannot do what they should. They are for one goroutine.
type Agent struct {
	Address string // host:port of its HTTP API
	Token   string // that may do everything; empty without access control

	tb     testing.TB
	binary string
	dir    string
	server *localconsul.Server
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
	startLimit = 30 * time.Second
	startTries = 3 // a port that was free may be taken until the agent is up
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
	if err := os.RemoveAll(a.server.Data); err != nil {
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

func (a *Agent) logPath() string { return filepath.Join(a.dir, "log") }

// configure chooses ports and writes the agent's configuration.
func (a *Agent) configure() (err error) {
	more := map[string]any{}
	if a.acl {
		more["acl"] = map[string]any{
			"enabled": true, "default_policy": "deny", "enable_token_persistence": true,
			"tokens": map[string]string{"initial_management": a.Token, "agent": a.Token},
		}
	}
	if a.server, err = localconsul.Configure(a.dir, Node, more); err != nil {
		return err
	}
	a.Address = a.server.Addr
	return nil
}

// launch starts the process and waits until it is ready.
func (a *Agent) launch() error {
	log, err := os.OpenFile(a.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(a.binary, a.server.Args()...) //nolint:noctx // ended by stop
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
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	return a.server.Ready(ctx, a.client, a.Token, ended)
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
	text, err := os.ReadFile(a.logPath())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4096):])
}
