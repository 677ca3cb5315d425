package demo

import (
	"fmt"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// A demo cannot wait until the deaths of a minute count no more, as they do by
// default: the levels fall sooner, and the same number of deaths makes them rise.
const (
	Window = 10 * time.Second
	Dwell  = 3 * time.Second
	deaths = 3 // within the window, where light begins
)

// normal is the level of a mesh in which nothing is amiss.
const normal = "normal"

// Level is how far the mesh has lowered its fidelity, from a moment on.
type Level struct {
	At       time.Duration `json:"at_ns"` // since the fault
	Level    string        `json:"level"`
	Fidelity float64       `json:"fidelity"`
}

// levelOf is the level that a mesh is on; one that nobody has spoken of is normal.
func levelOf(m discovery.Mesh) string {
	if m.State.Level == "" {
		return normal
	}
	return m.State.Level
}

// news is something to tell.
type news struct {
	at   time.Time
	text string
}

// changes says what is new in what the registry says of the mesh as a whole.
func (k *known) changes(mesh discovery.Mesh) (all []news) {
	if level := levelOf(mesh); level != levelOf(k.mesh) {
		k.levels = append(k.levels, Level{At: mesh.State.Since.Sub(k.began), Level: level, Fidelity: mesh.State.Fidelity})
		text := fmt.Sprintf("degraded level %s: fidelity %.2f", level, mesh.State.Fidelity)
		if mesh.State.RetryAfter > 0 {
			text += ", newcomers are to come back later"
		}
		all = append(all, news{mesh.State.Since, text})
	}
	if now := mesh.Controller; now != nil && now.Incarnation != k.ruler {
		if k.ruler != "" {
			all = append(all, news{now.Since, now.Edge + " is the controller now"})
		}
		k.ruler = now.Incarnation
	}
	return all
}
