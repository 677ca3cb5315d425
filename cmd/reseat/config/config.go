// Package config reads the settings of an edge and of a sidecar.
//
// A setting has one name, its path in the YAML file, and from it come its other
// names: link.idle of an edge is RESEAT_EDGE_LINK_IDLE in the environment. The
// common ones have a flag too. Flags win over the environment, the environment
// over the file, the file over the defaults. An environment variable that is set
// but empty counts as not set.
//
// A file is read strictly: a key that is not known, stands twice or has a value
// of the wrong kind is refused with its file and line. So is every value that
// cannot work, alone or beside another one; all problems are reported at once,
// each in one line that says what to do. Secrets are files, never values.
//
//	listen: ":7777"
//	regions: [arena]
//	limits:
//	  actions: 100
//	  bytes: 64KiB
//	  age: 10s
package config

import (
	"log/slog"
	"time"
)

// Edge is all that an edge can be told.
type Edge struct {
	// Listen is the UDP address that players connect to.
	Listen string `yaml:"listen" flag:"listen" help:"UDP address for players"`
	// Regions are the regions that players may join here.
	Regions []string `yaml:"regions" flag:"region" help:"region to serve; repeat for several"`
	// Name tells this edge from others in logs; if empty, edge-<host>.
	Name string `yaml:"name" flag:"name" help:"name in logs (default edge-<host>)"`
	// Host is what fails as a whole with this process; if empty, the host name.
	Host string `yaml:"host"`
	// StateDir keeps what is made on the first run: keys, development
	// certificates. If empty, reseat in $XDG_STATE_HOME or ~/.local/state.
	StateDir string `yaml:"state_dir" flag:"state-dir" help:"folder for generated keys and certificates (default ~/.local/state/reseat)"`
	// KeysFile keeps the secrets with which players recognize this edge after a
	// restart. If empty, edge.keys in StateDir, made on the first run.
	KeysFile string `yaml:"keys_file"`
	// DrainTimeout is how long a stop may take, in which players are told what is
	// not durable.
	DrainTimeout time.Duration `yaml:"drain_timeout" flag:"drain-timeout" help:"longest time to stop in good order"`

	TLS     TLS     `yaml:"tls"`
	LinkTLS LinkTLS `yaml:"link_tls"`
	Limits  Limits  `yaml:"limits"`
	Link    Link    `yaml:"link"`
	Admin   Admin   `yaml:"admin"`
	Mesh    Mesh    `yaml:"mesh"`
	Consul  Consul  `yaml:"consul"`
	Log     Log     `yaml:"log"`
}

// Sidecar is all that a sidecar can be told, its game's command excepted.
type Sidecar struct {
	// Listen is the UDP address for links of edges and other sidecars. Port 0 is
	// any free one: peers learn it from Consul.
	Listen string `yaml:"listen" flag:"listen" help:"UDP address for links"`
	// Advertise is the address that peers dial; if empty, Listen. A host alone
	// takes the port of Listen.
	Advertise string `yaml:"advertise" flag:"advertise" help:"address that edges dial, host or host:port (default: the one listened on)"`
	// Regions are the regions that this game server always backs, or leads.
	Regions []string `yaml:"regions" flag:"region" help:"region to campaign for; repeat for several"`
	// Pool: it also takes the regions in which the controller gives it a seat. It may
	// have no Regions then.
	Pool bool `yaml:"pool" flag:"pool" help:"take any region in which the mesh gives this server a seat"`
	// Name tells this game server from others; if empty, game-<host>.
	Name string `yaml:"name" flag:"name" help:"name of the game server (default game-<host>)"`
	// Zone and Host are what may fail as a whole: backups are placed apart. If
	// Host is empty, the host name.
	Zone string `yaml:"zone" flag:"zone" help:"zone of this machine"`
	Host string `yaml:"host"`
	// StateDir keeps what is made on the first run. If empty, as for an edge.
	StateDir string `yaml:"state_dir" flag:"state-dir" help:"folder for generated keys and certificates (default ~/.local/state/reseat)"`
	// OutputCommit says when reliable updates leave for players: strict, when what
	// they depend on is durable, or none, at once.
	OutputCommit string `yaml:"output_commit" flag:"output-commit" help:"when replies leave: strict (what they depend on is durable) or none (at once)"`
	// DrainTimeout is how long a stop may wait for other servers to take the regions
	// that this one leads.
	DrainTimeout time.Duration `yaml:"drain_timeout" flag:"drain-timeout" help:"longest time to hand regions over before a stop"`
	// EnableTestEndpoints lets edges harm this server at a tester's request.
	EnableTestEndpoints bool `yaml:"enable_test_endpoints" flag:"enable-test-endpoints" help:"let POST /mesh/simulate_failure of an edge kill, freeze or cut this server"`

	Game     Game     `yaml:"game"`
	Snapshot Snapshot `yaml:"snapshot"`
	Failover Failover `yaml:"failover"`
	Admin    Shown    `yaml:"admin"`
	LinkTLS  LinkTLS  `yaml:"link_tls"`
	Link     Link     `yaml:"link"`
	Consul   Consul   `yaml:"consul"`
	Log      Log      `yaml:"log"`
}

// TLS is what players see. Both empty: a development certificate for this machine.
type TLS struct {
	Cert string `yaml:"cert" flag:"tls-cert" help:"PEM certificate that players see (default: a development certificate)"`
	Key  string `yaml:"key" flag:"tls-key" help:"PEM key of it"`
}

// LinkTLS is how our own processes know each other. All empty: development
// certificates, which is refused on addresses that other machines can reach.
type LinkTLS struct {
	CA   string `yaml:"ca"`
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Admin is the HTTP API with which people see and steer the mesh.
type Admin struct {
	// Listen is its TCP address, or off. The default is for one edge on a machine:
	// where it is taken, the edge goes without.
	Listen string `yaml:"listen" flag:"admin" help:"TCP address of the admin API, or off"`
	// Advertise is the host:port under which others reach it; if empty, Listen.
	Advertise string `yaml:"advertise"`
	// TokenFile holds what must be shown to it, TLSCert and TLSKey are what it shows.
	// Required unless Listen is of this machine only.
	TokenFile string `yaml:"token_file" flag:"admin-token-file" help:"file with the token that the admin API asks for"`
	TLSCert   string `yaml:"tls_cert"`
	TLSKey    string `yaml:"tls_key"`
	// EnablePprof serves profiles, EnableTestEndpoints what makes servers fail.
	EnablePprof         bool `yaml:"enable_pprof" flag:"enable-pprof" help:"let the admin API serve profiles at /debug/pprof/"`
	EnableTestEndpoints bool `yaml:"enable_test_endpoints" flag:"enable-test-endpoints" help:"let the admin API make servers fail on purpose"`
}

// Shown is what a sidecar shows of itself over HTTP: /metrics, /livez, /readyz.
type Shown struct {
	// Listen is the TCP address, or off. TokenFile, TLSCert and TLSKey are as in Admin.
	Listen    string `yaml:"listen" flag:"admin" help:"TCP address for /metrics, /livez and /readyz, or off"`
	TokenFile string `yaml:"token_file" flag:"admin-token-file" help:"file with the token that is asked for there"`
	TLSCert   string `yaml:"tls_cert"`
	TLSKey    string `yaml:"tls_key"`
	// EnablePprof serves profiles there, too.
	EnablePprof bool `yaml:"enable_pprof" flag:"enable-pprof" help:"serve profiles at /debug/pprof/ there, too"`
}

// Mesh is what the controller, in one of the edges, wants the mesh to be like. It
// should be the same at all edges.
type Mesh struct {
	// Controller: this edge may become the controller.
	Controller bool `yaml:"controller" flag:"controller" help:"this edge may become the mesh's controller"`
	// Backups is how many each region should have, besides its primary.
	Backups int `yaml:"backups" flag:"backups" help:"backups that each region should have"`
	// Critical regions are recovered before all others, and never thinned.
	Critical []string `yaml:"critical" flag:"critical" help:"region that comes first and is never thinned; repeat for several"`
	// Patience is how long a server may be missing before its seats are given to others.
	Patience time.Duration `yaml:"patience"`

	Degrade Degrade `yaml:"degrade"`
	Moves   Moves   `yaml:"moves"`
	Launch  Launch  `yaml:"launch"`

	// AlertURL gets each alert as JSON; AlertTokenFile is what is shown there.
	AlertURL       string `yaml:"alert_url"`
	AlertTokenFile string `yaml:"alert_token_file"`
}

// Degrade says when the mesh is degraded: its pressure is the higher one of deaths of
// servers within Window to FailuresPerMinute, and of the share of servers that died to
// ServersFailed. A level begins at its pressure.
type Degrade struct {
	Window            time.Duration `yaml:"window" flag:"degrade-window" help:"how far back the deaths of servers count"`
	FailuresPerMinute float64       `yaml:"failures_per_minute"`
	ServersFailed     float64       `yaml:"servers_failed"` // a share of all
	Light             Threshold     `yaml:"light"`
	Moderate          Threshold     `yaml:"moderate"`
	Severe            Threshold     `yaml:"severe"`
	Dwell             time.Duration `yaml:"dwell" flag:"degrade-dwell" help:"how long a degraded level lasts at least"`
	RetryAfter        time.Duration `yaml:"retry_after"` // what newcomers are told in severe
}

// Threshold is where a level begins, and what share of unreliable updates is kept.
type Threshold struct {
	Pressure float64 `yaml:"pressure"`
	Fidelity float64 `yaml:"fidelity"`
}

// Moves bounds planned hand-overs.
type Moves struct {
	AtOnce    int           `yaml:"at_once"`    // in all
	PerTarget int           `yaml:"per_target"` // to one server
	Limit     time.Duration `yaml:"limit"`      // for the copy, and again for the hand-over
}

// Launch says how a pool server is started when there are too few; at most one of
// Exec, URL and NomadURL.
type Launch struct {
	AtOnce int           `yaml:"at_once"`
	After  time.Duration `yaml:"after"` // that servers are short first
	Limit  time.Duration `yaml:"limit"` // for one to be registered
	// Exec is a command and its arguments, each a template: {{.ID}}, {{.Region}}, {{.Zone}}.
	Exec []string `yaml:"exec"`
	// URL is asked by POST.
	URL string `yaml:"url"`
	// NomadURL is an agent's, NomadJob and NomadGroup what is scaled, up to NomadMax.
	NomadURL   string `yaml:"nomad_url"`
	NomadJob   string `yaml:"nomad_job"`
	NomadGroup string `yaml:"nomad_group"`
	NomadMax   int    `yaml:"nomad_max"`
	// TokenFile holds what is shown to the webhook, or to Nomad.
	TokenFile string `yaml:"token_file"`
}

// Limits bound what an edge keeps and accepts.
type Limits struct {
	Actions       int           `yaml:"actions"`        // kept for each player
	Bytes         Size          `yaml:"bytes"`          // kept for each player
	Age           time.Duration `yaml:"age"`            // of the oldest kept action while no primary serves
	ActionBytes   Size          `yaml:"action_bytes"`   // of one action
	RegionBytes   Size          `yaml:"region_bytes"`   // kept for all players of a region
	SnapshotBytes Size          `yaml:"snapshot_bytes"` // of one region's snapshot
	Players       int           `yaml:"players" flag:"max-players" help:"players at most"`
	HandshakeRate int           `yaml:"handshake_rate"` // a second, above it addresses are verified first
}

// Link times the connections between our own processes.
type Link struct {
	Idle      time.Duration `yaml:"idle"`      // silence after which a peer counts as lost
	Keepalive time.Duration `yaml:"keepalive"` // a packet at least that often
}

// Game is how the sidecar and its game server talk.
type Game struct {
	// Socket is unix:/path or tcp:127.0.0.1:port. A supervised game is told it as
	// RESEAT_GAME; for such a game it may be empty: a socket in a temporary folder.
	Socket string `yaml:"socket" flag:"socket" help:"local address for the game, unix:/path or tcp:127.0.0.1:port"`
	// BeatTimeout is how long the game may be silent before it counts as hung, if it
	// does not wait for a CPU.
	BeatTimeout time.Duration `yaml:"beat_timeout"`
	// HelloTimeout is how long a supervised game may take until it connects.
	HelloTimeout time.Duration `yaml:"hello_timeout"`
	// RestartMin and RestartMax bound the growing delay before a supervised game
	// that ended is started again.
	RestartMin time.Duration `yaml:"restart_min"`
	RestartMax time.Duration `yaml:"restart_max"`
}

// Snapshot says how often a region's state is copied to the edges. Where backups
// are in sync, MaxInterval is what counts.
type Snapshot struct {
	MinInterval    time.Duration `yaml:"min_interval"`
	MaxInterval    time.Duration `yaml:"max_interval"`
	BytesPerSecond Size          `yaml:"bytes_per_second"` // for each region
	Bytes          Size          `yaml:"bytes"`            // of one snapshot
}

// Failover times how servers judge each other.
type Failover struct {
	Lag      time.Duration `yaml:"lag"`       // that a backup in sync may owe a record before it is taken out
	Grace    time.Duration `yaml:"grace"`     // that a new primary waits for backups which have not connected
	Witness  time.Duration `yaml:"witness"`   // that a word against the primary counts
	MinEpoch time.Duration `yaml:"min_epoch"` // in which silence does not depose a new primary
	Stagger  time.Duration `yaml:"stagger"`   // between candidates

	Recoveries int           `yaml:"recoveries"` // regions that recover while those of a lower score wait
	MaxWait    time.Duration `yaml:"max_wait"`   // that a region waits for its turn
	Yield      time.Duration `yaml:"yield"`      // that a planned hand-over holds actions back
}

// Consul is where and how Consul is asked.
type Consul struct {
	// Address is host:port or a URL; if empty, $CONSUL_HTTP_ADDR or 127.0.0.1:8500.
	Address string `yaml:"address" flag:"consul" help:"Consul's HTTP address (default $CONSUL_HTTP_ADDR or 127.0.0.1:8500)"`
	// TokenFile holds the ACL token, CAFile the PEM certificates that Consul's is checked with.
	TokenFile string `yaml:"token_file" flag:"consul-token-file" help:"file with the ACL token"`
	CAFile    string `yaml:"ca_file"`
	// Prefix starts every key, Service is the name that game servers register under.
	Prefix  string `yaml:"prefix"`
	Service string `yaml:"service"`
	// CheckTTL is the longest that a dead server goes unnoticed when nobody but
	// Consul is left to notice, SessionTTL how long a session lives unrenewed.
	CheckTTL   time.Duration `yaml:"check_ttl"`
	SessionTTL time.Duration `yaml:"session_ttl"`
	// Timeout bounds one call.
	Timeout time.Duration `yaml:"timeout"`
}

// Log is what is written to standard error.
type Log struct {
	Level  slog.Level `yaml:"level" flag:"log-level" help:"debug, info, warn or error"`
	Format string     `yaml:"format" flag:"log-format" help:"text or json"`
}
