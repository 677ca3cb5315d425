package proxy_test

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"

	"github.com/reseat-proxy/reseat/proxy/game"
)

// town is a region of a game whose players walk about: with "go REGION" they leave
// for another one, with their gold and with what they have done so far. "pay PLAYER"
// gives one piece of gold to somebody who is there. Who acts for the first time in
// any region gets grant pieces; besides that, none are made.
//
// What may not be shows in it: an action that comes twice, late, or where its player
// is not; a player who is in two regions, or arrives where he is.
type town struct {
	server *server
	name   string
	rolls  bool // by real chance, so it commits outcomes
	once   bool // and what a transfer has changed is in one of them with what its action has

	mu    sync.Mutex
	state townState
}

const grant = 100

type townState struct {
	Purses  map[string]*purse
	Granted int // purses filled here
}

// purse is what a player owns, and takes along.
type purse struct {
	Gold  int
	Done  []byte // by seq: what came of it, 0 if it was left out
	Left  int    // how often he has left a region
	Came  int    // and come to one
	Curse bool   // where he brings it, the process dies
}

// event is one change of a town, and what it commits.
type event struct {
	Player string
	Seq    int    `json:",omitempty"`
	Roll   byte   `json:",omitempty"`
	Pays   string `json:",omitempty"`
	Curses bool   `json:",omitempty"`
	Leaves bool   `json:",omitempty"`
	Comes  *purse `json:",omitempty"`
}

// towns makes the mesh's games towns.
func (m *mesh) towns(rolls, ticks, once bool) {
	m.regional = func(s *server, region string) game.World {
		w := &town{server: s, name: region, rolls: rolls, once: once, state: townState{Purses: map[string]*purse{}}}
		s.mu.Lock()
		s.towns = append(s.towns, w)
		s.mu.Unlock()
		switch {
		case rolls && ticks:
			return rollingTickTown{tickTown{w}}
		case rolls:
			return rollingTown{w}
		case ticks:
			return tickTown{w}
		}
		return w
	}
}

func (w *town) violate(format string, args ...any) {
	w.server.mesh.violate("%s of %s: %s", w.name, w.server.host.ip, fmt.Sprintf(format, args...))
}

// happen is one way to change the state, for whoever knows what has happened.
func (w *town) happen(e event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.state.Purses[e.Player]
	switch {
	case e.Comes != nil && p != nil:
		w.violate("%s comes, and is here: %+v, %+v", e.Player, *e.Comes, *p)
		return
	case e.Comes != nil:
		e.Comes.Came++
		w.state.Purses[e.Player] = e.Comes
		return
	case p == nil && (e.Leaves && e.Seq == 0 || e.Seq > 1):
		w.violate("%+v, and its player is not here", e)
		return
	case p == nil:
		p = &purse{Gold: grant}
		w.state.Purses[e.Player] = p
		w.state.Granted++
	}
	if e.Seq > 0 {
		w.act(p, e)
	}
	if e.Leaves {
		delete(w.state.Purses, e.Player)
	}
}

func (w *town) act(p *purse, e event) {
	if e.Seq <= len(p.Done) {
		w.violate("%+v after %d actions", e, len(p.Done))
		return
	}
	p.Done = append(p.Done, make([]byte, e.Seq-len(p.Done))...) // what is left out was quarantined
	p.Done[e.Seq-1] = e.Roll
	p.Curse = p.Curse || e.Curses
	if to := w.state.Purses[e.Pays]; to != nil && p.Gold > 0 {
		p.Gold--
		to.Gold++
	}
}

// read says what comes of an action.
func (w *town) read(a game.Action) event {
	words := strings.Fields(string(a.Payload))
	if words[0] != fmt.Sprint(a.Seq) {
		w.violate("action %q of %s as seq %d", a.Payload, a.Player, a.Seq)
	}
	h := fnv.New32a()
	fmt.Fprint(h, a.Player, a.Seq)
	e := event{Player: a.Player, Seq: int(a.Seq), Roll: byte(h.Sum32()) | 1}
	if w.rolls {
		e.Roll = byte(rand.Uint32()) | 1
	}
	switch words[1] {
	case "pay":
		e.Pays = words[2]
	case "curse":
		e.Curses = true
	}
	return e
}

// where is the region that an action leaves for, or "".
func (w *town) where(a game.Action) string {
	words := strings.Fields(string(a.Payload))
	if words[1] == "go" && words[2] != w.name {
		return words[2]
	}
	return ""
}

// play carries out actions. What has come of them up to somebody who leaves is one
// outcome, his leaving the next.
func (w *town) play(out *game.Out, actions []game.Action) {
	w.server.stumble()
	var all []event
	left := map[string]bool{}
	for _, a := range actions {
		if left[a.Player] {
			continue // it goes along
		}
		e := w.read(a)
		w.happen(e)
		all = append(all, e)
		if region := w.where(a); region != "" {
			all = w.tell(out, all, w.once)
			w.letGo(out, a, region, all)
			all, left[a.Player] = nil, true
		}
	}
	w.tell(out, all, false)
	out.BroadcastUnreliable([]byte("tick"))
}

// tell commits what has happened, unless it is to be committed with what follows, and
// tells everybody.
func (w *town) tell(out *game.Out, all []event, later bool) (left []event) {
	if w.rolls && len(all) > 0 && !later {
		out.Commit(encode(all))
	} else {
		left = all
	}
	for _, e := range all {
		out.Send(e.Player, fmt.Appendf(nil, "%d %d", e.Seq, e.Roll))
	}
	return left
}

// letGo lets the player of an action go, whose leaving comes after other events that
// are not committed.
func (w *town) letGo(out *game.Out, a game.Action, region string, before []event) {
	p := w.purse(a.Player)
	p.Left++
	e := event{Player: a.Player, Leaves: true}
	if err := out.TransferAfter(a, region, encode(p), encode(append(before, e))); err != nil {
		w.violate("%v", err)
	}
	w.happen(e)
}

// purse is a copy of a player's.
func (w *town) purse(player string) *purse {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.state.Purses[player]; p != nil {
		own := *p
		return &own
	}
	return nil
}

func encode(v any) []byte {
	b, _ := json.Marshal(v) // cannot fail for these types
	return b
}

func (w *town) Apply(out *game.Out, a game.Action) { w.play(out, []game.Action{a}) }

func (w *town) Arrive(out *game.Out, player string, baggage []byte) {
	e := event{Player: player, Comes: &purse{}}
	if err := json.Unmarshal(baggage, e.Comes); err != nil {
		w.violate("%s brings %q: %v", player, baggage, err)
	}
	if e.Comes.Curse {
		w.server.mesh.poisoned.Add(1)
		w.server.killGame()
		return
	}
	if w.rolls && w.once { // others are given the arrival again
		out.Commit(encode([]event{e}))
	}
	w.happen(e)
	out.Send(player, []byte("welcome"))
}

func (w *town) Snapshot(dst []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append(dst, encode(w.state)...)
}

func (w *town) Restore(state []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return json.Unmarshal(state, &w.state)
}

// rollingTown is a town that commits what it rolled, tickTown one in ticks.
type (
	rollingTown     struct{ *town }
	tickTown        struct{ *town }
	rollingTickTown struct{ tickTown }
)

func (w rollingTown) ApplyOutcome(delta []byte) error        { return w.outcome(delta) }
func (w tickTown) Tick(out *game.Out, actions []game.Action) { w.play(out, actions) }
func (w rollingTickTown) ApplyOutcome(delta []byte) error    { return w.outcome(delta) }

func (w *town) outcome(delta []byte) error {
	var all []event
	if err := json.Unmarshal(delta, &all); err != nil {
		return err
	}
	for _, e := range all {
		w.happen(e)
	}
	return nil
}

// serving is the town of a region that serves now, or nil.
func (m *mesh) serving(region string) *town {
	for _, s := range m.servers {
		if s.now().Serving(region) == 0 {
			continue
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for i := range s.towns {
			if w := s.towns[len(s.towns)-1-i]; w.name == region {
				return w
			}
		}
	}
	return nil
}

// census counts everybody and everything in all regions. It says what is wrong, or
// returns what has come of each player's actions. Who is between two regions is
// missed.
func (m *mesh) census(players ...string) (done map[string][]byte, wrong string) {
	done = map[string][]byte{}
	gold, granted := 0, 0
	where := map[string]string{}
	for _, region := range m.regions() {
		w := m.serving(region)
		if w == nil {
			return nil, region + " is not served"
		}
		w.mu.Lock()
		for player, p := range w.state.Purses {
			if where[player] != "" {
				wrong = fmt.Sprintf("%s is in %s and in %s", player, where[player], region)
			}
			if p.Came != p.Left {
				wrong = fmt.Sprintf("%s has left %d times, and come %d times", player, p.Left, p.Came)
			}
			where[player] = region
			done[player] = p.Done
			gold += p.Gold
		}
		granted += w.state.Granted
		w.mu.Unlock()
	}
	for _, player := range players {
		if where[player] == "" {
			wrong = player + " is nowhere"
		}
	}
	switch {
	case wrong != "":
	case granted != len(where):
		wrong = strconv.Itoa(granted) + " purses were filled, of " + strconv.Itoa(len(where)) + " players"
	case gold != grant*granted:
		wrong = fmt.Sprintf("there are %d pieces of gold, and were %d", gold, grant*granted)
	}
	return maps.Clone(done), wrong
}
