package proxy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/proxy/game"
)

// world is a game that knows what it must be given: each player's actions, in
// order, each once, with the payload that the player sent. It draws a number for
// each, by real chance if it rolls, and answers with it.
//
// An action that says "poison" kills the process, one that says "curse" makes
// every state that has it one that kills the process which restores it.
type world struct {
	server *server
	rolls  bool

	mu    sync.Mutex
	state worldState
}

type worldState struct {
	Rolls  map[string][]byte // by player: what came of each action, 0 if it was left out
	Cursed bool
}

// worlds makes the mesh's games worlds.
func (m *mesh) worlds(rolls, ticks bool) {
	m.world = func(s *server) game.World {
		w := &world{server: s, rolls: rolls, state: worldState{Rolls: map[string][]byte{}}}
		s.mu.Lock()
		s.states = append(s.states, w)
		s.mu.Unlock()
		switch {
		case rolls && ticks:
			return rollingTicker{ticker{w}}
		case rolls:
			return roller{w}
		case ticks:
			return ticker{w}
		}
		return w
	}
}

// drawn is one action's outcome.
type drawn struct {
	Player string
	N      int // which of the player's actions
	Roll   byte
	Curse  bool `json:",omitempty"`
}

// draw judges an action and says what comes of it: a number that is not 0.
func (w *world) draw(a game.Action) drawn {
	s := w.server
	if !strings.HasPrefix(string(a.Payload), fmt.Sprint(a.Seq, " ")) {
		s.mesh.violate("%s: action %q of %s as seq %d", s.host.ip, a.Payload, a.Player, a.Seq)
	}
	h := fnv.New32a()
	fmt.Fprint(h, a.Player, a.Seq)
	d := drawn{Player: a.Player, N: int(a.Seq), Roll: byte(h.Sum32()) | 1}
	if w.rolls {
		d.Roll = byte(rand.Uint32()) | 1
	}
	d.Curse = strings.HasSuffix(string(a.Payload), " curse")
	return d
}

// apply is one way to change the state, for whoever knows what was drawn.
func (w *world) apply(d drawn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rolls := w.state.Rolls[d.Player]
	if d.N <= len(rolls) {
		w.server.mesh.violate("%s: %+v after %d actions", w.server.host.ip, d, len(rolls))
		return
	}
	rolls = append(rolls, make([]byte, d.N-len(rolls))...) // what is left out was quarantined, or is lost
	rolls[d.N-1] = d.Roll
	w.state.Rolls[d.Player] = rolls
	w.state.Cursed = w.state.Cursed || d.Curse
}

// play carries out actions, with one outcome for all of them.
func (w *world) play(out *game.Out, actions []game.Action) {
	w.server.stumble()
	var all []drawn
	for _, a := range actions {
		if strings.HasSuffix(string(a.Payload), " poison") {
			w.server.killGame()
			return
		}
		d := w.draw(a)
		w.apply(d)
		all = append(all, d)
	}
	if len(all) == 0 {
		return
	}
	if w.rolls {
		delta, _ := json.Marshal(all) // cannot fail for this type
		out.Commit(delta)
	}
	for _, d := range all {
		out.Send(d.Player, fmt.Appendf(nil, "%d %d", d.N, d.Roll))
	}
	out.BroadcastUnreliable([]byte("tick"))
}

// stumble hangs for a while if that was asked for.
func (s *server) stumble() {
	s.mu.Lock()
	d := s.hang
	s.hang = 0
	s.mu.Unlock()
	if d > 0 {
		time.Sleep(d) // virtual
	}
}

func (w *world) Apply(out *game.Out, a game.Action) { w.play(out, []game.Action{a}) }

func (w *world) Snapshot(dst []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	state, _ := json.Marshal(w.state) // cannot fail for this type
	return append(dst, state...)
}

func (w *world) Restore(state []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := json.Unmarshal(state, &w.state); err != nil {
		return err
	}
	if w.state.Cursed {
		go w.server.killGame()
		return errors.New("a cursed state")
	}
	return nil
}

// roller is a world that commits what it rolled.
type roller struct{ *world }

func (w roller) ApplyOutcome(delta []byte) error { return w.outcome(delta) }

func (w *world) outcome(delta []byte) error {
	var all []drawn
	if err := json.Unmarshal(delta, &all); err != nil {
		return err
	}
	for _, d := range all {
		w.apply(d)
	}
	return nil
}

// ticker is a world in ticks.
type ticker struct{ *world }

func (w ticker) Tick(out *game.Out, actions []game.Action) { w.play(out, actions) }

type rollingTicker struct{ ticker }

func (w rollingTicker) ApplyOutcome(delta []byte) error { return w.outcome(delta) }

// final is the state of the world that serves now, by player; nil: none does.
func (m *mesh) final() map[string][]byte {
	for _, s := range m.servers {
		if s.now().Serving("arena") == 0 {
			continue
		}
		s.mu.Lock()
		w := s.states[len(s.states)-1]
		s.mu.Unlock()
		w.mu.Lock()
		defer w.mu.Unlock()
		return maps.Clone(w.state.Rolls)
	}
	return nil
}

// readAnswer splits what a world answers.
func readAnswer(p []byte) (n int, roll byte) {
	count, drawn, _ := strings.Cut(string(p), " ")
	n, _ = strconv.Atoi(count)
	r, _ := strconv.Atoi(drawn)
	return n, byte(r)
}
