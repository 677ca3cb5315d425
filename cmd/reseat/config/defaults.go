package config

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/proxy/admin"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// DefaultEdge has the defaults of an edge. Regions has none.
func DefaultEdge() Edge {
	return Edge{
		Listen:       ":7777",
		DrainTimeout: 2 * time.Second,
		Limits:       defaultLimits(),
		Link:         defaultLink(),
		Mesh:         defaultMesh(),
		Admin:        Admin{Listen: admin.DefaultListen},
		Consul:       defaultConsul(),
		Log:          defaultLog(),
	}
}

// DefaultSidecar has the defaults of a sidecar. Regions has none.
func DefaultSidecar() Sidecar {
	return Sidecar{
		Listen:       "127.0.0.1:0",
		OutputCommit: "strict",
		DrainTimeout: 5 * time.Second,
		Game: Game{
			BeatTimeout:  300 * time.Millisecond, // the SDK beats every 50 ms
			HelloTimeout: 30 * time.Second,
			RestartMin:   100 * time.Millisecond,
			RestartMax:   10 * time.Second,
		},
		Snapshot: Snapshot{
			MinInterval:    20 * time.Millisecond,
			MaxInterval:    time.Second,
			BytesPerSecond: 16 * MiB,
			Bytes:          16 * MiB,
		},
		Failover: defaultFailover(),
		Admin:    Shown{Listen: Off},
		Link:     defaultLink(),
		Consul:   defaultConsul(),
		Log:      defaultLog(),
	}
}

func defaultFailover() Failover {
	t := failover.DefaultTiming()
	return Failover{
		Lag: t.Lag, Grace: t.Grace, Witness: t.Witness, MinEpoch: t.MinEpoch, Stagger: t.Stagger,
		Recoveries: t.Recoveries, MaxWait: t.MaxWait, Yield: t.Yield,
	}
}

func defaultLimits() Limits {
	kept := buffer.DefaultLimits()
	return Limits{
		Actions:       kept.Actions,
		Bytes:         Size(kept.Bytes),
		Age:           kept.Age,
		ActionBytes:   Size(kept.ActionBytes),
		RegionBytes:   Size(kept.RegionBytes),
		SnapshotBytes: Size(kept.SnapshotBytes),
		Players:       10_000,
		HandshakeRate: 200,
	}
}

func defaultMesh() Mesh {
	m := mesh.DefaultConfig()
	threshold := func(t mesh.Threshold) Threshold { return Threshold(t) }
	return Mesh{
		Controller: true, Backups: m.Backups, Patience: m.Patience,
		Degrade: Degrade{
			Window: m.Degrade.Window, FailuresPerMinute: m.Degrade.FailuresPerMinute, ServersFailed: m.Degrade.ServersFailed,
			Light: threshold(m.Degrade.Light), Moderate: threshold(m.Degrade.Moderate), Severe: threshold(m.Degrade.Severe),
			Dwell: m.Degrade.Dwell, RetryAfter: m.Degrade.RetryAfter,
		},
		Moves:  Moves{AtOnce: m.Moves.AtOnce, PerTarget: m.Moves.PerTarget, Limit: m.Moves.Limit},
		Launch: Launch{AtOnce: 2, After: m.Launch.After, Limit: m.Launch.Limit, NomadMax: 32},
	}
}

func defaultLink() Link {
	return Link{Idle: 300 * time.Millisecond, Keepalive: 100 * time.Millisecond}
}

func defaultConsul() Consul {
	return Consul{
		Prefix:     discovery.DefaultPrefix,
		Service:    discovery.DefaultService,
		CheckTTL:   discovery.DefaultCheckTTL,
		SessionTTL: discovery.DefaultSessionTTL,
		Timeout:    discovery.DefaultTimeout,
	}
}

func defaultLog() Log { return Log{Level: slog.LevelInfo, Format: "text"} }

// complete fills what depends on the machine and the environment.
func (e *Edge) complete(env environment, origins Origins) {
	fillMachine(&e.Host, &e.StateDir, env)
	fill(&e.Name, nameFor("edge-", e.Host))
	e.Consul.complete(env, origins)
	if e.StateDir != "" {
		fill(&e.KeysFile, filepath.Join(e.StateDir, "edge.keys"))
	}
	e.Admin.complete()
}

func (s *Sidecar) complete(env environment, origins Origins) {
	fillMachine(&s.Host, &s.StateDir, env)
	fill(&s.Name, nameFor("game-", s.Host))
	s.Consul.complete(env, origins)

	_, port, err := net.SplitHostPort(s.Listen)
	if err == nil && port != "0" && isHostAlone(s.Advertise) {
		s.Advertise = net.JoinHostPort(strings.Trim(s.Advertise, "[]"), port)
	}
}

// complete gives an advertised host the port that is listened on.
func (a *Admin) complete() {
	_, port, err := net.SplitHostPort(a.Listen)
	if err == nil && port != "0" && isHostAlone(a.Advertise) {
		a.Advertise = net.JoinHostPort(strings.Trim(a.Advertise, "[]"), port)
	}
}

// complete takes the address from the variable that all of Consul's clients know.
func (c *Consul) complete(env environment, origins Origins) {
	const variable = "CONSUL_HTTP_ADDR"
	if c.Address == "" && env[variable] != "" {
		c.Address, origins["consul.address"] = env[variable], variable
	}
	fill(&c.Address, "127.0.0.1:8500")
}

func fillMachine(host, stateDir *string, env environment) {
	if *host == "" {
		*host, _ = os.Hostname() // validation asks for a host if there is no name
	}
	switch {
	case env["XDG_STATE_HOME"] != "":
		fill(stateDir, filepath.Join(env["XDG_STATE_HOME"], "reseat"))
	case env["HOME"] != "":
		fill(stateDir, filepath.Join(env["HOME"], ".local", "state", "reseat"))
	}
}

// nameFor makes a name of a host's, which may be as long as a name can be.
func nameFor(role, host string) string {
	name := role + host
	return name[:min(wire.MaxName, len(name))]
}

func fill(field *string, value string) {
	if *field == "" {
		*field = value
	}
}
