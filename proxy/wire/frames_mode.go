package wire

import (
	"fmt"
	"slices"
)

// Level is how much the mesh gives up, because too much has failed at once. A
// higher one is worse.
type Level uint64

// The levels of degraded mode.
const (
	LevelNormal   Level = 0
	LevelLight    Level = 1
	LevelModerate Level = 2
	LevelSevere   Level = 3
)

var levelNames = [...]string{
	LevelNormal: "normal", LevelLight: "light", LevelModerate: "moderate", LevelSevere: "severe",
}

// String is the level's name, as used in Consul, in logs and as metric label.
func (l Level) String() string {
	if l < Level(len(levelNames)) {
		return levelNames[l]
	}
	return fmt.Sprintf("level_%d", uint64(l))
}

// Full is the fidelity at which nothing is left out.
const Full = 1000

// Mode tells at which level the mesh works, and how many of a thousand unreliable
// updates are passed on.
type Mode struct {
	Level    Level
	Fidelity uint64 // 0..Full
}

func (f *Mode) fields(c *codec) {
	c.level(&f.Level)
	c.fidelity(&f.Fidelity)
}

// Normal is the mode in which nothing is given up.
func Normal() Mode { return Mode{Level: LevelNormal, Fidelity: Full} }

// Share is the fidelity as a number from 0 to 1.
func (f Mode) Share() float64 { return float64(f.Fidelity) / Full }

// ParseMode is the mode that a controller has published: a level's name, and a
// fidelity from 0 to 1. Without a name nothing was published, and all is normal.
func ParseMode(level string, fidelity float64) (Mode, error) {
	if level == "" {
		return Normal(), nil
	}
	i := slices.Index(levelNames[:], level)
	switch {
	case i < 0:
		return Mode{}, fmt.Errorf("level %q is none of normal, light, moderate and severe", level)
	case !(fidelity >= 0 && fidelity <= 1): // not a number either
		return Mode{}, fmt.Errorf("fidelity %v of level %s is not from 0 to 1", fidelity, level)
	}
	return Mode{Level: Level(i), Fidelity: uint64(fidelity*Full + 0.5)}, nil
}

func (c *codec) level(v *Level) {
	c.uint((*uint64)(v))
	if c.mode == decoding && *v > LevelSevere {
		c.fail(CodeProtocol, "unknown level %d", *v)
	}
}

func (c *codec) fidelity(v *uint64) {
	c.uint(v)
	if c.mode == decoding && *v > Full {
		c.fail(CodeProtocol, "a fidelity of %d in %d", *v, Full)
	}
}
