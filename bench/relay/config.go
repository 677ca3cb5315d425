package relay

import (
	"fmt"
	"net/netip"
	"time"
)

// MTU is the size of the largest packet that is passed on, without headers.
const MTU = 1500

// Config is what a relay needs to know.
type Config struct {
	Target string // where packets go: IP and port
	Listen string // loopback IP and port; empty: 127.0.0.1 and any port
	Seed   uint64 // of all random choices

	Silent    bool // do not pass on that the target refuses packets
	MaxFlows  int  // clients at a time; 0: 1024
	MaxQueued int  // packets that wait, in both directions; 0: 8192
}

// Faults are those of both directions.
type Faults struct{ ToTarget, ToClient Way }

// Both makes the same faults for both directions.
func Both(w Way) Faults { return Faults{ToTarget: w, ToClient: w} }

// Way is what happens to packets in one direction. The zero Way lets them pass.
// Loss, Duplicate, Corrupt and Reorder are probabilities.
type Way struct {
	Cut       bool    // nothing passes
	Loss      float64 // of the packet with all its copies
	Duplicate float64 // the packet comes twice
	Corrupt   float64 // one byte of the packet is another

	Delay, Jitter time.Duration // each packet takes Delay ± Jitter, evenly spread

	Reorder  float64       // the packet is held back, so that others overtake it
	HoldBack time.Duration // for how long; on top of the delay

	Rate int           // bytes per second that pass, of all clients together; 0: no limit
	Wait time.Duration // a packet that would wait longer for Rate is dropped; 0: 100 ms
}

// defaultWait is Way.Wait when that is 0.
const defaultWait = 100 * time.Millisecond

// InvalidError says which field of a Config, or of Faults, makes no sense.
type InvalidError struct {
	Field string
	Value any
	Want  string
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("relay: %s is %v: want %s", e.Field, e.Value, e.Want)
}

func (c Config) withDefaults() (Config, error) {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.MaxFlows == 0 {
		c.MaxFlows = 1024
	}
	if c.MaxQueued == 0 {
		c.MaxQueued = 8192
	}
	if c.MaxFlows < 0 {
		return c, &InvalidError{"MaxFlows", c.MaxFlows, "a positive number"}
	}
	if c.MaxQueued < 0 {
		return c, &InvalidError{"MaxQueued", c.MaxQueued, "a positive number"}
	}
	return c, nil
}

// parseListen reads the address to listen on. Others than those of this machine
// would make the relay an open one.
func parseListen(s string) (netip.AddrPort, error) {
	addr, err := netip.ParseAddrPort(s)
	if err != nil || !addr.Addr().IsLoopback() {
		return addr, &InvalidError{"Listen", s, "a loopback IP and a port"}
	}
	return plain(addr), nil
}

func parseTarget(s string) (netip.AddrPort, error) {
	addr, err := netip.ParseAddrPort(s)
	if err != nil || addr.Port() == 0 || addr.Addr().IsUnspecified() {
		return addr, &InvalidError{"Target", s, "an IP and a port"}
	}
	return plain(addr), nil
}

// plain makes addresses comparable: IPv4 is never written as IPv6.
func plain(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

func (f Faults) check() error {
	if err := f.ToTarget.check("ToTarget."); err != nil {
		return err
	}
	return f.ToClient.check("ToClient.")
}

func (w Way) check(prefix string) error {
	for _, p := range []struct {
		name  string
		value float64
	}{{"Loss", w.Loss}, {"Duplicate", w.Duplicate}, {"Corrupt", w.Corrupt}, {"Reorder", w.Reorder}} {
		if !(p.value >= 0 && p.value <= 1) { // NaN is neither
			return &InvalidError{prefix + p.name, p.value, "a probability"}
		}
	}
	switch {
	case w.Delay < 0:
		return &InvalidError{prefix + "Delay", w.Delay, "no negative time"}
	case w.Jitter < 0 || w.Jitter > w.Delay:
		return &InvalidError{prefix + "Jitter", w.Jitter, "at most Delay"}
	case w.HoldBack < 0 || w.HoldBack == 0 && w.Reorder > 0:
		return &InvalidError{prefix + "HoldBack", w.HoldBack, "a positive time, for Reorder"}
	case w.Rate < 0:
		return &InvalidError{prefix + "Rate", w.Rate, "no negative rate"}
	case w.Wait < 0:
		return &InvalidError{prefix + "Wait", w.Wait, "no negative time"}
	}
	return nil
}
