package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
	"github.com/reseat-proxy/reseat/proxy/certs"
)

// lines are findings as people read them, of one check; "" of all.
func lines(findings []Finding, check string) (out []string) {
	for _, f := range findings {
		if check == "" || f.Check == check {
			out = append(out, string(f.Level)+" "+f.Text)
		}
	}
	return out
}

// sound is a machine that lacks nothing.
func sound() Machine {
	return Machine{
		Root: fstest.MapFS{
			"proc/sys/net/core/rmem_max": {Data: []byte("7340032\n")},
			"proc/sys/net/core/wmem_max": {Data: []byte("8388608\n")},
			"proc/self/cgroup":           {Data: []byte("0::/\n")},
		},
		Procs: 4, Files: func() (uint64, error) { return 65536, nil }, Now: time.Now,
	}
}

func TestKernel(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Machine, fstest.MapFS)
		check  string
		want   []string
	}{
		{"sound", func(*Machine, fstest.MapFS) {}, "", []string{
			"ok net.core.rmem_max is 7168 KiB", "ok net.core.wmem_max is 8192 KiB",
			"ok at most 65536; players share one socket, however many they are", "ok 4 threads, no quota",
		}},
		{"small buffers", func(_ *Machine, f fstest.MapFS) { f["proc/sys/net/core/rmem_max"].Data = []byte("212992\n") }, "udp buffers", []string{
			"warn net.core.rmem_max is 208 KiB, and QUIC asks for 7MiB: bursts are lost in the kernel, and sent again", "ok net.core.wmem_max is 8192 KiB",
		}},
		{"hidden buffers", func(_ *Machine, f fstest.MapFS) {
			delete(f, "proc/sys/net/core/rmem_max")
			f["proc/sys/net/core/wmem_max"].Data = []byte("much")
		}, "udp buffers", []string{"warn net.core.rmem_max cannot be read here", "warn net.core.wmem_max cannot be read here"}},
		{"few files", func(m *Machine, _ fstest.MapFS) { m.Files = func() (uint64, error) { return 100, nil } }, "open files", []string{
			"fail at most 100, and 256 are needed for the links to game servers, Consul and the admin API",
		}},
		{"some files", func(m *Machine, _ fstest.MapFS) { m.Files = func() (uint64, error) { return 512, nil } }, "open files", []string{
			"warn at most 512: enough for some game servers; 1024 is usual",
		}},
		{"unknown files", func(m *Machine, _ fstest.MapFS) { m.Files = func() (uint64, error) { return 0, errors.New("odd") } }, "open files", []string{
			"warn the limit is not known: odd",
		}},
		{"quota, version 2", func(_ *Machine, f fstest.MapFS) {
			f["proc/self/cgroup"].Data = []byte("0::/system.slice/reseat-edge.service\n")
			f["sys/fs/cgroup/system.slice/reseat-edge.service/cpu.max"] = &fstest.MapFile{Data: []byte("max 100000\n")}
			f["sys/fs/cgroup/system.slice/cpu.max"] = &fstest.MapFile{Data: []byte("250000 100000\n")}
		}, "cpu", []string{"warn GOMAXPROCS is 4 and the quota 2.50 CPUs: the process stands still for the rest of each period, which others take for death"}},
		{"quota, version 1", func(m *Machine, f fstest.MapFS) {
			m.Procs = 2
			f["proc/self/cgroup"].Data = []byte("3:cpuset:/x\n2:cpu,cpuacct:/pod/one\n")
			f["sys/fs/cgroup/cpu/pod/one/cpu.cfs_quota_us"] = &fstest.MapFile{Data: []byte("50000\n")}
			f["sys/fs/cgroup/cpu/pod/one/cpu.cfs_period_us"] = &fstest.MapFile{Data: []byte("100000\n")}
			f["sys/fs/cgroup/cpu/pod/cpu.cfs_quota_us"] = &fstest.MapFile{Data: []byte("-1\n")}
			f["sys/fs/cgroup/cpu/pod/cpu.cfs_period_us"] = &fstest.MapFile{Data: []byte("100000\n")}
		}, "cpu", []string{"warn the quota is 0.50 CPUs: the process stands still for the rest of each period, which others take for death"}},
		{"quota that suffices", func(_ *Machine, f fstest.MapFS) {
			f["sys/fs/cgroup/cpu.max"] = &fstest.MapFile{Data: []byte("400000 100000\n")}
		}, "cpu", []string{"ok 4 threads, quota 4.00 CPUs"}},
		{"nonsense", func(_ *Machine, f fstest.MapFS) {
			f["proc/self/cgroup"].Data = []byte("what\n0::/../x\n")
			f["sys/fs/cgroup/cpu.max"] = &fstest.MapFile{Data: []byte("a b\n")}
		}, "cpu", []string{"ok 4 threads, no quota"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := sound()
			tt.change(&m, m.Root.(fstest.MapFS))
			findings := Examine(t.Context(), Patient{Machine: m})
			require.Equal(t, tt.want, lines(findings, tt.check))
			for _, f := range findings {
				require.Equal(t, f.Level == OK, f.Do == "", "%v", f)
			}
		})
	}
}

// This machine, whatever it is, can be looked at.
func TestThisMachine(t *testing.T) {
	require.NotEmpty(t, Examine(t.Context(), Patient{}))
}

func edge(t *testing.T, set certs.Set) *config.Edge {
	t.Helper()
	cfg := config.DefaultEdge()
	cfg.StateDir, cfg.Regions = t.TempDir(), []string{"arena"}
	cfg.Listen, cfg.Admin.Listen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.TLS = config.TLS{Cert: set.Public.Cert, Key: set.Public.Key}
	cfg.LinkTLS = config.LinkTLS{CA: set.Edge.CA, Cert: set.Edge.Cert, Key: set.Edge.Key}
	return &cfg
}

func TestCertificates(t *testing.T) {
	set, err := certs.Dev(t.TempDir())
	require.NoError(t, err)
	other, err := certs.Dev(t.TempDir())
	require.NoError(t, err)
	for _, tt := range []struct {
		name   string
		change func(*Patient)
		level  Level
		says   []string // of each certificate
	}{
		{"good", func(*Patient) {}, OK, []string{"for players: " + set.Public.Cert + ", until ", "for links: " + set.Edge.Cert + ", until "}},
		{"for development", func(p *Patient) { p.Edge.TLS, p.Edge.LinkTLS = config.TLS{}, config.LinkTLS{} }, Warn, []string{
			"for players: none is set, and players must be given the CA", "for links: none is set, and development certificates are for this machine only",
		}},
		{"ends soon", func(p *Patient) {
			leaf, err := leafOf(set.Public.Cert)
			require.NoError(t, err)
			p.Machine.Now = func() time.Time { return leaf.NotAfter.Add(-50 * time.Hour) }
		}, Warn, []string{" ends in 2 days, on ", " ends in "}},
		{"other key", func(p *Patient) {
			p.Edge.TLS.Key, p.Edge.LinkTLS.Key = other.Public.Key, other.Edge.Key
		}, Fail, []string{"no certificate with its key", "no certificate with its key"}},
		{"other CA and role", func(p *Patient) {
			p.Edge.LinkTLS.CA, p.Edge.TLS.Cert = other.Edge.CA, "/nowhere"
		}, Fail, []string{"/nowhere: no such file", "not signed by the CA"}},
		{"other role", func(p *Patient) {
			p.Edge.LinkTLS = config.LinkTLS{CA: set.Server.CA, Cert: set.Server.Cert, Key: set.Server.Key}
			p.Edge.TLS.Cert = ""
		}, "", []string{"none is set", "is not for this role: it names"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Patient{Edge: edge(t, set), Machine: sound()}
			tt.change(&p)
			var found []Finding
			for _, f := range Examine(t.Context(), p) {
				if f.Check == "certificate" {
					found = append(found, f)
				}
			}
			require.Len(t, found, len(tt.says))
			for i, f := range found {
				require.Contains(t, f.Text, tt.says[i])
				if tt.level != "" {
					require.Equal(t, tt.level, f.Level, f.Text)
				}
			}
		})
	}
	sidecar := config.DefaultSidecar()
	sidecar.LinkTLS = config.LinkTLS{CA: set.Server.CA, Cert: set.Server.Cert, Key: set.Server.Key}
	require.Contains(t, lines(Examine(t.Context(), Patient{Sidecar: &sidecar, Machine: sound()}), "certificate")[0], "ok for links: ")

	admin := Patient{Edge: edge(t, set), Machine: sound()}
	admin.Edge.Admin.TLSCert, admin.Edge.Admin.TLSKey = set.Public.Cert, set.Public.Key
	require.Contains(t, lines(Examine(t.Context(), admin), "certificate")[2], "ok for the admin API: ")
}

func TestPorts(t *testing.T) {
	set, err := certs.Dev(t.TempDir())
	require.NoError(t, err)
	var lc net.ListenConfig
	udp, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer udp.Close()
	p := Patient{Edge: edge(t, set), Machine: sound()}
	require.Equal(t, []string{"ok udp 127.0.0.1:0 for players is free", "ok tcp 127.0.0.1:0 for the admin API is free"}, lines(Examine(t.Context(), p), "port"))
	p.Edge.Listen, p.Edge.Admin.Listen = udp.LocalAddr().String(), "192.0.2.1:7700"
	require.Equal(t, []string{
		"warn udp " + udp.LocalAddr().String() + " for players is in use",
		"fail tcp 192.0.2.1:7700 for the admin API is not an address of this machine",
	}, lines(Examine(t.Context(), p), "port"))
	p.Edge.Admin.Listen = config.Off
	require.Len(t, lines(Examine(t.Context(), p), "port"), 1)

	sidecar := config.DefaultSidecar()
	sidecar.Game.Socket = "unix:" + filepath.Join(t.TempDir(), "game.sock")
	require.Equal(t, []string{"ok udp 127.0.0.1:0 for links is free", "ok unix " + strings.TrimPrefix(sidecar.Game.Socket, "unix:") + " for the game"},
		lines(Examine(t.Context(), Patient{Sidecar: &sidecar, Machine: sound()}), "port"))
	sidecar.Game.Socket = "tcp:127.0.0.1:0"
	require.Contains(t, lines(Examine(t.Context(), Patient{Sidecar: &sidecar, Machine: sound()}), "port"), "ok tcp 127.0.0.1:0 for the game is free")
}

func TestStateFolder(t *testing.T) {
	p := Patient{Edge: edge(t, certs.Set{}), Machine: sound()}
	dir := p.Edge.StateDir
	p.Edge.StateDir = filepath.Join(dir, "to", "be", "made")
	require.Equal(t, []string{"ok " + p.Edge.StateDir}, lines(Examine(t.Context(), p), "state folder"))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "nothing stays")

	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	p.Edge.StateDir = filepath.Join(file, "below")
	found := lines(Examine(t.Context(), p), "state folder")
	require.Len(t, found, 1)
	require.Contains(t, found[0], "fail "+p.Edge.StateDir)
}

// consulAt is a client of a Consul that answers so.
func consulAt(t *testing.T, handler http.Handler) *discovery.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	client, err := discovery.New(discovery.Config{Address: server.URL}, nil)
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// answers is as much of Consul as the doctor asks for.
type answers struct {
	version, leader, policy string
	ahead                   time.Duration
	deny                    func(resource, name, access string) bool
	noSession               bool
	noACL                   bool
}

func (a answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", time.Now().Add(a.ahead).UTC().Format(http.TimeFormat))
	w.Header().Set("X-Consul-Default-Acl-Policy", a.policy)
	switch r.URL.Path {
	case "/v1/status/leader":
		fmt.Fprintf(w, "%q", a.leader)
	case "/v1/agent/version":
		fmt.Fprintf(w, `{"HumanVersion":%q}`, a.version)
	case "/v1/internal/acl/authorize":
		if a.noACL {
			http.Error(w, "ACL support disabled", http.StatusUnauthorized)
			return
		}
		var asked []struct{ Resource, Segment, Access string }
		_ = json.NewDecoder(r.Body).Decode(&asked)
		var out []map[string]any
		for _, q := range asked {
			out = append(out, map[string]any{"Allow": a.deny == nil || !a.deny(q.Resource, q.Segment, q.Access)})
		}
		_ = json.NewEncoder(w).Encode(out)
	case "/v1/session/create":
		if a.noSession {
			http.Error(w, "Permission denied", http.StatusForbidden)
			return
		}
		fmt.Fprint(w, `{"ID":"x"}`)
	case "/v1/health/service/reseat-game":
		fmt.Fprint(w, `[{"Node":{"Node":"game-1"},"Service":{}}]`)
	default:
		fmt.Fprint(w, "true")
	}
}

func TestConsul(t *testing.T) {
	good := answers{version: "1.22.5", leader: "10.0.0.1:8300", policy: "deny"}
	change := func(how func(*answers)) answers { a := good; how(&a); return a }
	for _, tt := range []struct {
		name    string
		answers http.Handler
		sidecar bool
		want    map[string][]string
	}{
		{"good", good, false, map[string][]string{
			"consul":        {"ok here is Consul 1.22.5, leader 10.0.0.1:8300"},
			"consul rights": {"ok 6 rights, those without which Consul answers less in silence included"},
		}},
		{"good, sidecar", good, true, map[string][]string{"consul rights": {"ok 9 rights, those without which Consul answers less in silence included"}}},
		{"old", change(func(a *answers) { a.version = "1.9.17+ent" }), false, map[string][]string{
			"consul": {"warn here is Consul 1.9.17+ent, which is older than what is tested, and has known holes"},
		}},
		{"no leader", change(func(a *answers) { a.leader = "" }), false, map[string][]string{"consul": {"fail here has no leader"}}},
		{"clock", change(func(a *answers) { a.ahead = -time.Hour }), false, map[string][]string{
			"clock": {"warn Consul's clock and this one are 1h0m0s apart: leases do not depend on that, certificates and the times in logs do"},
		}},
		{"silent right", change(func(a *answers) {
			a.deny = func(resource, _, _ string) bool { return resource == "node" }
		}), false, map[string][]string{
			"consul rights": {`fail the token lacks node_prefix "" { policy = "read" }: Consul leaves the servers of such nodes out of its answers, and reports no error`},
		}},
		{"sessions of other nodes", change(func(a *answers) {
			a.deny = func(resource, name, _ string) bool { return resource == "session" && name != "own" }
		}), true, map[string][]string{
			"consul rights": {`fail the token lacks session_prefix "" { policy = "write" }: it cannot end the session of a dead primary on another machine, which then takes until its check expires`},
		}},
		{"no session", change(func(a *answers) { a.noSession = true }), false, map[string][]string{
			"consul rights": {`fail no session can be made: discovery: create session was refused by consul: the token needs session_prefix "" { policy = "write" }, or that of the one node (Permission denied)`},
		}},
		{"open", change(func(a *answers) { a.noACL, a.policy = true, "allow" }), false, map[string][]string{
			"consul rights": {"warn everybody who reaches Consul may do everything"},
		}},
		{"not Consul", http.NotFoundHandler(), false, map[string][]string{"consul rights": nil}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := Patient{Consul: consulAt(t, tt.answers), Machine: sound()}
			if tt.sidecar {
				cfg := config.DefaultSidecar()
				cfg.Regions, cfg.Consul.Address = []string{"arena"}, "here"
				p.Sidecar = &cfg
			} else {
				p.Edge = edge(t, certs.Set{})
				p.Edge.Consul.Address = "here"
			}
			findings := Examine(t.Context(), p)
			for check, want := range tt.want {
				require.Equal(t, want, lines(findings, check), "%v", findings)
			}
		})
	}
}

// A Consul that hangs is given up on.
func TestConsulHangs(t *testing.T) {
	stuck := make(chan struct{})
	defer close(stuck)
	p := Patient{Edge: edge(t, certs.Set{}), Machine: sound(), Consul: consulAt(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
	}))}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	found := lines(Examine(ctx, p), "consul")
	require.Len(t, found, 1)
	require.Contains(t, found[0], "does not answer")
	require.NoError(t, ctx.Err())
}

// The demo's registry is not taken for Consul.
func TestDevConsul(t *testing.T) {
	registry := devconsul.New(devconsul.Options{})
	defer registry.Close()
	p := Patient{Edge: edge(t, certs.Set{}), Machine: sound(), Consul: consulAt(t, registry)}
	findings := Examine(t.Context(), p)
	require.Contains(t, lines(findings, "consul")[0], "it stands in for Consul")
	require.Equal(t, []string{"warn Consul does not tell what the token may do"}, lines(findings, "consul rights"))
	require.Zero(t, Failed(findings))
}

func TestOlder(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"1.22.4", "1.22.5", true},
		{"1.22.5", "1.22.5", false},
		{"1.23.0", "1.22.5", false},
		{"1.9.17", "1.22.5", true},
		{"v2.0.0", "1.22.5", false},
		{"1.22.5-dev", "1.22.5", false},
		{"", "1.22.5", true},
		{"1.22.10", "1.22.5", false},
	} {
		require.Equal(t, tt.want, older(tt.a, tt.b), "%s, %s", tt.a, tt.b)
	}
}

func TestWrite(t *testing.T) {
	findings := append(Settings(nil, "edge.yaml"), Settings(errors.Join(errors.New("a: is wrong"), errors.New("b: is worse")), "")...)
	var out bytes.Buffer
	Write(&out, findings)
	require.Equal(t, `ok    settings        edge.yaml
fail  settings        a: is wrong
                      → correct it; --print-config of the command shows what is in effect
fail  settings        b: is worse
                      → correct it; --print-config of the command shows what is in effect
`, out.String())
	require.Equal(t, 2, Failed(findings))

	out.Reset()
	require.NoError(t, WriteJSON(&out, findings[:2]))
	require.JSONEq(t, `{"failed":1,"findings":[{"check":"settings","level":"ok","text":"edge.yaml"},
		{"check":"settings","level":"fail","text":"a: is wrong","do":"correct it; --print-config of the command shows what is in effect"}]}`, out.String())
}
