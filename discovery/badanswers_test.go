package discovery

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// badAnswers are the ways in which Consul, or what stands between, may answer
// badly, and the tests that meet each of them: functions of this package, subtests
// of TestBadAnswers, and tests of the contract (in quotes), which run on a real
// agent as well.
var badAnswers = []struct {
	answer string
	tests  []string
}{
	{"403", []string{"TestClassify", `"calls in trouble"`, `"watch in trouble"`, `"registration in trouble"`, "TestAccessControl", `"mesh in trouble"`}},
	{"404", []string{"TestBadAnswers/404", "TestLossIsConfirmed", "TestForgottenCheck", `"calls in trouble"`, `"watch in trouble"`}},
	{"429", []string{"TestClassify", "TestConnectionsAreBounded", `"calls in trouble"`, `"watch in trouble"`, "TestMeshWatchesAreCounted"}},
	{"500 no cluster leader", []string{"TestClassify", "TestRetryPace", `"calls in trouble"`, `"watch in trouble"`, `"registration in trouble"`, `"mesh in trouble"`, "TestMeshPace", "TestMeshWatchRunsAgain"}},
	{"200 with an empty body", []string{"TestBadAnswers/empty", `"calls in trouble"`, `"watch in trouble"`, `"registration in trouble"`, `"mesh in trouble"`}},
	{"truncated JSON", []string{"TestBadAnswers/cut", `"calls in trouble"`, `"watch in trouble"`, `"registration in trouble"`, `"mesh in trouble"`}},
	{"JSON of another kind", []string{"TestBadAnswers/null", "TestBadAnswers/object", "TestBadAnswers/list", "TestBadAnswers/page"}},
	{"index 0", []string{"TestNoBusyLoop", "TestNextIndex"}},
	{"index that goes down", []string{"TestNextIndex", `"index lost"`, `"raw blocking queries"`, `"wiped"`, `"mesh wiped"`}},
	{"huge answer", []string{"TestAnswersAreBounded", "TestHugeValues"}},
	{"huge value", []string{"TestReadRegion", "TestHugeHolderIsNotWritten", "TestReadKeys", "TestHugeValues", `"garbage in the mesh"`}},
	{"key of the wrong type", []string{"TestReadRegion", "FuzzReadRegion", `"garbage in the keys"`, `"a former holder nobody knows"`, "TestReadKeys", "FuzzReadKeys", `"garbage in the mesh"`}},
	{"foreign session", []string{"TestReadRegion", `"a foreign holder"`, `"plain write over the lock"`, `"unknown session"`, "TestReadKeys", `"a controller nobody knows"`}},
	{"service without address", []string{"FuzzReadServers", `"foreign services"`, `"edges"`}},
	{"health that flaps", []string{`"health that flaps"`, `"warning does not"`}},
	{"hang without an answer", []string{"TestHangIsNoticed", "TestInterruptions", `"calls in trouble"`, `"watch in trouble"`, `"mesh in trouble"`}},
	{"TLS error", []string{"TestTLS"}},
	{"wrong CA", []string{"TestTLS", "TestSettings"}},
	{"things left out", []string{`"lists with things left out"`, "TestAccessControl", "TestConnectionsAreBounded", `"mesh in trouble"`}},
}

// TestBadAnswers shows which test meets which bad answer, and that there are such
// tests. Its subtests are for answers that make no sense, to everything.
func TestBadAnswers(t *testing.T) {
	names := testNames(t)
	for _, bad := range badAnswers {
		t.Logf("%-24s %s", bad.answer, strings.Join(bad.tests, ", "))
		for _, test := range bad.tests {
			function, sub, _ := strings.Cut(test, "/")
			require.Contains(t, names, function, bad.answer)
			if sub != "" {
				require.Contains(t, nonsense, sub, bad.answer)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(nonsense)) {
		t.Run(name, func(t *testing.T) { everythingAnswers(t, nonsense[name]) })
	}
}

// testNames are those of this package's functions, and of the contract in quotes.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	for _, file := range append(files, "consultest/contract.go") {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(|^\t\{("[^"]+"), (?:true|false), \w+\},$`).FindAllSubmatch(text, -1) {
			names[string(match[1])+string(match[2])] = true
		}
	}
	return names
}

// nonsense writes an answer in the place of Consul's.
var nonsense = map[string]func(w http.ResponseWriter, good []byte){
	"404": func(w http.ResponseWriter, _ []byte) {
		w.Header().Del("X-Consul-Index") // with one, and for keys, it would make sense
		http.Error(w, "404 page not found", http.StatusNotFound)
	},
	"empty":  func(http.ResponseWriter, []byte) {},
	"cut":    func(w http.ResponseWriter, good []byte) { _, _ = w.Write(good[:len(good)/2]) },
	"null":   func(w http.ResponseWriter, _ []byte) { _, _ = io.WriteString(w, "null") },
	"object": func(w http.ResponseWriter, _ []byte) { _, _ = io.WriteString(w, "{}") },
	"list":   func(w http.ResponseWriter, _ []byte) { _, _ = io.WriteString(w, "[null]") },
	"page":   func(w http.ResponseWriter, _ []byte) { _, _ = io.WriteString(w, "<html>Please log in</html>") },
}

// everythingAnswers: no call succeeds that has an answer to go by, the
// registration goes on, and the watch shows nothing that it was not told. What is
// written happens nevertheless.
func everythingAnswers(t *testing.T, bad func(w http.ResponseWriter, good []byte)) {
	t.Helper()
	var broken atomic.Bool
	inBubble(t, Config{CheckTTL: 10 * time.Second}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			next.ServeHTTP(rec, r)
			maps.Copy(w.Header(), rec.Header()) // the index above all
			if broken.Load() {
				bad(w, rec.Body.Bytes())
				return
			}
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
		})
	}, func(b *bubble) {
		r := b.register()
		ended := b.run(r.Run)
		b.takeOver(r)
		w := b.c.Watch("r")
		b.run(w.Run)
		good := <-w.Views()
		require.NotNil(b, good.Primary)
		mesh := b.c.WatchMesh()
		meshes, _ := mesh.Subscribe()
		b.run(mesh.Run)
		goodMesh := <-meshes
		require.Len(b, goodMesh.Regions, 1)
		broken.Store(true)
		for name, call := range b.calls(r) {
			require.Error(b, call(), name)
		}
		time.Sleep(30 * time.Second)
		require.Empty(b, ended, "the registration goes on")
		v := <-w.Views()
		require.True(b, v.Stale)
		v.Stale = false
		require.True(b, Equal(good, v), "it says what it said before: %+v", v)
		m := <-meshes
		require.True(b, m.Stale)
		require.Equal(b, goodMesh.Servers, m.Servers)
		require.Equal(b, goodMesh.Region("r").Primary, m.Region("r").Primary)
		require.Len(b, m.Regions, 1)
	})
}

// calls are all that have an answer to go by.
func (b *bubble) calls(r *Registration) map[string]func() error {
	return map[string]func() error{
		"Register": func() error {
			_, err := b.c.Register(b.ctx, Server{Incarnation: "j", Address: "h:1", Regions: []string{"r"}})
			return err
		},
		"TakeOver": func() error {
			_, err := b.c.TakeOver(b.ctx, "r", r.Session(), Holder{Incarnation: "i"}, 0)
			return err
		},
		"InSync": func() error {
			_, err := b.c.InSync(b.ctx, "r")
			return err
		},
		"ChangeInSync": func() error {
			_, err := b.c.ChangeInSync(b.ctx, "r", r.Session(), 0, []string{"i"})
			return err
		},
		"ClearInSync": func() error { return b.c.ClearInSync(b.ctx, "r", r.Session(), 0) },
		"ForceOpen": func() error {
			_, err := b.c.ForceOpen(b.ctx, "r")
			return err
		},
		"Release": func() error { return b.c.Release(b.ctx, "r", r.Session()) },
		"RegisterEdge": func() error {
			_, err := b.c.RegisterEdge(b.ctx, EdgeServer{Incarnation: "j", Address: "h:1"})
			return err
		},
		"Edges": func() error {
			_, err := b.c.Edges(b.ctx)
			return err
		},
		"LeadMesh": func() error {
			_, err := b.c.LeadMesh(b.ctx, r.Session(), Controller{Incarnation: "i"})
			return err
		},
		"PutSeats": func() error {
			_, err := b.c.PutSeats(b.ctx, r.Session(), "r", Seats{})
			return err
		},
		"DropSeats": func() error { return b.c.DropSeats(b.ctx, r.Session(), "r", 0) },
		"PutMeshState": func() error {
			_, err := b.c.PutMeshState(b.ctx, r.Session(), MeshState{Level: "normal"}, 0)
			return err
		},
		"SetDrain":   func() error { return b.c.SetDrain(b.ctx, "i", Drain{}) },
		"ClearDrain": func() error { return b.c.ClearDrain(b.ctx, "i") },
		"ResignMesh": func() error { return b.c.ResignMesh(b.ctx, r.Session()) },
	}
}

func TestHugeHolderIsNotWritten(t *testing.T) {
	inBubble(t, Config{}, nil, func(b *bubble) {
		r := b.register()
		_, err := b.c.TakeOver(b.ctx, "r", r.Session(), Holder{Incarnation: "i", Trace: strings.Repeat("t", maxHolder)}, 0)
		require.ErrorContains(b, err, "bytes are more than")
		require.False(b, b.held())
		_, err = b.c.ChangeInSync(b.ctx, "r", r.Session(), 0, make([]string, maxMembers+1))
		require.ErrorContains(b, err, "65 members are more than 64")
	})
}

// TestTLS: a certificate that cannot be checked, and a peer that speaks no TLS or
// speaks it where none is wanted, or says nothing.
func TestTLS(t *testing.T) {
	consulServer := devconsul.New(devconsul.Options{})
	defer consulServer.Close()
	secure := httptest.NewTLSServer(consulServer)
	defer secure.Close()
	plain := httptest.NewServer(consulServer)
	defer plain.Close()
	mute, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer mute.Close()
	file := func(cert *x509.Certificate) string {
		path := filepath.Join(t.TempDir(), "ca.pem")
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600))
		return path
	}
	for _, test := range []struct {
		name, address, ca string
		kind              Kind
		complaint         string // empty: none
	}{
		{"right CA", secure.URL, file(secure.Certificate()), 0, ""},
		{"wrong CA", secure.URL, file(otherCertificate(t)), KindNetwork, "x509: "},
		{"the system's CAs", secure.URL, "", KindNetwork, "x509: "},
		{"no TLS there", "https://" + plain.Listener.Addr().String(), "", KindNetwork, "HTTP response to HTTPS client"},
		{"no TLS here", "http://" + secure.Listener.Addr().String(), "", KindOther, "400"},
		{"no handshake", "https://" + mute.Addr().String(), "", KindTimeout, "consul is unavailable (timeout)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := unhurried(test.address)
			cfg.CAFile = test.ca
			if test.kind == KindTimeout {
				cfg.Timeout = 200 * time.Millisecond
			}
			c, err := New(cfg, nil)
			require.NoError(t, err)
			defer c.Close()
			_, err = c.InSync(t.Context(), "r")
			if test.complaint == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.complaint)
			require.Equal(t, uint64(1), c.Stats().Errors[test.kind.String()])
			require.Equal(t, test.kind != KindOther, errors.Is(err, ErrUnavailable))
		})
	}
}

// otherCertificate has signed nothing that anybody uses.
func otherCertificate(t *testing.T) *x509.Certificate {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(nil, template, template, public, private)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert
}

// FuzzReadServers: whatever is in a health list, a server that is read from it can
// be relied on.
func FuzzReadServers(f *testing.F) {
	const meta = `"Meta":{"reseat-incarnation":"i"}`
	f.Add(`[{"Service":{"ID":"reseat-i","Address":"h","Port":1,"Tags":["r"],` + meta + `},"Checks":[{"CheckID":"beat:reseat-i","Status":"passing"},null]}]`)
	f.Add(`[{"Service":{"ID":"reseat-i","Port":1,"Tags":["r"],` + meta + `}},{"Service":{"ID":"reseat-i","Address":"h","Tags":["r"],` + meta + `}}]`)
	f.Add(`[{"Service":{"ID":"reseat-i","Address":"h","Port":70000,"Tags":["a/b",""],` + meta + `}},{},null]`)
	f.Add(`[{"Service":{"ID":"reseat-","Address":"h","Port":-1,"Tags":null,"Meta":null}}]`)
	f.Add(`[{"Service":{"ID":"reseat-edge:i","Address":"h","Port":1,"Meta":{"reseat-incarnation":"i","reseat-admin":"javascript:x"}}}]`)
	f.Add(`[{"Service":{"ID":"reseat-edge:i","Address":"h","Port":1,"Meta":{"reseat-incarnation":"i","reseat-admin":"http://h"}}}]`)
	f.Fuzz(func(t *testing.T, text string) {
		var entries []*consul.ServiceEntry
		if json.Unmarshal([]byte(text), &entries) != nil {
			return
		}
		for _, s := range readServers(entries) {
			require.NoError(t, s.validate())
		}
		for _, e := range readEdges(entries) {
			require.NoError(t, e.validate())
		}
	})
}
