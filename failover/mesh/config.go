package mesh

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// MaxBackups is how many backups a region may have. Each one must have a record
// before it is durable, so more make a region slower and hardly safer.
const MaxBackups = 8

// Config says what a mesh should be like. Start from DefaultConfig: there are no
// defaults for zero fields.
type Config struct {
	// Name makes the IDs of launches unique: the incarnation of the edge.
	Name string

	Backups  int      // that each region should have, besides its primary
	Regions  []string // that should exist, whether Consul knows of them or not
	Critical []string // that are recovered before all others, and never thinned

	// Patience is how long a server's check may fail, or the server be missing,
	// before its seats are given to others. It must exceed what a game takes to
	// crash and be back at its sidecar.
	Patience time.Duration
	// Gather is how long newcomers wait for more of them before they are given
	// seats: those that start together are to share the regions.
	Gather time.Duration
	// Settle is how long deaths are not counted after Consul has begun to answer:
	// checks that nobody could keep alive meanwhile get the time to pass again. It
	// should exceed CheckTTL.
	Settle time.Duration
	// Trim is how long a region keeps a seat more than it wants.
	Trim time.Duration

	Degrade Degrade
	Moves   Moves
	Launch  LaunchConfig

	// ScoreEvery is how long the score of a region stands at least.
	ScoreEvery time.Duration
	// AlertEvery is how often an alert that stands is repeated.
	AlertEvery time.Duration
}

// Degrade says when the mesh is degraded. Its pressure is the higher one of two
// ratios within Window: deaths to FailuresPerMinute, and the share of servers that
// died to ServersFailed.
type Degrade struct {
	Window            time.Duration
	FailuresPerMinute float64
	ServersFailed     float64 // a share, above 0 and at most 1

	Light, Moderate, Severe Threshold

	// Fall is the part of a level's pressure below which it is left, and Dwell how
	// long it lasts at least.
	Fall  float64
	Dwell time.Duration
	// RetryAfter is what players are told who are not admitted (severe).
	RetryAfter time.Duration
}

// Threshold is a level: the pressure at which it begins, and its fidelity.
type Threshold struct {
	Pressure float64
	Fidelity float64
}

// Moves says how regions are moved.
type Moves struct {
	AtOnce    int           // hand-overs under way in all
	PerTarget int           // of them, to one server
	Limit     time.Duration // for copying, and again for the hand-over
	// DrainWait is how long a drain waits for a server that could replace the one
	// that is drained, when there is none. Then it goes on with fewer.
	DrainWait time.Duration
}

// LaunchConfig says how servers are started. AtOnce 0: there is no launcher.
type LaunchConfig struct {
	AtOnce   int
	After    time.Duration // how long servers must be short first
	Limit    time.Duration // for a server to be registered
	Pause    time.Duration // after a failure, doubled with each further one
	PauseMax time.Duration
}

// DefaultConfig is what the design says. It has no launcher.
func DefaultConfig() Config {
	return Config{
		Backups:  2,
		Patience: 2 * time.Second,
		Gather:   time.Second,
		Settle:   4 * time.Second,
		Trim:     30 * time.Second,
		Degrade: Degrade{
			Window: time.Minute, FailuresPerMinute: 3, ServersFailed: 0.30,
			Light: Threshold{1, 0.75}, Moderate: Threshold{1.5, 0.5}, Severe: Threshold{2, 0.25},
			Fall: 0.7, Dwell: 10 * time.Second, RetryAfter: 5 * time.Second,
		},
		Moves:      Moves{AtOnce: 4, PerTarget: 1, Limit: 30 * time.Second, DrainWait: 10 * time.Second},
		Launch:     LaunchConfig{After: 5 * time.Second, Limit: time.Minute, Pause: 5 * time.Second, PauseMax: 5 * time.Minute},
		ScoreEvery: 5 * time.Second,
		AlertEvery: 5 * time.Minute,
	}
}

// Validate checks the settings against each other. It tells of all that is wrong.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("mesh: "+format, args...)) }
	if c.Backups < 0 || c.Backups > MaxBackups {
		bad("backups is %d: give 0 to %d", c.Backups, MaxBackups)
	}
	for _, d := range []struct {
		name string
		v    time.Duration
	}{
		{"patience", c.Patience},
		{"gather", c.Gather},
		{"settle", c.Settle},
		{"trim", c.Trim},
		{"score_every", c.ScoreEvery},
		{"alert_every", c.AlertEvery},
		{"degrade.window", c.Degrade.Window},
		{"degrade.dwell", c.Degrade.Dwell},
		{"degrade.retry_after", c.Degrade.RetryAfter},
		{"moves.limit", c.Moves.Limit},
		{"moves.drain_wait", c.Moves.DrainWait},
	} {
		if d.v <= 0 {
			bad("%s is %v: it must be positive", d.name, d.v)
		}
	}
	c.Degrade.validate(bad)
	c.Moves.validate(bad)
	c.Launch.validate(bad)
	return errors.Join(errs...)
}

type complain func(format string, args ...any)

// positive is false for NaN and infinity, too.
func positive(x float64) bool { return x > 0 && !math.IsInf(x, 0) }

func (d Degrade) validate(bad complain) {
	if !positive(d.FailuresPerMinute) {
		bad("degrade.failures_per_minute is %v: it must be positive", d.FailuresPerMinute)
	}
	if !positive(d.ServersFailed) || d.ServersFailed > 1 {
		bad("degrade.servers_failed is %v: give a share above 0 and up to 1", d.ServersFailed)
	}
	if !positive(d.Fall) || d.Fall >= 1 {
		bad("degrade.fall is %v: give a part above 0 and below 1, or a level flaps", d.Fall)
	}
	if d.RetryAfter > 24*time.Hour {
		bad("degrade.retry_after is %v: it is at most a day", d.RetryAfter)
	}
	below := struct {
		name string
		Threshold
	}{"normal", Threshold{0, 1}}
	for _, level := range []Level{Light, Moderate, Severe} {
		t := d.threshold(level)
		if !positive(t.Pressure) || t.Pressure <= below.Pressure {
			bad("degrade.%v begins at pressure %v: it must be above that of %s (%v)", level, t.Pressure, below.name, below.Pressure)
		}
		switch {
		case !(t.Fidelity >= 0 && t.Fidelity <= 1): // nor NaN
			bad("degrade.%v has fidelity %v: give 0 to 1", level, t.Fidelity)
		case t.Fidelity > below.Fidelity:
			bad("degrade.%v has fidelity %v: it must not be above that of %s (%v)", level, t.Fidelity, below.name, below.Fidelity)
		}
		below.name, below.Threshold = level.String(), t
	}
}

func (m Moves) validate(bad complain) {
	if m.PerTarget < 1 {
		bad("moves.per_target is %d: it must be at least 1", m.PerTarget)
	}
	if m.AtOnce < m.PerTarget {
		bad("moves.at_once (%d) is below moves.per_target (%d)", m.AtOnce, m.PerTarget)
	}
}

// maxLaunches is how many launches there may be at once: a launcher that lies must
// not fill a cluster.
const maxLaunches = 16

func (l LaunchConfig) validate(bad complain) {
	if l.AtOnce < 0 || l.AtOnce > maxLaunches {
		bad("launch.at_once is %d: give 0 (no launcher) to %d", l.AtOnce, maxLaunches)
	}
	if l.AtOnce == 0 {
		return
	}
	if l.After < 0 {
		bad("launch.after is %v: it must not be negative", l.After)
	}
	if l.Limit <= 0 {
		bad("launch.limit is %v: it must be positive", l.Limit)
	}
	if l.Pause <= 0 || l.PauseMax < l.Pause {
		bad("launch.pause (%v) must be positive, and launch.pause_max (%v) not below it", l.Pause, l.PauseMax)
	}
}
