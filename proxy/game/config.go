package game

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// AddressEnv is the environment variable that holds the sidecar's address when
// Config.Address is empty. The sidecar sets it for a game that it starts.
const AddressEnv = "RESEAT_GAME"

// Errors of Run. Test with errors.Is.
var (
	// ErrNoAddress: nobody has said where the sidecar is.
	ErrNoAddress = errors.New("game: no sidecar: start the game with `reseat sidecar -- COMMAND`, " +
		"or set $" + AddressEnv + " or Config.Address to unix:/PATH or tcp:127.0.0.1:PORT")
	// ErrSidecarGone: the sidecar has closed the connection, or died.
	ErrSidecarGone = errors.New("game: the sidecar is gone")
	// ErrSnapshotTooLarge: a World has written more than can be kept for it.
	ErrSnapshotTooLarge = errors.New("game: snapshot too large")
	// ErrOutcomeTooLarge: a World has committed more at once than can be kept.
	ErrOutcomeTooLarge = errors.New("game: outcome too large")
	// ErrOutcome: a World could not apply an outcome.
	ErrOutcome = errors.New("game: cannot apply an outcome")
)

// Config says how to run. Only New must be set.
type Config struct {
	// Address of the sidecar: "unix:/path" or "tcp:127.0.0.1:port", which must
	// be loopback since the local protocol is not encrypted. Empty: $RESEAT_GAME.
	Address string

	// Dial connects to the sidecar by other means, such as a pipe in a test of
	// the game. nil: Address says how.
	Dial func(context.Context) (net.Conn, error)

	// Name of the game in the sidecar's logs. Empty: the program's file name.
	Name string

	// Beat is the interval of heartbeats. 0: 50 ms.
	Beat time.Duration

	// Hang is how long one call of a World may take before the heartbeats stop
	// and with them this process's turn as primary. 0: 2 s. A Restore of a large
	// state counts, too.
	Hang time.Duration

	// Tick is the interval of ticks, for a World that is a Ticker. 0: 50 ms.
	Tick time.Duration

	// NoStandby: this process does not host standbys. Set it when applying an
	// action has effects outside of the World, which must not happen twice. A
	// failover then takes longer: the region is restored from a snapshot first.
	NoStandby bool

	// New makes the World of a region: empty, and ready for either Restore or
	// the first action. It is called on the region's own goroutine.
	New func(region string) World

	// Log takes what an operator should know. nil: slog.Default().
	Log *slog.Logger
}

// withDefaults fills what is zero and refuses what cannot work.
func (c Config) withDefaults() (Config, error) {
	if c.Address == "" {
		c.Address = os.Getenv(AddressEnv)
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context) (net.Conn, error) { return dial(ctx, c.Address) }
	}
	if c.Name == "" {
		c.Name = filepath.Base(os.Args[0])
		c.Name = c.Name[:min(len(c.Name), wire.MaxName)]
	}
	c.Beat = orDefault(c.Beat, 50*time.Millisecond)
	c.Hang = orDefault(c.Hang, 2*time.Second)
	c.Tick = orDefault(c.Tick, 50*time.Millisecond)
	if c.Log == nil {
		c.Log = slog.Default()
	}
	switch {
	case c.New == nil:
		return c, errors.New("game: Config.New is not set")
	case len(c.Name) > wire.MaxName:
		return c, fmt.Errorf("game: Config.Name has %d bytes, the limit is %d", len(c.Name), wire.MaxName)
	case c.Beat < time.Millisecond || c.Tick < time.Millisecond:
		return c, fmt.Errorf("game: Config.Beat (%v) and Config.Tick (%v) must be 1 ms or more", c.Beat, c.Tick)
	case c.Hang < c.Beat:
		return c, fmt.Errorf("game: Config.Hang (%v) must not be shorter than Config.Beat (%v)", c.Hang, c.Beat)
	}
	return c, nil
}

func orDefault(d, or time.Duration) time.Duration {
	if d == 0 {
		return or
	}
	return d
}

// dial connects to the sidecar's local socket.
func dial(ctx context.Context, address string) (net.Conn, error) {
	if address == "" {
		return nil, ErrNoAddress
	}
	network, addr, ok := strings.Cut(address, ":")
	switch {
	case ok && network == "unix" && addr != "":
	case ok && network == "tcp" && loopback(addr):
	default:
		return nil, fmt.Errorf("game: address %q is neither unix:/PATH nor tcp:LOOPBACK:PORT", address)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, fmt.Errorf("game: cannot reach the sidecar, is it running? %w", err)
	}
	return conn, nil
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
