package config

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// minimal makes a configuration valid on this machine.
const minimal = "regions: [arena]\nlisten: 127.0.0.1:7777\n"

var home = []string{"HOME=/home/reseat"}

// write puts files into a folder of the test's own and returns the folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func edge(t *testing.T, yaml string, env []string, args ...string) (*Edge, Origins, error) {
	t.Helper()
	dir := write(t, map[string]string{"edge.yaml": yaml})
	t.Chdir(dir)
	fs := pflag.NewFlagSet("edge", pflag.ContinueOnError)
	flags := EdgeFlags(fs)
	require.NoError(t, fs.Parse(args))
	return LoadEdge(Source{Path: "edge.yaml", Environ: append(env, home...), Flags: flags})
}

func TestDefaults(t *testing.T) {
	cfg, origins, err := edge(t, minimal, nil)
	require.NoError(t, err)

	want := DefaultEdge()
	want.Regions, want.Listen = []string{"arena"}, "127.0.0.1:7777"
	want.Host, err = os.Hostname()
	require.NoError(t, err)
	want.Name = "edge-" + want.Host
	want.StateDir = "/home/reseat/.local/state/reseat"
	want.KeysFile = "/home/reseat/.local/state/reseat/edge.keys"
	want.Consul.Address = "127.0.0.1:8500"
	require.Equal(t, &want, cfg)
	require.Equal(t, Origins{"regions": "edge.yaml:1", "listen": "edge.yaml:2"}, origins)
}

func TestPrecedence(t *testing.T) {
	yaml := minimal + "limits: {actions: 10, age: 20s, players: 10, bytes: 128KiB}\n"
	env := []string{"RESEAT_EDGE_LIMITS_AGE=30s", "RESEAT_EDGE_LIMITS_PLAYERS=20", "RESEAT_EDGE_LIMITS_BYTES="}
	cfg, origins, err := edge(t, yaml, env, "--max-players", "30")
	require.NoError(t, err)

	require.Equal(t, 4*KiB, cfg.Limits.ActionBytes, "default")
	require.Equal(t, 10, cfg.Limits.Actions, "file over default")
	require.Equal(t, 30*time.Second, cfg.Limits.Age, "environment over file")
	require.Equal(t, 30, cfg.Limits.Players, "flag over environment")
	require.Equal(t, 128*KiB, cfg.Limits.Bytes, "an empty variable counts as not set")
	require.Equal(t, "edge.yaml:3", origins["limits.actions"])
	require.Equal(t, "RESEAT_EDGE_LIMITS_AGE", origins["limits.age"])
	require.Equal(t, "--max-players", origins["limits.players"])
}

func TestLists(t *testing.T) {
	for name, args := range map[string][]string{
		"repeated": {"--region", "north", "--region", "south"},
		"commas":   {"--region", "north, south,"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, _, err := edge(t, minimal, []string{"RESEAT_EDGE_REGIONS=east"}, args...)
			require.NoError(t, err)
			require.Equal(t, []string{"north", "south"}, cfg.Regions, "a flag replaces the list of other sources")
		})
	}
}

func TestFileFromEnvironment(t *testing.T) {
	dir := write(t, map[string]string{"edge.yaml": minimal, "sidecar.yaml": "regions: [arena]\n"})
	_, _, err := LoadEdge(Source{Environ: append(home, "RESEAT_EDGE_CONFIG="+filepath.Join(dir, "edge.yaml"))})
	require.NoError(t, err)
	_, _, err = LoadSidecar(Source{Environ: append(home, "RESEAT_SIDECAR_CONFIG="+filepath.Join(dir, "sidecar.yaml"))})
	require.NoError(t, err)
}

func TestConsulAddress(t *testing.T) {
	cfg, origins, err := edge(t, minimal, []string{"CONSUL_HTTP_ADDR=https://consul.internal:8501"})
	require.NoError(t, err)
	require.Equal(t, "https://consul.internal:8501", cfg.Consul.Address)
	require.Equal(t, "CONSUL_HTTP_ADDR", origins["consul.address"])

	cfg, _, err = edge(t, minimal+"consul: {address: 127.0.0.1:9500}\n", []string{"CONSUL_HTTP_ADDR=https://consul.internal:8501"})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:9500", cfg.Consul.Address)
}

func TestAdvertise(t *testing.T) {
	for _, tt := range []struct{ listen, advertise, want string }{
		{"127.0.0.1:0", "", ""},
		{"127.0.0.1:7800", "127.0.0.2", "127.0.0.2:7800"},
		{"127.0.0.1:7800", "::1", "[::1]:7800"},
		{"127.0.0.1:7800", "[::1]", "[::1]:7800"},
		{"127.0.0.1:7800", "localhost:7900", "localhost:7900"},
	} {
		cfg, _, err := LoadSidecar(Source{Environ: append(home, "RESEAT_SIDECAR_REGIONS=arena",
			"RESEAT_SIDECAR_LISTEN="+tt.listen, "RESEAT_SIDECAR_ADVERTISE="+tt.advertise)})
		require.NoError(t, err)
		require.Equal(t, tt.want, cfg.Advertise)
	}
}

func TestSidecarFlags(t *testing.T) {
	fs := pflag.NewFlagSet("sidecar", pflag.ContinueOnError)
	flags := SidecarFlags(fs)
	require.NoError(t, fs.Parse([]string{"--region", "arena", "--socket", "tcp:127.0.0.1:9000", "--zone", "b", "--output-commit", "none"}))
	cfg, origins, err := LoadSidecar(Source{Environ: append(home, "RESEAT_SIDECAR_FAILOVER_LAG=1s"), Flags: flags})
	require.NoError(t, err)
	require.Equal(t, "none", cfg.OutputCommit)
	require.Equal(t, time.Second, cfg.Failover.Lag)
	require.Equal(t, 300*time.Millisecond, cfg.Failover.Grace, "default")
	require.Equal(t, "tcp:127.0.0.1:9000", cfg.Game.Socket)
	require.Equal(t, "--zone", origins["zone"])
	require.Equal(t, "127.0.0.1:0", fs.Lookup("listen").DefValue)
}

func TestStateHome(t *testing.T) {
	cfg, _, err := edge(t, minimal, []string{"XDG_STATE_HOME=/state"})
	require.NoError(t, err)
	require.Equal(t, "/state/reseat", cfg.StateDir)
}

func TestYAMLForms(t *testing.T) {
	cfg, _, err := edge(t, `
listen: &here 127.0.0.1:7777
regions:
  - arena # one in each line
  - 'north-2'
name: 12345
host: yes
tls:
  # all of it commented out
link: {idle: 400ms}
log: {level: debug, format: json}
consul: {address: *here}
`, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"arena", "north-2"}, cfg.Regions)
	require.Equal(t, "12345", cfg.Name)
	require.Equal(t, "yes", cfg.Host)
	require.Equal(t, 400*time.Millisecond, cfg.Link.Idle)
	require.Equal(t, Log{Level: slog.LevelDebug, Format: "json"}, cfg.Log)
	require.Equal(t, "127.0.0.1:7777", cfg.Consul.Address)
}

// Every setting can be reached from every source, under names that differ.
func TestKeys(t *testing.T) {
	for _, root := range []settings{new(Edge), new(Sidecar)} {
		seen := map[string]bool{}
		for _, k := range keysOf(root) {
			for _, name := range []string{k.path, k.env, "--" + k.flag} {
				require.False(t, name != "--" && seen[name], "%s twice", name)
				seen[name] = true
			}
			require.Regexp(t, `^[a-z][a-z_]*(\.[a-z][a-z_]*){0,3}$`, k.path)
			require.Equal(t, k.flag == "", k.help == "", "%s: a flag needs a help text", k.path)
			require.NotPanics(t, func() { _ = assign(k.value, "1") }, k.path)
		}
		require.Contains(t, seen, envPrefix(root)+"LINK_IDLE")
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "65536": 64 * KiB, "7B": 7, "64KiB": 64 * KiB, "16 MiB": 16 * MiB, "2GiB": 2 * GiB,
		"9223372036854775807": 1<<63 - 1,
	} {
		got, err := ParseSize(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		again, err := ParseSize(got.String())
		require.NoError(t, err)
		require.Equal(t, got, again, "String is read back")
	}
	for _, text := range []string{"", "-1", "1.5MiB", "64KB", "64k", "KiB", "9223372036854775808", "8589934592GiB", "17179869184GiB", "+ 1"} {
		_, err := ParseSize(text)
		require.ErrorContains(t, err, "is not a size", text)
	}
}

func TestExplain(t *testing.T) {
	cfg, origins, err := edge(t, minimal+"link: {idle: 400ms}\n", []string{"RESEAT_EDGE_NAME=007"}, "--log-level", "debug")
	require.NoError(t, err)
	cfg.Consul.Address = "http://root:secret@consul:8500" // would have been refused

	var out strings.Builder
	require.NoError(t, Explain(&out, cfg, origins))
	text := out.String()
	require.Contains(t, text, "listen: 127.0.0.1:7777 # edge.yaml:2\n")
	require.Contains(t, text, "regions: [arena] # edge.yaml:1\n")
	require.Contains(t, text, "name: \"007\" # RESEAT_EDGE_NAME\n")
	require.Contains(t, text, "link:\n  idle: 400ms # edge.yaml:3\n  keepalive: 100ms # default\n")
	require.Contains(t, text, "  level: debug # --log-level\n")
	require.Contains(t, text, "  age: 10s # default\n")
	require.NotContains(t, text, "secret")

	cfg.Consul.Address = "127.0.0.1:8500"
	out.Reset()
	require.NoError(t, Explain(&out, cfg, origins))
	back, _, err := edge(t, out.String(), nil)
	require.NoError(t, err, "what is printed can be read")
	require.Equal(t, cfg, back)
}

// Whatever a file holds, it is read or refused in lines that name the file.
func FuzzFile(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(""))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("? [x]\n: y\n"))
	f.Add([]byte("<<: {listen: x}\nlimits: {actions: 1}\n"))
	f.Add([]byte("---\n---\n"))
	f.Add([]byte("\"a\\nb\\e[31m\": 1\n"))
	f.Add([]byte("listen: !!binary AAAA\n\x00"))
	dir := f.TempDir()
	path := filepath.Join(dir, "edge.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		require.NoError(t, os.WriteFile(path, text, 0o600))
		cfg, origins, err := LoadEdge(Source{Path: path, Environ: home})
		if err == nil {
			require.NoError(t, Explain(new(strings.Builder), cfg, origins))
			return
		}
		problem := new(SettingError)
		require.True(t, errors.As(err, &problem), "%v", err)
		for line := range strings.Lines(err.Error()) {
			require.True(t, strings.HasPrefix(line, path) || strings.HasPrefix(line, "regions: ") || strings.HasPrefix(line, "listen: ") ||
				strings.HasPrefix(line, "consul."), "%q", line)
		}
	})
}
