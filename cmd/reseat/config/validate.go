package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Bounds that hold elsewhere.
const (
	maxActionBytes   = Size(wire.MaxAction)
	maxSnapshotBytes = Size(wire.MaxSnapshot)
	maxRegions       = 1000 // what one answer of Consul can hold, with room to spare
	maxSocketPath    = 107  // bytes of a unix socket's path, in Linux
	maxDuration      = 24 * time.Hour
)

func (e *Edge) check(c *checker) {
	c.identity(e.Name, e.Host, e.StateDir)
	c.regions(e.Regions, "arena")
	between(c, "drain_timeout", e.DrainTimeout, time.Millisecond, maxDuration)

	host, port, ok := c.address("listen", e.Listen)
	if ok && port == 0 && !isLoopback(host) {
		c.refuse("listen", "port 0 is another port at each start, which players cannot know: choose one, as :7777")
	}
	e.TLS.check(c)
	e.LinkTLS.check(c)
	if ok && !isLoopback(host) {
		e.LinkTLS.require(c, "listen", e.Listen)
	}
	e.checkKeysFile(c)
	e.Limits.check(c)
	e.Link.check(c)
	e.Admin.check(c)
	e.checkMesh(c)
	e.Consul.check(c)
	e.Log.check(c)

	// Consul is the last to notice a death. A player must be able to wait for it.
	if longest := e.Consul.CheckTTL + e.Link.Idle; e.Limits.Age <= longest {
		c.refuse("limits.age", "%v is too short: a failover that only Consul notices takes consul.check_ttl and link.idle, %v together, and players would be gone by then",
			show(e.Limits.Age), show(longest))
	}
}

func (s *Sidecar) check(c *checker) {
	c.identity(s.Name, s.Host, s.StateDir)
	if len(s.Regions) > 0 || !s.Pool {
		c.regions(s.Regions, "arena")
	}
	between(c, "drain_timeout", s.DrainTimeout, time.Millisecond, maxDuration)
	if s.Zone != "" {
		c.name("zone", s.Zone)
	}

	if s.OutputCommit != "strict" && s.OutputCommit != "none" {
		c.refuse("output_commit", "%q is not known: use strict (replies leave when what they depend on is durable) or none (at once)", clip(s.OutputCommit))
	}
	s.LinkTLS.check(c)
	s.checkReach(c)
	s.Game.check(c)
	s.Snapshot.check(c)
	s.Failover.check(c, s.Link)
	s.Admin.check(c)
	s.Link.check(c)
	s.Consul.check(c)
	s.Log.check(c)
}

// checkReach checks the address listened on beside the one that peers are told.
func (s *Sidecar) checkReach(c *checker) {
	host, _, ok := c.address("listen", s.Listen)
	switch {
	case s.Advertise != "":
		s.checkAdvertise(c)
	case ok && isWildcard(host):
		c.missing("advertise", "edges cannot dial "+s.Listen+", which this sidecar listens on: give this machine's name or IP")
	}
	if ok && !isLoopback(host) {
		s.LinkTLS.require(c, "listen", s.Listen)
	}
}

func (s *Sidecar) checkAdvertise(c *checker) {
	if isHostAlone(s.Advertise) {
		c.refuse("advertise", "%q has no port, and listen has none that is known before the start: write host:port, or give listen a port", clip(s.Advertise))
		return
	}
	host, port, ok := c.address("advertise", s.Advertise)
	switch {
	case ok && (isWildcard(host) || port == 0):
		c.refuse("advertise", "%q is no address that others can dial: use this machine's name or IP, and a port", clip(s.Advertise))
	case ok && !isLoopback(host):
		s.LinkTLS.require(c, "advertise", s.Advertise)
	}
}

// require reports that an address which other machines can reach has no
// certificates that they could check.
func (t LinkTLS) require(c *checker, path, address string) {
	if t == (LinkTLS{}) {
		c.refuse(path, "%s is open to other machines, but link_tls is not set, and development certificates are for this machine only: "+
			"set link_tls.ca, link_tls.cert and link_tls.key, or use 127.0.0.1", address)
	}
}

// identity checks what names this process, and the folder it keeps.
func (c *checker) identity(name, host, stateDir string) {
	c.name("name", name)
	c.name("host", host)
	if stateDir == "" {
		c.missing("state_dir", "neither $XDG_STATE_HOME nor $HOME is, so name a folder that this user may write")
	}
}

func (t TLS) check(c *checker) {
	c.together([]string{"tls.cert", "tls.key"}, t.Cert, t.Key)
	c.file("tls.cert", t.Cert)
	c.secret("tls.key", t.Key)
}

func (t LinkTLS) check(c *checker) {
	c.together([]string{"link_tls.ca", "link_tls.cert", "link_tls.key"}, t.CA, t.Cert, t.Key)
	c.file("link_tls.ca", t.CA)
	c.file("link_tls.cert", t.Cert)
	c.secret("link_tls.key", t.Key)
}

// checkKeysFile lets a file in the edge's own folder be absent: it is made. A path
// elsewhere that leads nowhere is a slip.
func (e *Edge) checkKeysFile(c *checker) {
	_, err := os.Stat(e.KeysFile)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(e.KeysFile) == filepath.Clean(e.StateDir) {
		return
	}
	c.secret("keys_file", e.KeysFile)
}

func (l Limits) check(c *checker) {
	between(c, "limits.actions", l.Actions, 1, 10_000)
	between(c, "limits.age", l.Age, 100*time.Millisecond, time.Hour)
	between(c, "limits.snapshot_bytes", l.SnapshotBytes, KiB, maxSnapshotBytes)
	between(c, "limits.players", l.Players, 1, 1_000_000)
	between(c, "limits.handshake_rate", l.HandshakeRate, 1, 1_000_000)

	action := between(c, "limits.action_bytes", l.ActionBytes, 1, maxActionBytes)
	player := between(c, "limits.bytes", l.Bytes, 1, GiB)
	region := between(c, "limits.region_bytes", l.RegionBytes, 1, 1024*GiB)
	if action && player && l.Bytes < l.ActionBytes {
		c.refuse("limits.bytes", "%v is below limits.action_bytes, %v: the largest action could never be kept", l.Bytes, l.ActionBytes)
	}
	if player && region && l.RegionBytes < l.Bytes {
		c.refuse("limits.region_bytes", "%v is below limits.bytes, %v: not even one player's log would fit", l.RegionBytes, l.Bytes)
	}
}

func (l Link) check(c *checker) {
	idle := between(c, "link.idle", l.Idle, 50*time.Millisecond, time.Minute)
	alive := between(c, "link.keepalive", l.Keepalive, 10*time.Millisecond, time.Minute)
	if idle && alive && 2*l.Keepalive > l.Idle {
		c.refuse("link.keepalive", "%v is above half of link.idle, %v: one lost packet would look like a death", l.Keepalive, l.Idle)
	}
}

func (g Game) check(c *checker) {
	between(c, "game.beat_timeout", g.BeatTimeout, 100*time.Millisecond, time.Minute)
	between(c, "game.hello_timeout", g.HelloTimeout, 100*time.Millisecond, time.Hour)
	low := between(c, "game.restart_min", g.RestartMin, 10*time.Millisecond, time.Hour)
	high := between(c, "game.restart_max", g.RestartMax, 10*time.Millisecond, time.Hour)
	if low && high && g.RestartMin > g.RestartMax {
		c.refuse("game.restart_min", "%v is above game.restart_max, %v", show(g.RestartMin), show(g.RestartMax))
	}

	g.checkSocket(c)
}

func (g Game) checkSocket(c *checker) {
	scheme, rest, _ := strings.Cut(g.Socket, ":")
	switch {
	case g.Socket == "":
	case scheme == "unix" && rest != "":
		if len(rest) > maxSocketPath {
			c.refuse("game.socket", "the path is %d bytes long, and %d is the most for a unix socket: choose a shorter one", len(rest), maxSocketPath)
		}
		if info, err := os.Stat(rest); err == nil && info.Mode().Type() != fs.ModeSocket {
			c.refuse("game.socket", "%s is there already and is not a socket: choose another path, or remove it", rest)
		}
	case scheme == "tcp":
		if host, _, ok := c.address("game.socket", rest); ok && !isLoopback(host) {
			c.refuse("game.socket", "%s is open to other machines, and the game's link is not encrypted: use 127.0.0.1 or a unix socket", rest)
		}
	default:
		c.refuse("game.socket", "%q is not a local address: write unix:/path or tcp:127.0.0.1:port", clip(g.Socket))
	}
}

func (s Snapshot) check(c *checker) {
	low := between(c, "snapshot.min_interval", s.MinInterval, time.Millisecond, time.Minute)
	high := between(c, "snapshot.max_interval", s.MaxInterval, time.Millisecond, time.Minute)
	between(c, "snapshot.bytes_per_second", s.BytesPerSecond, 64*KiB, 64*GiB)
	between(c, "snapshot.bytes", s.Bytes, KiB, maxSnapshotBytes)
	if low && high && s.MinInterval > s.MaxInterval {
		c.refuse("snapshot.min_interval", "%v is above snapshot.max_interval, %v", show(s.MinInterval), show(s.MaxInterval))
	}
}

// check takes link, whose silence is what witnesses tell of.
func (f Failover) check(c *checker, link Link) {
	// Durability waits for a backup as long as lag, and edges keep actions for 10s.
	between(c, "failover.lag", f.Lag, 50*time.Millisecond, 5*time.Second)
	between(c, "failover.grace", f.Grace, 10*time.Millisecond, 5*time.Second)
	between(c, "failover.min_epoch", f.MinEpoch, 10*time.Millisecond, time.Minute)
	between(c, "failover.stagger", f.Stagger, time.Millisecond, time.Second)
	between(c, "failover.recoveries", f.Recoveries, 1, maxRegions)
	between(c, "failover.max_wait", f.MaxWait, time.Millisecond, 5*time.Second)
	between(c, "failover.yield", f.Yield, 10*time.Millisecond, 5*time.Second)
	word := between(c, "failover.witness", f.Witness, 200*time.Millisecond, time.Hour)
	if word && f.Witness <= link.Idle {
		c.refuse("failover.witness", "%v is not above link.idle, %v: what one server learns at once another learns only after link.idle, and their words would never meet",
			show(f.Witness), show(link.Idle))
	}
}

func (l Log) check(c *checker) {
	if l.Format != "text" && l.Format != "json" {
		c.refuse("log.format", "%q is not known: use text or json", clip(l.Format))
	}
}
