package config

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bad is one configuration that must be refused, and every word of the refusal.
type bad struct {
	name string
	yaml string
	env  []string
	args []string
	want string
}

func TestBadFiles(t *testing.T) {
	for _, tt := range []bad{
		{
			name: "empty", yaml: "# nothing\n",
			want: `edge.yaml: is empty: write settings into it, or start without it to run on defaults`,
		},
		{
			name: "syntax", yaml: "listen: [\n",
			want: `edge.yaml:1: not valid YAML: did not find expected node content`,
		},
		{
			name: "no mapping", yaml: "- listen\n",
			want: `edge.yaml:1: must be a section: lines of key: value`,
		},
		{
			name: "two documents", yaml: minimal + "---\nname: b\n",
			want: `edge.yaml: has more than one document: remove what follows the second ---`,
		},
		{
			name: "unknown key", yaml: minimal + "limts: {}\n",
			want: `edge.yaml:3: limts: unknown key; did you mean limits?`,
		},
		{
			name: "unknown key, swapped letters", yaml: minimal + "limits:\n  atcions: 100\n",
			want: `edge.yaml:4: limits.atcions: unknown key; did you mean limits.actions?`,
		},
		{
			name: "unknown key, half a name", yaml: minimal + "consul:\n  token: s.0123456789\n",
			want: `edge.yaml:4: consul.token: unknown key; did you mean consul.token_file?`,
		},
		{
			name: "unknown key, of another section", yaml: minimal + "keepalive: 1s\n",
			want: `edge.yaml:3: keepalive: unknown key; did you mean link.keepalive?`,
		},
		{
			name: "unknown key, like nothing", yaml: minimal + "zzzzzzzz: 1\n",
			want: `edge.yaml:3: zzzzzzzz: unknown key`,
		},
		{
			name: "merge key", yaml: minimal + "<<: {name: b}\n",
			want: `edge.yaml:3: <<: unknown key`,
		},
		{
			name: "duplicate key", yaml: minimal + "name: a\nname: b\n",
			want: `edge.yaml:4: name: stands twice, first in line 3: remove one`,
		},
		{
			name: "duplicate section", yaml: minimal + "link: {idle: 1s}\nlink:\n  idle: 2s\n",
			want: `edge.yaml:4: link: stands twice, first in line 3: remove one`,
		},
		{
			name: "scalar for a section", yaml: minimal + "limits: 100\n",
			want: `edge.yaml:3: limits: must be a section: lines of key: value`,
		},
		{
			name: "section for a scalar", yaml: minimal + "drain_timeout: {a: 1}\n",
			want: `edge.yaml:3: drain_timeout: must be a duration, as 10s`,
		},
		{
			name: "list for a scalar", yaml: minimal + "limits: {players: [1, 2]}\n",
			want: `edge.yaml:3: limits.players: must be a number`,
		},
		{
			name: "scalar for a list", yaml: "regions: arena\nlisten: 127.0.0.1:7777\n",
			want: `edge.yaml:1: regions: must be a list, as [a, b]`,
		},
		{
			name: "list of lists", yaml: "regions: [[arena]]\nlisten: 127.0.0.1:7777\n",
			want: `edge.yaml:1: regions: must be a list, as [a, b]`,
		},
		{
			name: "no value", yaml: minimal + "name:\n",
			want: `edge.yaml:3: name: has no value: give it one, or remove the line`,
		},
		{
			name: "not a number", yaml: minimal + "limits: {actions: many}\n",
			want: `edge.yaml:3: limits.actions: "many" is not a whole number`,
		},
		{
			name: "not a duration", yaml: minimal + "link:\n  idle: 300\n",
			want: `edge.yaml:4: link.idle: "300" is not a duration: write a number and a unit, as 300ms, 10s or 5m`,
		},
		{
			name: "not a size", yaml: minimal + "limits: {bytes: 64kb}\n",
			want: `edge.yaml:3: limits.bytes: "64kb" is not a size: write bytes, as 65536, or a unit, as 64KiB or 16MiB`,
		},
		{
			name: "not a level", yaml: minimal + "log: {level: loud}\n",
			want: `edge.yaml:3: log.level: "loud" is not a log level: use debug, info, warn or error`,
		},
		{
			name: "several at once", yaml: "listn: x\nregions: [arena]\nlink: {idle: x}\n",
			want: `edge.yaml:1: listn: unknown key; did you mean listen?` + "\n" +
				`edge.yaml:3: link.idle: "x" is not a duration: write a number and a unit, as 300ms, 10s or 5m`,
		},
		{
			name: "bad variable", yaml: minimal, env: []string{"RESEAT_EDGE_LIMITS_ACTIONS=x"},
			want: `RESEAT_EDGE_LIMITS_ACTIONS: "x" is not a whole number`,
		},
		{
			name: "misspelled variable", yaml: minimal, env: []string{"RESEAT_EDGE_REGION=arena", "RESEAT_EDGE_SERVICE_HOST=10.0.0.1", "RESEAT_SIDECAR_NAM=a"},
			want: `RESEAT_EDGE_REGION: not a setting; did you mean RESEAT_EDGE_REGIONS?`,
		},
		{
			name: "bad flag", yaml: minimal, args: []string{"--drain-timeout", "soon"},
			want: `--drain-timeout: "soon" is not a duration: write a number and a unit, as 300ms, 10s or 5m`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := edge(t, tt.yaml, tt.env, tt.args...)
			require.EqualError(t, err, tt.want)
		})
	}
}

func TestMissingFile(t *testing.T) {
	t.Chdir(t.TempDir())
	_, _, err := LoadEdge(Source{Path: "edge.yaml"})
	require.EqualError(t, err, "edge.yaml: no such file")
	_, _, err = LoadEdge(Source{Path: "."})
	require.EqualError(t, err, ".: is a directory")
}

func TestBadEdges(t *testing.T) {
	for _, tt := range []bad{
		{
			name: "no region", yaml: "listen: 127.0.0.1:7777\n",
			want: `regions: is not set: name at least one region, such as arena, with regions in the file, RESEAT_EDGE_REGIONS or --region`,
		},
		{
			name: "region name", yaml: "regions: [a/b]\nlisten: 127.0.0.1:7777\n",
			want: `edge.yaml:1: regions: "a/b" cannot be a name: use 1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit`,
		},
		{
			name: "region twice", yaml: minimal, args: []string{"--region=a,b,a"},
			want: `--region: "a" stands twice: remove one`,
		},
		{
			name: "too many regions", yaml: minimal, args: []string{"--region=" + strings.Join(numbered(1001), ",")},
			want: `--region: 1001 are too many for one process: use at most 1000, and another process for the rest`,
		},
		{
			name: "no port", yaml: minimal, args: []string{"--listen=127.0.0.1"},
			want: `--listen: "127.0.0.1" is not an address: write host:port, as :7777 or 127.0.0.1:7777`,
		},
		{
			name: "port out of range", yaml: minimal, args: []string{"--listen=127.0.0.1:70000"},
			want: `--listen: port "70000" is out of range: use 1 to 65535`,
		},
		{
			name: "negative port", yaml: minimal, args: []string{"--listen=127.0.0.1:-1"},
			want: `--listen: port "-1" is out of range: use 1 to 65535`,
		},
		{
			name: "another port at each start", yaml: minimal, args: []string{"--listen=10.1.2.3:0", "--region=arena"},
			want: `--listen: port 0 is another port at each start, which players cannot know: choose one, as :7777` + "\n" +
				`--listen: 10.1.2.3:0 is open to other machines, but link_tls is not set, and development certificates are for this machine only: ` +
				`set link_tls.ca, link_tls.cert and link_tls.key, or use 127.0.0.1`,
		},
		{
			name: "bad host", yaml: minimal, args: []string{"--listen=[::1/64]:7777"},
			want: `--listen: "[::1/64]:7777" is not an address: write host:port, as :7777 or 127.0.0.1:7777`,
		},
		{
			name: "open without certificates", yaml: "regions: [arena]\n",
			want: `listen: :7777 is open to other machines, but link_tls is not set, and development certificates are for this machine only: ` +
				`set link_tls.ca, link_tls.cert and link_tls.key, or use 127.0.0.1`,
		},
		{
			name: "half a pair", yaml: minimal + "tls: {cert: cert.pem}\n",
			want: `edge.yaml:3: tls.cert: works only together with tls.key: set all of them, or none` + "\n" +
				`edge.yaml:3: tls.cert: cert.pem: no such file`,
		},
		{
			name: "name", yaml: minimal + "name: ../a\n",
			want: `edge.yaml:3: name: "../a" cannot be a name: use 1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit`,
		},
		{
			name: "zero duration", yaml: minimal + "drain_timeout: 0s\n",
			want: `edge.yaml:3: drain_timeout: 0s is out of range: use 1ms to 24h`,
		},
		{
			name: "negative duration", yaml: minimal + "link: {idle: -1s}\n",
			want: `edge.yaml:3: link.idle: -1s is out of range: use 50ms to 1m`,
		},
		{
			name: "huge duration", yaml: minimal + "limits: {age: 100h}\n",
			want: `edge.yaml:3: limits.age: 100h is out of range: use 100ms to 1h`,
		},
		{
			name: "age against detection", yaml: minimal + "limits: {age: 2s}\n",
			want: `edge.yaml:3: limits.age: 2s is too short: a failover that only Consul notices takes consul.check_ttl and link.idle, 3.3s together, and players would be gone by then`,
		},
		{
			name: "no buffer", yaml: minimal + "limits: {actions: 0}\n",
			want: `edge.yaml:3: limits.actions: 0 is out of range: use 1 to 10000`,
		},
		{
			name: "huge size", yaml: minimal + "limits: {snapshot_bytes: 1GiB}\n",
			want: `edge.yaml:3: limits.snapshot_bytes: 1GiB is out of range: use 1KiB to 16MiB`,
		},
		{
			name: "action above the frame", yaml: minimal + "limits: {action_bytes: 5KiB}\n",
			want: `edge.yaml:3: limits.action_bytes: 5KiB is out of range: use 1 to 4KiB`,
		},
		{
			name: "log below an action", yaml: minimal + "limits: {bytes: 1KiB}\n",
			want: `edge.yaml:3: limits.bytes: 1KiB is below limits.action_bytes, 4KiB: the largest action could never be kept`,
		},
		{
			name: "region below a log", yaml: minimal + "limits: {region_bytes: 32KiB}\n",
			want: `edge.yaml:3: limits.region_bytes: 32KiB is below limits.bytes, 64KiB: not even one player's log would fit`,
		},
		{
			name: "keepalive against idle", yaml: minimal + "link: {keepalive: 200ms}\n",
			want: `edge.yaml:3: link.keepalive: 200ms is above half of link.idle, 300ms: one lost packet would look like a death`,
		},
		{
			name: "session TTL that Consul refuses", yaml: minimal + "consul: {session_ttl: 5s}\n",
			want: `edge.yaml:3: consul.session_ttl: 5s is out of range: use 10s to 24h`,
		},
		{
			name: "timeout against check TTL", yaml: minimal + "consul: {timeout: 2s}\n",
			want: `consul.check_ttl: 3s is below three times consul.timeout, 2s: one lost beat would look like a death`,
		},
		{
			name: "session TTL against check TTL", yaml: minimal + "consul: {check_ttl: 20s}\nlimits: {age: 1m}\n",
			want: `consul.session_ttl: 10s is below consul.check_ttl, 20s: a primary would lose its lease before its check fails`,
		},
		{
			name: "Consul address", yaml: minimal + "consul: {address: 'http://'}\n",
			want: `edge.yaml:3: consul.address: "http://" is not an address: write host:port, http://host:port, https://host:port or unix:///path`,
		},
		{
			name: "Consul scheme", yaml: minimal, env: []string{"CONSUL_HTTP_ADDR=ftp://consul:21"},
			want: `CONSUL_HTTP_ADDR: consul.address: "ftp" is not known: use http, https or unix`,
		},
		{
			name: "Consul port", yaml: minimal, args: []string{"--consul=consul:99999"},
			want: `--consul: port "99999" is out of range: use 1 to 65535`,
		},
		{
			name: "password in an address", yaml: minimal, args: []string{"--consul=https://root:secret@consul:8501"},
			want: `--consul: has a password in it: put the token into a file and its path into consul.token_file`,
		},
		{
			name: "password in a broken address", yaml: minimal, args: []string{"--consul=root:sec%ret@consul"},
			want: `--consul: "xxxxx@consul" is not an address: write host:port, http://host:port, https://host:port or unix:///path`,
		},
		{
			name: "prefix", yaml: minimal + "consul: {prefix: /reseat}\n",
			want: `edge.yaml:3: consul.prefix: "" cannot be a name: use 1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit`,
		},
		{
			name: "log format", yaml: minimal, args: []string{"--log-format=xml"},
			want: `--log-format: "xml" is not known: use text or json`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := edge(t, tt.yaml, tt.env, tt.args...)
			require.EqualError(t, err, tt.want)
		})
	}
}

func numbered(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}

func TestNoHome(t *testing.T) {
	_, _, err := LoadEdge(Source{Environ: []string{"RESEAT_EDGE_REGIONS=arena", "RESEAT_EDGE_LISTEN=localhost:7777"}})
	require.EqualError(t, err, "state_dir: is not set: neither $XDG_STATE_HOME nor $HOME is, so name a folder that this user may write, "+
		"with state_dir in the file, RESEAT_EDGE_STATE_DIR or --state-dir")
}

func TestBadSidecars(t *testing.T) {
	for _, tt := range []struct{ name, yaml, want string }{
		{
			"no region", "name: a\n",
			`regions: is not set: name at least one region, such as arena, with regions in the file, RESEAT_SIDECAR_REGIONS or --region`,
		},
		{
			"edge's key", "regions: [arena]\nlimits: {actions: 1}\n",
			`sidecar.yaml:2: limits: unknown key`,
		},
		{
			"wildcard", "regions: [arena]\nlisten: 0.0.0.0:7800\nlink_tls: {ca: ca.pem, cert: ca.pem, key: ca.pem}\n",
			`advertise: is not set: edges cannot dial 0.0.0.0:7800, which this sidecar listens on: give this machine's name or IP, ` +
				`with advertise in the file, RESEAT_SIDECAR_ADVERTISE or --advertise`,
		},
		{
			"advertised wildcard", "regions: [arena]\nadvertise: '[::]:7800'\n",
			`sidecar.yaml:2: advertise: "[::]:7800" is no address that others can dial: use this machine's name or IP, and a port`,
		},
		{
			"advertised nonsense", "regions: [arena]\nadvertise: 'a:b:c'\n",
			`sidecar.yaml:2: advertise: "a:b:c" is not an address: write host:port, as :7777 or 127.0.0.1:7777`,
		},
		{
			"advertised without port", "regions: [arena]\nadvertise: localhost\n",
			`sidecar.yaml:2: advertise: "localhost" has no port, and listen has none that is known before the start: write host:port, or give listen a port`,
		},
		{
			"open without certificates", "regions: [arena]\nlisten: 10.1.2.3:7800\n",
			`sidecar.yaml:2: listen: 10.1.2.3:7800 is open to other machines, but link_tls is not set, and development certificates are for this machine only: ` +
				`set link_tls.ca, link_tls.cert and link_tls.key, or use 127.0.0.1`,
		},
		{
			"advertised without certificates", "regions: [arena]\nadvertise: 'game-1.internal:7800'\n",
			`sidecar.yaml:2: advertise: game-1.internal:7800 is open to other machines, but link_tls is not set, and development certificates are for this machine only: ` +
				`set link_tls.ca, link_tls.cert and link_tls.key, or use 127.0.0.1`,
		},
		{
			"beat against the SDK's", "regions: [arena]\ngame: {beat_timeout: 50ms}\n",
			`sidecar.yaml:2: game.beat_timeout: 50ms is out of range: use 100ms to 1m`,
		},
		{
			"restart", "regions: [arena]\ngame: {restart_min: 20s}\n",
			`sidecar.yaml:2: game.restart_min: 20s is above game.restart_max, 10s`,
		},
		{
			"open game socket", "regions: [arena]\ngame: {socket: 'tcp:0.0.0.0:9000'}\n",
			`sidecar.yaml:2: game.socket: 0.0.0.0:9000 is open to other machines, and the game's link is not encrypted: use 127.0.0.1 or a unix socket`,
		},
		{
			"unknown socket", "regions: [arena]\ngame: {socket: /run/game.sock}\n",
			`sidecar.yaml:2: game.socket: "/run/game.sock" is not a local address: write unix:/path or tcp:127.0.0.1:port`,
		},
		{
			"long socket", "regions: [arena]\ngame: {socket: 'unix:/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'}\n",
			`sidecar.yaml:2: game.socket: the path is 108 bytes long, and 107 is the most for a unix socket: choose a shorter one`,
		},
		{
			"socket path taken", "regions: [arena]\ngame: {socket: 'unix:ca.pem'}\n",
			`sidecar.yaml:2: game.socket: ca.pem is there already and is not a socket: choose another path, or remove it`,
		},
		{
			"snapshot intervals", "regions: [arena]\nsnapshot: {min_interval: 2s}\n",
			`sidecar.yaml:2: snapshot.min_interval: 2s is above snapshot.max_interval, 1s`,
		},
		{
			"snapshot rate", "regions: [arena]\nsnapshot: {bytes_per_second: 1KiB}\n",
			`sidecar.yaml:2: snapshot.bytes_per_second: 1KiB is out of range: use 64KiB to 64GiB`,
		},
		{
			"output commit", "regions: [arena]\noutput_commit: lax\n",
			`sidecar.yaml:2: output_commit: "lax" is not known: use strict (replies leave when what they depend on is durable) or none (at once)`,
		},
		{
			"lag above what edges keep", "regions: [arena]\nfailover: {lag: 10s, grace: 0s}\n",
			`sidecar.yaml:2: failover.lag: 10s is out of range: use 50ms to 5s` + "\n" +
				`sidecar.yaml:2: failover.grace: 0s is out of range: use 10ms to 5s`,
		},
		{
			"witness against idle", "regions: [arena]\nlink: {idle: 2s}\n",
			`failover.witness: 1s is not above link.idle, 2s: what one server learns at once another learns only after link.idle, and their words would never meet`,
		},
		{
			"token in the clear", "regions: [arena]\nconsul: {address: '10.0.0.9:8500', token_file: ca.pem}\n",
			`sidecar.yaml:2: consul.address: 10.0.0.9:8500 would send the token in the clear: use https://, or the Consul agent of this machine`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(write(t, map[string]string{"sidecar.yaml": tt.yaml, "ca.pem": "-"}))
			_, _, err := LoadSidecar(Source{Path: "sidecar.yaml", Environ: home})
			require.EqualError(t, err, tt.want)
		})
	}
}

func TestFiles(t *testing.T) {
	const use = minimal + "consul: {token_file: token}\n"
	for _, tt := range []struct {
		name string
		make func() error
		want string
	}{
		{"absent", func() error { return nil }, `edge.yaml:3: consul.token_file: token: no such file`},
		{"a folder", func() error { return os.Mkdir("token", 0o700) }, `edge.yaml:3: consul.token_file: token: is not a file`},
		{"empty", func() error { return os.WriteFile("token", nil, 0o600) }, `edge.yaml:3: consul.token_file: token is empty`},
		{
			"readable by the group", func() error { return chmod("token", 0o640) },
			`edge.yaml:3: consul.token_file: token can be read by others (mode 0640): chmod 600 token`,
		},
		{
			"readable by the world", func() error { return chmod("token", 0o604) },
			`edge.yaml:3: consul.token_file: token can be read by others (mode 0604): chmod 600 token`,
		},
		{"good", func() error { return chmod("token", 0o400) }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(write(t, map[string]string{"edge.yaml": use}))
			require.NoError(t, tt.make())
			_, _, err := LoadEdge(Source{Path: "edge.yaml", Environ: home})
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.want)
			require.NotContains(t, err.Error(), secretText)
		})
	}
}

const secretText = "s.0123456789"

func chmod(name string, mode os.FileMode) error {
	if err := os.WriteFile(name, []byte(secretText), 0o600); err != nil {
		return err
	}
	return os.Chmod(name, mode)
}

// Keys are made on the first run in the edge's own folder, and nowhere else.
func TestKeysFile(t *testing.T) {
	dir := t.TempDir()
	env := append(home, "RESEAT_EDGE_REGIONS=arena", "RESEAT_EDGE_LISTEN=127.0.0.1:7777", "RESEAT_EDGE_STATE_DIR="+dir)
	cfg, _, err := LoadEdge(Source{Environ: env})
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "edge.keys"), cfg.KeysFile)

	_, _, err = LoadEdge(Source{Environ: append(env, "RESEAT_EDGE_KEYS_FILE=/nowhere/edge.keys")})
	require.EqualError(t, err, "RESEAT_EDGE_KEYS_FILE: /nowhere/edge.keys: no such file")

	require.NoError(t, chmod(cfg.KeysFile, 0o644))
	_, _, err = LoadEdge(Source{Environ: env})
	require.EqualError(t, err, "keys_file: "+cfg.KeysFile+" can be read by others (mode 0644): chmod 600 "+cfg.KeysFile)
}
