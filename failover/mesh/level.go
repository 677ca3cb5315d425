package mesh

import (
	"fmt"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// Level says how much the mesh gives up.
type Level uint8

// The levels, each worse than the one before.
const (
	Normal Level = iota
	Light
	Moderate
	Severe // new players are not admitted
)

var levelNames = [...]string{"normal", "light", "moderate", "severe"}

// String is the level's name.
func (l Level) String() string { return levelNames[l] }

// MarshalText writes the name.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads a name.
func (l *Level) UnmarshalText(text []byte) error {
	level, ok := ParseLevel(string(text))
	if !ok {
		return fmt.Errorf("mesh: %q is no level: give %v", text, levelNames)
	}
	*l = level
	return nil
}

// ParseLevel reads the name of a level.
func ParseLevel(name string) (Level, bool) {
	i := slices.Index(levelNames[:], name)
	return Level(max(i, 0)), i >= 0
}

// threshold is where a level begins, and its fidelity.
func (d Degrade) threshold(l Level) Threshold {
	return [...]Threshold{{0, 1}, d.Light, d.Moderate, d.Severe}[l]
}

// pressure is how close the mesh is to its limits: 1 is the threshold of FailuresPerMinute or ServersFailed.
func (d Degrade) pressure(count int, share float64) float64 {
	allowed := d.FailuresPerMinute * d.Window.Minutes()
	return max(float64(count)/allowed, share/d.ServersFailed)
}

// degrade is the machine of the level: it rises at once to where the pressure is,
// and falls one level at a time, below Fall times its threshold, after Dwell.
//
//	           r >= light           r >= moderate            r >= severe
//	┌────────┐ ─────────▶ ┌───────┐ ────────────▶ ┌──────────┐ ─────────▶ ┌────────┐
//	│ normal │            │ light │               │ moderate │            │ severe │
//	└────────┘ ◀───────── └───────┘ ◀──────────── └──────────┘ ◀───────── └────────┘
//	           each one step: r < Fall × the level's own threshold, and Dwell is over
type degrade struct {
	cfg   Degrade
	level Level
	since time.Time // of the level, on our clock
}

// step judges a pressure, and tells whether the level has changed.
func (d *degrade) step(now time.Time, r float64) bool {
	next := d.level
	for l := Severe; l > d.level; l-- {
		if r >= d.cfg.threshold(l).Pressure {
			next = l
			break
		}
	}
	if next == d.level && d.level > Normal && now.Sub(d.since) >= d.cfg.Dwell &&
		r < d.cfg.Fall*d.cfg.threshold(d.level).Pressure {
		next--
	}
	if next == d.level {
		return false
	}
	d.level, d.since = next, now
	return true
}

// resume goes on with what an earlier controller has published.
func (d *degrade) resume(now time.Time, published discovery.MeshState) {
	d.level, _ = ParseLevel(published.Level)
	d.since = now
}

// state is what is to be published. Since is kept as long as the level is that of
// before: another controller may have begun it.
func (d *degrade) state(before discovery.MeshState) discovery.MeshState {
	s := discovery.MeshState{Level: d.level.String(), Fidelity: d.cfg.threshold(d.level).Fidelity, Since: d.since.UTC()}
	if d.level == Severe {
		s.RetryAfter = uint64(d.cfg.RetryAfter.Milliseconds())
	}
	if before.Level == s.Level && !before.Since.IsZero() {
		s.Since = before.Since
	}
	return s
}
