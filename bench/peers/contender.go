package peers

import (
	"bytes"
	"embed"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/reseat-proxy/reseat/bench/choose"
)

// kind is the program behind a contender.
type kind string

const (
	ours    kind = "reseat"
	nginx   kind = "nginx"
	haproxy kind = "haproxy"
)

// Contender is something that stands between players and game servers.
type Contender struct {
	Name string
	Says string // its settings in words

	kind    kind
	network string   // that players use; empty: QUIC
	options []string // lines of its configuration
	server  string   // settings of HAProxy's servers
	connect string   // HAProxy's time to connect
}

// quick is what a careful user, whose servers are near, sets instead of HAProxy's usual
// times: a connection that was refused waits as long as it may take to connect before
// the next try, but 1 s at most; and a check may take until the next one.
const quick = "100ms"

// Contenders are all there are, in the order in which they take turns.
func Contenders() []Contender {
	ask := []string{
		"timeout check " + quick,
		"option tcp-check",
		"tcp-check connect",
		"tcp-check send-binary " + hex.EncodeToString(question()),
		"tcp-check expect binary " + hex.EncodeToString([]byte{kindHere}),
	}
	return []Contender{
		{Name: "reseat", Says: "three servers, one edge, real Consul", kind: ours},
		{Name: "nginx-tcp", Says: "passive checks, backup upstream", kind: nginx, network: "tcp", options: []string{"proxy_timeout 1m"}},
		{
			Name: "nginx-udp", Says: "passive checks, backup upstream, one answer to each datagram", kind: nginx, network: "udp",
			// The only way in which this nginx notices that nobody answers a datagram.
			options: []string{"proxy_requests 1", "proxy_responses 1", "proxy_timeout 500ms"},
		},
		{
			Name: "haproxy-default", Says: "default checks: connect every 2 s, down after 3 failures", kind: haproxy, network: "tcp",
			server: "check inter 2s fall 3 rise 2", connect: "5s",
		},
		{
			Name: "haproxy-100ms", Says: "checks every 100 ms, down after 2 failures", kind: haproxy, network: "tcp",
			server: "check inter 100ms fall 2 rise 2", connect: quick,
		},
		{
			Name: "haproxy-observe", Says: "default checks, and observe layer4: down at the first failed connection", kind: haproxy, network: "tcp",
			server: "check inter 2s fall 3 rise 2 observe layer4 error-limit 1 on-error mark-down", connect: quick,
		},
		{
			Name: "haproxy-ask", Says: "a check that asks the game, every 100 ms, down after 2 failures", kind: haproxy, network: "tcp",
			options: ask, server: "check inter 100ms fall 2 rise 2", connect: quick,
		},
		{
			Name: "haproxy-all", Says: "observe layer4 and the check that asks the game", kind: haproxy, network: "tcp",
			options: ask, server: "check inter 100ms fall 2 rise 2 observe layer4 error-limit 1 on-error mark-down", connect: quick,
		},
	}
}

// Names are those of all contenders.
func Names() (names []string) {
	for _, c := range Contenders() {
		names = append(names, c.Name)
	}
	return names
}

// Find returns contenders by a comma-separated list of their names; all for none.
func Find(list string) ([]Contender, error) {
	if list == "" {
		return Contenders(), nil
	}
	return choose.From("contender", list, Names(), Contenders())
}

// question is the frame of a health check.
func question() []byte {
	frame := make([]byte, frameSize)
	putFrame(frame, kindAsk, action{})
	return frame
}

// MissingError is of a program that is not on this machine.
type MissingError struct {
	Program, Packages string // Packages of Debian that have it
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("%s is not installed: apt-get install %s", e.Program, e.Packages)
}

// tool is a proxy program of this machine.
type tool struct {
	path   string
	module string // of nginx, that it has to load; empty: none
}

// find looks for the contender's program.
func (c Contender) find() (tool, error) {
	switch c.kind {
	case nginx:
		missing := &MissingError{"nginx with its stream module", "nginx libnginx-mod-stream"}
		path, ok := look("nginx")
		if !ok {
			return tool{}, missing
		}
		built, err := exec.Command(path, "-V").CombinedOutput() //nolint:noctx // it takes milliseconds
		if err != nil {
			return tool{}, fmt.Errorf("%s -V: %w: %s", path, err, built)
		}
		module, ok := streamModule(string(built))
		if !ok {
			return tool{}, missing
		}
		return tool{path, module}, nil
	case haproxy:
		path, ok := look("haproxy")
		if !ok {
			return tool{}, &MissingError{"haproxy", "haproxy"}
		}
		return tool{path: path}, nil
	case ours:
	}
	return tool{}, nil
}

// daemons is where daemons are that PATH does not have.
var daemons = []string{"/usr/sbin", "/usr/local/sbin"}

// look finds a program in PATH, or where daemons are.
func look(name string) (path string, ok bool) {
	path, err := exec.LookPath(name)
	for _, dir := range daemons {
		if err != nil {
			path, err = exec.LookPath(filepath.Join(dir, name))
		}
	}
	return path, err == nil
}

// streamModule reads out of `nginx -V` whether there is a stream module, and the file
// to load if it is none of the program's own.
func streamModule(built string) (file string, ok bool) {
	dir := ""
	for option := range strings.FieldsSeq(built) {
		if path, found := strings.CutPrefix(option, "--modules-path="); found {
			dir = path
		}
		if option == "--with-stream" {
			return "", true
		}
	}
	file = filepath.Join(dir, "ngx_stream_module.so")
	_, err := os.Stat(file)
	return file, dir != "" && err == nil
}

//go:embed configs
var configs embed.FS

var templates = template.Must(template.ParseFS(configs, "configs/*"))

// place is where a proxy stands.
type place struct {
	Listen, Primary, Backup string // addresses
	Dir                     string // for what it writes
	Module                  string
}

// config is the text of the contender's configuration file; empty for Reseat.
func (c Contender) config(p place) (string, error) {
	name := map[kind]string{nginx: "nginx.conf.tmpl", haproxy: "haproxy.cfg.tmpl"}[c.kind]
	if name == "" {
		return "", nil
	}
	var out bytes.Buffer
	err := templates.ExecuteTemplate(&out, name, struct {
		place
		Name, Says, Server, Connect string

		Options []string
		UDP     bool
	}{p, c.Name, c.Says, c.server, c.connect, c.options, c.network == "udp"})
	if err != nil {
		return "", fmt.Errorf("peers: configuration of %s: %w", c.Name, err)
	}
	return out.String(), nil
}

// command is how the contender's program is started, or how it checks a
// configuration.
func (c Contender) command(t tool, config string, check bool) []string {
	switch {
	case c.kind == nginx && check:
		return []string{t.path, "-t", "-e", "stderr", "-c", config}
	case c.kind == nginx:
		return []string{t.path, "-e", "stderr", "-c", config}
	case check:
		return []string{t.path, "-c", "-f", config}
	}
	return []string{t.path, "-db", "-f", config}
}

// NeedsConsul tells whether one of some contenders does.
func NeedsConsul(contenders []Contender) bool {
	return slices.ContainsFunc(contenders, func(c Contender) bool { return c.kind == ours })
}
