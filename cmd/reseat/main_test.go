package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
)

// asReseat makes the test binary be reseat, for tests of whole processes.
const asReseat = "RESEAT_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asReseat) != "" {
		main()
		return
	}
	os.Exit(test(m))
}

// test runs the tests. What demos and chaos start is a reseat without the race
// detector: a dozen processes with it are so slow that they take each other for dead.
func test(m *testing.M) int {
	dir, err := os.MkdirTemp("", "reseat-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "reseat")
	if out, err := exec.CommandContext(context.Background(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	program = func() (string, error) { return path, nil }
	return m.Run()
}

// call runs one command line in this process.
func call(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	var out bytes.Buffer
	err = run(t.Context(), args, strings.NewReader(""), &out, io.Discard)
	return out.String(), err
}

// nowhere is the address of a Consul that is not there.
const nowhere = "--consul=127.0.0.1:1"

func TestUsage(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for _, tt := range []struct {
		name string
		args string
		want string
		code int
	}{
		{"unknown command", "egde", `"egde" is not a command: did you mean edge?`, 2},
		{"unlike any command", "frobnicate", `"frobnicate" is not a command: see reseat --help`, 2},
		{"unknown flag", "edge --lisen :1", `unknown flag: --lisen: see reseat edge --help`, 2},
		{"arguments", "edge arena", `reseat edge takes no arguments, but got "arena": see reseat edge --help`, 2},
		{"settings", "edge --listen 127.0.0.1:7777", `regions: is not set: name at least one region, such as arena, with regions in the file, RESEAT_EDGE_REGIONS or --region`, 2},
		{"no file", "edge --config /nowhere.yaml", `/nowhere.yaml: no such file`, 2},
		{"no dash", "sidecar --region arena ./my-game", `"./my-game" is not a flag: put -- before the game's command, as in reseat sidecar --region arena -- ./my-game`, 2},
		{"no game", "sidecar --region arena", `no game: start one with -- ./my-game, or say where one will connect with --socket unix:/path`, 2},
		{"no such game", "sidecar --region arena -- /nowhere/game", `cannot start the game: exec: "/nowhere/game": stat /nowhere/game: no such file or directory: check the path after --`, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := call(t, strings.Fields(tt.args)...)
			require.EqualError(t, err, tt.want)
			require.Equal(t, tt.code, exitCode(err))
		})
	}
}

func TestHelp(t *testing.T) {
	out, err := call(t)
	require.NoError(t, err)
	for _, command := range []string{"edge", "sidecar", "force-takeover", "demo", "version"} {
		require.Regexp(t, `(?m)^  `+command+` `, out)
	}
}

func TestReport(t *testing.T) {
	var out bytes.Buffer
	report(&out, nil)
	require.Empty(t, out.String())
	report(&out, fmt.Errorf("a\nb"))
	require.Equal(t, "reseat: a\nreseat: b\n", out.String())
	require.Equal(t, 0, exitCode(nil))
	require.Equal(t, 1, exitCode(io.EOF))
	require.Equal(t, 2, exitCode(fmt.Errorf("more: %w", &config.SettingError{})))
}

func TestVersion(t *testing.T) {
	out, err := call(t, "version")
	require.NoError(t, err)
	require.Regexp(t, `^reseat \S.*\ngo1\.\S+ \w+/\w+\nprotocol reseat/4, version 4\n$`, out)

	require.Equal(t, "(unknown version)", describe(nil))
	require.Equal(t, "v1.2.3 0123456789ab, modified", describe(&debug.BuildInfo{
		Main:     debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}},
	}))
}

func TestPrintConfig(t *testing.T) {
	t.Setenv("HOME", "/home/reseat")
	t.Setenv("RESEAT_EDGE_LINK_IDLE", "400ms")
	out, err := call(t, "edge", "--region=arena", "--listen=127.0.0.1:7777", "--print-config")
	require.NoError(t, err)
	require.Contains(t, out, "regions: [arena] # --region\n")
	require.Contains(t, out, "  idle: 400ms # RESEAT_EDGE_LINK_IDLE\n")

	out, err = call(t, "sidecar", "--region=arena", "--print-config")
	require.NoError(t, err)
	require.Contains(t, out, "state_dir: /home/reseat/.local/state/reseat # default\n")
}

func TestLogger(t *testing.T) {
	var out bytes.Buffer
	log := newLogger(&out, config.Log{Level: slog.LevelWarn, Format: "json"})
	log.Info("quiet")
	log.Warn("loud")
	var record map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &record))
	require.Equal(t, "loud", record["msg"])

	out.Reset()
	newLogger(&out, config.Log{Format: "text"}).Info("plain")
	require.Contains(t, out.String(), "msg=plain")
}

func TestAddressInUse(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	var listen net.ListenConfig
	udp, err := listen.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer udp.Close()
	tcp, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer tcp.Close()
	taken, takenTCP := udp.LocalAddr().String(), tcp.Addr().String()

	_, err = call(t, "edge", "--region=arena", nowhere, "--listen="+taken)
	require.EqualError(t, err, "udp "+taken+" is in use by another process: stop it, or choose another address with --listen or RESEAT_EDGE_LISTEN")
	require.Equal(t, 1, exitCode(err))

	_, err = call(t, "sidecar", "--region=arena", nowhere, "--socket=tcp:127.0.0.1:0", "--listen="+taken)
	require.EqualError(t, err, "udp "+taken+" is in use by another process: stop it, or choose another address with --listen or RESEAT_SIDECAR_LISTEN")

	_, err = call(t, "sidecar", "--region=arena", nowhere, "--socket=tcp:"+takenTCP)
	require.EqualError(t, err, "tcp "+takenTCP+" is in use by another process: stop it, or choose another address with --socket or RESEAT_SIDECAR_GAME_SOCKET")
}

func TestExplainListen(t *testing.T) {
	listen := func(cause error) error {
		return fmt.Errorf("outer: %w", &net.OpError{Op: "listen", Net: "udp", Addr: &net.UDPAddr{Port: 80}, Err: cause})
	}
	flags := map[string]string{"udp": "--listen"}
	for want, err := range map[string]error{
		"udp :80 is in use by another process: stop it, or choose another address with --listen": listen(syscall.EADDRINUSE),
		"udp :80 is not allowed for this user: choose a port above 1023 with --listen":           listen(syscall.EACCES),
		"udp :80 is not an address of this machine: choose another with --listen":                listen(syscall.EADDRNOTAVAIL),
		"outer: listen udp :80: EOF: choose another address with --listen":                       listen(io.EOF),
		"EOF": io.EOF,
	} {
		require.EqualError(t, explainListen(err, flags), want)
	}
	require.NoError(t, explainListen(nil, flags))
}

// A stop is a drain and an end in good order, although Consul was never there.
func TestDrain(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	game := "--socket=unix:" + filepath.Join(t.TempDir(), "game.sock")
	for _, tt := range []struct {
		up   string // the event after which to stop it
		args []string
	}{
		{"listening", []string{"edge", "--region=arena", "--listen=127.0.0.1:0", nowhere, "--log-format=json"}},
		{"starting", []string{"sidecar", "--region=arena", game, nowhere, "--log-format=json"}},
	} {
		t.Run(tt.args[0], func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			logs, stderr := io.Pipe()
			done := make(chan error, 1)
			go func() {
				err := run(ctx, tt.args, strings.NewReader(""), io.Discard, stderr)
				_ = stderr.Close()
				done <- err
			}()
			scan := bufio.NewScanner(logs)
			awaitEvent(t, scan, tt.up)
			cancel()
			awaitEvent(t, scan, "draining")
			_, _ = io.Copy(io.Discard, logs)
			require.NoError(t, <-done)
		})
	}
}

func TestSignal(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0],
		"edge", "--region=arena", "--listen=127.0.0.1:0", nowhere, "--log-format=json")
	cmd.Env = append(os.Environ(), asReseat+"=1", "HOME="+t.TempDir())
	logs, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	scan := bufio.NewScanner(logs)
	awaitEvent(t, scan, "listening")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	awaitEvent(t, scan, "draining")
	_, _ = io.Copy(io.Discard, logs)
	require.NoError(t, cmd.Wait(), "SIGTERM is an end in good order")
}

// awaitEvent reads JSON records until one has that event.
func awaitEvent(t *testing.T, records *bufio.Scanner, event string) {
	t.Helper()
	for records.Scan() {
		var record struct{ Event string }
		require.NoError(t, json.Unmarshal(records.Bytes(), &record), "%s", records.Bytes())
		if record.Event == event {
			return
		}
	}
	t.Fatalf("no event %q in the logs", event)
}
