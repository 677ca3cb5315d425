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

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Config says who plays where. Edges, Region and Player must be set.
type Config struct {
	// Edges are the addresses (host:port) of edges, tried in this order.
	Edges []string

	Region string // at most 64 bytes
	Player string // at most 64 bytes; one session at a time

	// TLS tells which edges to trust. nil: those with a certificate of the
	// system's roots. The protocol name is set by Dial.
	TLS *tls.Config

	// Handler is told what happens. All of it is optional.
	Handler Handler

	// Transport is a socket to share with other clients: bots are cheaper so.
	// It is not closed. nil: each connection gets a socket of its own.
	Transport *quic.Transport

	// Log takes connections that fail. nil: slog.Default().
	Log *slog.Logger
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
	// Hold is called when no primary serves: actions are kept meanwhile.
	Hold func(reason wire.Code)
	// Reseated is called when the primary of epoch serves; it has applied this
	// player's actions up to applied, and is given the rest.
	Reseated func(epoch, applied uint64)
	// Refused is called for an action that was not applied and never will be.
	Refused func(seq uint64, reason wire.Code, text string)
	// Pressure tells that the edge has stopped (on) or goes on taking actions.
	Pressure func(on bool)
	// Protection tells whether durable actions survive the loss of any process.
	Protection func(protected bool)
	// Lost is called when the connection has failed. The client resumes.
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

const (
	// keepAlive keeps NAT bindings open, which live for 15 s or more, and
	// leaves room for three lost packets before idleTimeout.
	keepAlive = time.Second
	// idleTimeout is how long an edge may be silent before the client goes to
	// another one. QUIC peers may not be told less than 5 s; and a player's
	// network does stall for a second or two.
	idleTimeout = 5 * time.Second
	// handshakeTimeout is how long a handshake may make no progress: an edge
	// that is there answers in a round trip.
	handshakeTimeout = 3 * time.Second
	// welcomeTimeout is how long an edge may say nothing to a hello. It must
	// say "hold" when it has no primary, and may then take its time.
	welcomeTimeout = 5 * time.Second
	// steady is how long a connection must have lasted for the next one to be
	// tried at once: an edge that welcomes and hangs up is not hammered.
	steady = 5 * time.Second
	// goodbye is how long Close waits for the edge to take the last actions.
	goodbye = 250 * time.Millisecond
	// maxNews bounds what waits for the callbacks: 64 is a second of a busy
	// game's reliable updates.
	maxNews = 64
)

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
