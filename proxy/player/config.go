package player

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/quic-go/quic-go"

	"github.com/reseat-proxy/reseat/proxy/udp"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Config says who plays where. Edges, Region and Player must be set.
type Config struct {
	// Edges are the addresses (host:port) of edges, tried in this order. With two
	// or more the client survives the death of the one it is on at once.
	Edges []string

	Region string // where the player begins, at most 64 bytes; see Client.Region
	Player string // at most 64 bytes; one session at a time

	// TLS tells which edges to trust. nil: those with a certificate of the
	// system's roots. The protocol name is set by Dial.
	TLS *tls.Config

	// Handler is told what happens. All of it is optional.
	Handler Handler

	// Silence is how long nothing at all may come from the edge before the client
	// goes to the next one; 0: 1 s. It is raised to what the network's delay and
	// its variation allow. With a single edge it has no effect: there is nowhere
	// to go, and 5 s are waited for it.
	Silence time.Duration

	// NoSpare does without the second connection that a client with several edges keeps,
	// for the day when the edge that it is on dies. Such a connection is silent but for
	// a packet every five seconds, and takes as much memory as the first one, here and
	// at the edge. Without it the client has to shake hands first, together with all
	// others who have lost the edge.
	NoSpare bool

	// Transport is a socket to share with other clients: bots are cheaper so.
	// It is not closed. nil: each connection gets a connected socket of its own,
	// to which the kernel tells at once that an edge's process is gone. On a
	// shared one a dead edge is only noticed by Silence.
	Transport *quic.Transport

	// Log takes connections that fail. nil: slog.Default().
	Log *slog.Logger

	// connect opens a connection's own socket. A simulation brings another.
	connect func(addr *net.UDPAddr) (net.PacketConn, error)
}

// Handler is a set of callbacks. They are called one at a time from one
// goroutine, and may begin before Dial has returned. Slices are valid until the
// callback returns. A callback should be quick: while it runs, at most 64
// reliable updates and notices wait behind it, then the edge is made to wait,
// and in the end hangs up; unreliable updates are dropped meanwhile, oldest
// first. A callback may call any method of the Client; one that calls Act should
// give it a deadline, for news of the room that Act waits for may have to wait,
// too.
type Handler struct {
	// Update is called for what the game sends.
	Update func(payload []byte, reliable bool)
	// Durable is called when all actions up to seq are safe.
	Durable func(seq uint64)
	// Hold is called when no primary has served for longer than most failovers take,
	// which is some 50 ms: actions are kept meanwhile.
	Hold func(reason wire.Code)
	// Reseated is called when the primary of epoch serves; it has applied this
	// player's actions up to applied, and is given the rest. After a failover that Hold
	// did not tell of it is called with whatever comes next.
	Reseated func(epoch, applied uint64)
	// Refused is called for an action that was not applied and never will be.
	Refused func(seq uint64, reason wire.Code, text string)
	// Pressure tells that the edge has stopped (on) or goes on taking actions.
	Pressure func(on bool)
	// Protection tells whether durable actions survive the loss of any process. It
	// is called at each change; a player who is welcomed unprotected is told at once.
	Protection func(protected bool)
	// Level is called when so much has failed at once that the mesh gives something up,
	// and when that changes: fidelity, from 0 to 1, is the share of the unreliable
	// updates of the region that still come. Reliable ones all do. A player who is
	// welcomed at another level than normal is told at once.
	Level func(level wire.Level, fidelity float64)
	// Moved is called when the game has let the player go to another region, and he is
	// there. The session is the same: what was sent before is applied once, there or
	// here, and seqs go on. Reliable updates after it are of the new region.
	Moved func(region string)
	// Lost is called when the connection has failed. The client resumes, and Lost and
	// Resumed take turns, even if it takes several connections until one lasts. If the
	// edge has said why, err is a *ByeError: wire.CodeExpired, for one, names the
	// actions that grew old while no primary served, and which will be sent again.
	// Who would rather not calls Close.
	Lost func(err error)
	// Resumed is called when it has.
	Resumed func()
}

func (c Config) withDefaults() (Config, error) {
	if c.TLS == nil {
		c.TLS = &tls.Config{}
	}
	c.TLS = c.TLS.Clone()
	c.TLS.NextProtos = []string{wire.ALPN}
	c.TLS.MinVersion = tls.VersionTLS13
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.connect == nil {
		c.connect = udp.Connect
	}
	switch {
	case c.Silence < 0:
		return c, fmt.Errorf("player: Config.Silence is %v", c.Silence)
	case c.Silence == 0:
		c.Silence = time.Second
	}
	if len(c.Edges) == 0 {
		return c, errors.New("player: Config.Edges is empty")
	}
	for _, edge := range c.Edges {
		if _, _, err := net.SplitHostPort(edge); err != nil {
			return c, fmt.Errorf("player: Config.Edges: %q is not host:port: %w", edge, err)
		}
	}
	for field, name := range map[string]string{"Region": c.Region, "Player": c.Player} {
		if !wire.ValidName(name) {
			return c, fmt.Errorf("player: Config.%s %q is not 1 to %d bytes of printable UTF-8", field, name, wire.MaxName)
		}
	}
	return c, nil
}

// roams tells whether there is another edge to go to.
func (c *Config) roams() bool { return len(c.Edges) > 1 }

func (c *Config) quic() *quic.Config {
	conf := &quic.Config{
		HandshakeIdleTimeout: handshakeTimeout,
		MaxIdleTimeout:       idleTimeout,
		KeepAlivePeriod:      keepAlive,
		EnableDatagrams:      true,
		// One update of the largest size must fit; more only serves to lag behind.
		InitialStreamReceiveWindow:     128 << 10,
		MaxStreamReceiveWindow:         512 << 10,
		InitialConnectionReceiveWindow: 128 << 10,
		MaxConnectionReceiveWindow:     512 << 10,
		MaxIncomingStreams:             -1, // an edge opens none
		MaxIncomingUniStreams:          -1,
	}
	if c.roams() {
		conf.HandshakeIdleTimeout = roamHandshakeTimeout
		// Silence is watched for where the player is, and a spare connection has time:
		// the edge keeps both open.
		conf.KeepAlivePeriod = 0
		conf.MaxIdleTimeout = roamIdleTimeout
	}
	return conf
}

const (
	// keepAlive keeps NAT bindings open, which live for 15 s or more, and
	// leaves room for three lost packets before idleTimeout.
	keepAlive = time.Second
	// idleTimeout is how long the only edge may be silent before the client dials
	// it again: a player's network does stall for a second or two. (QUIC peers
	// may not be told less than 5 s, but each side may have its own.)
	idleTimeout = 5 * time.Second
	// roamIdleTimeout is the same where there are other edges, for connections that
	// nobody watches. It is the edge's own, who asks for a sign of life every 5 s.
	roamIdleTimeout = 15 * time.Second
	// handshakeTimeout is how long a handshake may make no progress: an edge
	// that is there answers in a round trip.
	handshakeTimeout = 3 * time.Second
	// roamHandshakeTimeout is the same where there are other edges. It leaves room
	// for an edge that all players of another have come to at once, and which is
	// only given more to do by one who begins again.
	roamHandshakeTimeout = 2 * time.Second
	// hedge is how long one handshake may take before the next edge is dialed,
	// too: more than the round trip to an edge that is worth playing on.
	hedge = 150 * time.Millisecond
	// welcomeTimeout is how long an edge may say nothing to a hello. It must
	// say "hold" when it has no primary, and may then take its time.
	welcomeTimeout = 5 * time.Second
	// steady is how long a connection must have lasted for the next one to be
	// tried at once: an edge that welcomes and hangs up is not hammered.
	steady = 5 * time.Second
	// sparing is the mean pause before each attempt at a spare connection, by chance between
	// half of it and half more. A handshake costs milliseconds of CPU: those of the thousand
	// players whose edge has died are a hundred in a second then, beside their play.
	sparing = 10 * time.Second
	// proof is for how long the client asks on when edges doubt that it is who it
	// says: they may hold a broken connection of it, 15 s long.
	proof = 30 * time.Second
	// duel is the time within which a second connection of the same player that
	// replaces ours is one too many.
	duel = time.Minute
	// goodbye is how long Close waits for the edge to take the last actions, and
	// how long an edge that takes none any more has to say why.
	goodbye = 250 * time.Millisecond
	// maxNews bounds what waits for the callbacks: 64 is a second of a busy
	// game's reliable updates.
	maxNews = 64
)

// maxRetry bounds what an edge may ask for.
const maxRetry = 24 * time.Hour

func retryAfter(millis uint64) time.Duration {
	return time.Duration(min(millis, uint64(maxRetry.Milliseconds()))) * time.Millisecond
}

// newBackoff is the pause between rounds through the edges. The library's own
// values (half a second and more, giving up after 15 minutes) suit nobody who
// is in a game; and the jitter keeps the players of a dead edge apart.
func newBackoff() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0.5),
		backoff.WithMaxInterval(2*time.Second),
		backoff.WithMaxElapsedTime(0), // never: the caller closes when it has had enough
	)
}
