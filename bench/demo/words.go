package demo

import (
	"fmt"
	"slices"

	"github.com/reseat-proxy/reseat/bench/fleet"
)

// names turns incarnations into the names of servers.
type names map[string]string

func (n names) of(incarnation string) string {
	if name := n[incarnation]; name != "" {
		return name
	}
	return "a server"
}

// tell says what an event means where there is one region: everything is told.
func tell(e fleet.Event, n names) string {
	if say := words[e.Name]; say != nil {
		return say(e, n)
	}
	return ""
}

// words say what an event means to a person who watches; empty: nothing. What
// is not in here is not shown.
var words = map[string]func(e fleet.Event, n names) string{
	"game_down": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("sidecar of %s notices: %s", e.From, reason(e))
	},
	"down": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("%s gives up: %s", e.From, reason(e))
	},
	"suspect": func(e fleet.Event, n names) string {
		if !e.Has("primary") {
			return "" // a backup repeats what a witness told it
		}
		return fmt.Sprintf("%s suspects %s: %s", e.From, n.of(e.Text("primary")), reason(e))
	},
	"detected": func(e fleet.Event, n names) string {
		return fmt.Sprintf("%s has two witnesses against %s: %s", e.From, n.of(e.Text("primary")), reason(e))
	},
	"held": func(e fleet.Event, _ names) string {
		if e.Number("players") == 0 {
			return ""
		}
		return fmt.Sprintf("%s keeps the actions of %s, %s so far", e.From, plural(e.Number("players"), "player"), grouped(e.Number("actions")))
	},
	"elected": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("%s elected, epoch %d", e.From, e.Number("epoch"))
	},
	"restored": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("%s has the newest snapshot of the edges, %s", e.From, bytesOf(e.Number("bytes")))
	},
	"serving": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("%s serves epoch %d", e.From, e.Number("epoch"))
	},
	"switch": func(e fleet.Event, n names) string {
		if e.Number("players") == 0 {
			return fmt.Sprintf("%s follows %s", e.From, n.of(e.Text("primary")))
		}
		return fmt.Sprintf("%s switches %s to %s", e.From, plural(e.Number("players"), "player"), n.of(e.Text("primary")))
	},
	"resent": func(e fleet.Event, _ names) string {
		if e.Number("players") == 0 {
			return ""
		}
		return fmt.Sprintf("%s has re-sent %s of %s", e.From, plural(e.Number("actions"), "kept action"), plural(e.Number("players"), "player"))
	},
	"joined": func(e fleet.Event, _ names) string { return e.From + " is back, as a backup without state" },
	"copied": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("%s has copied the state, %s", e.From, bytesOf(e.Number("bytes")))
	},
	"late": func(e fleet.Event, n names) string { return n.of(e.Text("backup")) + " is too slow to stay in sync" },
	"insync": func(e fleet.Event, n names) string {
		ids := e.Texts("members")
		members := make([]string, 0, len(ids))
		for _, incarnation := range ids {
			members = append(members, n.of(incarnation))
		}
		slices.Sort(members)
		switch {
		case len(members) == 0:
			return "no backup is in sync: the edges keep the state"
		case len(members) == 1:
			return members[0] + " alone is in sync"
		}
		return list(members) + " are in sync"
	},
	"quarantined": func(e fleet.Event, _ names) string {
		return fmt.Sprintf("%s sets an action of %s aside: servers died of it", e.From, e.Text("player"))
	},
}

// reasons are the codes of the protocol in words.
var reasons = map[string]string{
	"game_exit":    "the game process ended",
	"game_hang":    "the game missed its heartbeats",
	"game_fault":   "the game could not go on",
	"game_starved": "the game got no CPU",
	"refused":      "nothing listens at its port",
	"silence":      "it is silent",
	"no_lock":      "nobody holds the lock",
	"deposed":      "there is a newer primary",
	"drain":        "planned",
	"link_closed":  "it closed its links",
	"session_lost": "its session is gone",
	"shutdown":     "it stops",
}

func reason(e fleet.Event) string {
	code := e.Text("reason")
	if text := reasons[code]; text != "" {
		return text
	}
	return code
}
