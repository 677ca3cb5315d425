package demo

import (
	"fmt"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// visit is a round that people have opened.
type visit struct {
	*scene

	// Guarded by stage.mu:
	until time.Time // what they did lasts till then
	gone  []string  // servers whose process has ended, and that are to be started again

	back bool // all players play on
}

// deed is something that people did to a server.
type deed struct {
	kind   string
	server string
	at     time.Time
	lasts  time.Duration
	ended  bool // its process has
}

// what it was, in words; %s is the server.
var deeds = map[string]string{
	"kill":   "%s is killed",
	"freeze": "%s is frozen for a while",
	"cut":    "%s is cut off for a while",
	"drain":  "%s is to be emptied (drain)",
}

// deedOf is what people did, as a process tells it.
func deedOf(e fleet.Event) (did deed, ok bool) {
	switch e.Name {
	case "simulated":
		return deed{kind: e.Text("kind"), server: e.Text("server"), at: e.At, lasts: time.Duration(e.Number("duration"))}, true
	case "drain":
		return deed{kind: "drain", server: e.Text("server"), at: e.At}, !e.Flag("undo")
	case "game_down":
		return deed{kind: "kill", server: e.From, at: e.At}, e.Text("reason") == "game_exit"
	}
	return deed{}, false
}

// happen takes in what people did. Only one goroutine calls it.
func (s *stage) happen(did deed) {
	text, known := deeds[did.kind]
	servers := byName(s.servers, []string{did.server})
	if !known || len(servers) == 0 {
		return
	}
	v, opened, again := s.visitOf(did)
	if opened {
		s.cfg.Screen.Line("")
		s.begin(did.at, v.Planned)
	}
	if !again {
		s.concern(v.now, []string{did.server})
		s.timeline.add(did.at, markFault, fmt.Sprintf(text, did.server))
		s.timeline.add(did.at, markStep, v.led([]string{did.server}))
	}
	if did.ended {
		s.timeline.add(did.at, markFault, did.server+" has ended, game and sidecar")
		s.struck(servers)
		if lost := s.orphans(); len(lost) > 0 {
			s.timeline.add(did.at, markFault, fmt.Sprintf(
				"everybody who had the state of %s is gone: only a person may let others take over (reseat force-takeover)", list(lost)))
		}
	}
}

// visitOf is the visit to which a deed belongs. It may have opened it, and the
// server may be in it already.
func (s *stage) visitOf(did deed) (v *visit, opened, again bool) {
	s.update(func(*known) {
		if v = s.visit; v == nil {
			v = &visit{scene: &scene{Round: &Round{Fault: did.kind, Planned: did.kind == "drain", At: did.at}, now: s.calm}}
			s.visit, opened = v, true
		}
		if again = slices.Contains(v.Servers, did.server); !again {
			v.Servers = append(v.Servers, did.server)
		}
		if did.ended && !slices.Contains(v.gone, did.server) {
			v.gone = append(v.gone, did.server)
		}
		v.Planned = v.Planned && did.kind == "drain"
		if until := did.at.Add(did.lasts + settled); until.After(v.until) {
			v.until = until
		}
	})
	return v, opened, again
}

// orphans are the regions of which all servers that had their state are gone.
func (s *stage) orphans() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.regions {
		members := s.known.regions[r.Name].view.InSync
		if len(members) > 0 && s.known.living(members) == 0 {
			names = append(names, r.Name)
		}
	}
	return names
}

// remember notes how the regions stand while nothing happens.
func (s *stage) remember() {
	s.mu.Lock()
	whole := s.visit == nil && s.whole(s.known, nil)
	s.mu.Unlock()
	if !whole {
		return
	}
	now := s.standings()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.visit == nil {
		s.calm = now
	}
}
