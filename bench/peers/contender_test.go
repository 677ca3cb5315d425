package peers

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfigs(t *testing.T) {
	want := map[string][]string{
		"nginx-tcp": {
			"listen 127.0.0.1:7000;", "server 127.0.0.1:7001 max_fails=1 fail_timeout=10s;", "server 127.0.0.1:7002 backup;",
			"proxy_timeout 1m;",
		},
		"nginx-udp":       {"listen 127.0.0.1:7000 udp;", "proxy_responses 1;", "proxy_timeout 500ms;"},
		"haproxy-default": {"bind 127.0.0.1:7000", "server primary 127.0.0.1:7001 check inter 2s fall 3 rise 2\n", "on-marked-down shutdown-sessions", "timeout connect 5s\n"},
		"haproxy-100ms":   {"timeout connect 100ms\n", "check inter 100ms fall 2 rise 2\n", "server backup 127.0.0.1:7002 check inter 100ms fall 2 rise 2 backup\n"},
		"haproxy-observe": {"observe layer4 error-limit 1 on-error mark-down\n"},
		"haproxy-ask":     {"option tcp-check", "tcp-check send-binary 7100", "tcp-check expect binary 48\n"},
		"haproxy-all":     {"tcp-check expect binary 48\n", "observe layer4"},
	}
	for _, c := range Contenders() {
		text, err := c.config(example)
		require.NoError(t, err)
		require.Equal(t, want[c.Name] == nil, text == "", c.Name)
		for _, line := range want[c.Name] {
			require.Contains(t, text, line, c.Name)
		}
		require.NotContains(t, text, "load_module", "there is none to load here")
	}
	with := example
	with.Module = "/modules/ngx_stream_module.so"
	text, err := Contenders()[1].config(with)
	require.NoError(t, err)
	require.Contains(t, text, "load_module /modules/ngx_stream_module.so;\n")
}

// The real programs accept what we write for them, each that is on this machine.
func TestProgramsAcceptTheirConfigs(t *testing.T) {
	for _, c := range Contenders() {
		t.Run(c.Name, func(t *testing.T) {
			tool, err := c.find()
			if missing, ok := errors.AsType[*MissingError](err); ok {
				t.Skipf("not checked: %v", missing)
			}
			require.NoError(t, err)
			at := example
			at.Dir, at.Module = t.TempDir(), tool.module
			text, err := c.config(at)
			require.NoError(t, err)
			if text == "" {
				return // ours has none
			}
			file := filepath.Join(at.Dir, "config")
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			args := c.command(tool, file, true)
			out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			require.NotContains(t, string(out), "WARNING")
		})
	}
}

func TestStreamModule(t *testing.T) {
	dir := t.TempDir()
	_, ok := streamModule("configure arguments: --with-http_ssl_module --modules-path=" + dir)
	require.False(t, ok, "the package is not there")
	_, ok = streamModule("--with-stream=dynamic --modules-path=" + dir)
	require.False(t, ok, "it is a package of its own")
	file := filepath.Join(dir, "ngx_stream_module.so")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	got, ok := streamModule("--modules-path=" + dir + " --with-stream=dynamic")
	require.True(t, ok)
	require.Equal(t, file, got)
	got, ok = streamModule("--prefix=/etc/nginx --with-stream --with-stream_ssl_module")
	require.True(t, ok)
	require.Empty(t, got)
	_, ok = streamModule("--prefix=/etc/nginx")
	require.False(t, ok)
}

func TestFind(t *testing.T) {
	all, err := Find("")
	require.NoError(t, err)
	require.Len(t, all, 8)
	require.True(t, NeedsConsul(all))
	two, err := Find("haproxy-ask, nginx-udp")
	require.NoError(t, err)
	require.Equal(t, []string{"haproxy-ask", "nginx-udp"}, []string{two[0].Name, two[1].Name})
	require.False(t, NeedsConsul(two))
	_, err = Find("envoy")
	require.ErrorContains(t, err, `unknown contender "envoy": choose from reseat, nginx-tcp`)
}

// On a machine without the programs everything that needs them is told to be missing.
func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	defer func(dirs []string) { daemons = dirs }(daemons)
	daemons = nil
	var r Result
	tools, err := r.tools(Contenders())
	require.NoError(t, err)
	require.Len(t, tools, 1)
	require.Contains(t, tools, "reseat")
	require.False(t, r.Whole())
	missing := map[string]int{}
	for _, e := range r.Contenders {
		missing[e.Missing]++
		require.Equal(t, e.Name == "reseat", e.Config == "", "what it would have been is told")
	}
	require.Equal(t, map[string]int{
		"": 1,
		"nginx with its stream module is not installed: apt-get install nginx libnginx-mod-stream": 2,
		"haproxy is not installed: apt-get install haproxy":                                        5,
	}, missing)
}
