package sidecar

import (
	"context"
	"sync"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// level is what the game is told of the mesh: by a Mode after its welcome, and at
// each change.
type level struct {
	mu   sync.Mutex // guards the fields below, and the order in which a game is told
	mode wire.Mode
	game *gameLink // the last one; nil: none yet
}

// SetLevel passes the level that the controller has published on to the game. The
// zero value is the normal level; one that makes no sense changes nothing. It does
// not block.
func (s *Sidecar) SetLevel(state discovery.MeshState) {
	mode, err := wire.ParseMode(state.Level, state.Fidelity)
	if err != nil {
		s.log.Error("the controller's level makes no sense: the last one stays in force; are sidecar and controller of one version?",
			"event", "level", "error", err)
		return
	}
	if s.level.set(mode) {
		s.log.Warn("level changes", "event", "level", "level", mode.Level.String(), "fidelity", mode.Share())
	}
}

// set tells whether the mode is another one than before.
func (l *level) set(mode wire.Mode) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if mode == l.mode {
		return false
	}
	l.mode = mode
	l.tell()
	return true
}

// meet greets a game with what there is to know.
func (l *level) meet(game *gameLink) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.game = game
	l.tell()
}

func (l *level) tell() {
	if l.game == nil {
		return
	}
	if err := pump.Add(l.game.out, l.mode); err != nil {
		l.game.end(&endError{wire.CodeGameHang, err}) // it does not read its socket
	}
}

// obey follows what is said to all servers, and to this one. What a Mesh does not say
// anew stands.
func (s *Sidecar) obey(ctx context.Context) error {
	var last discovery.SetVersion // 0: nothing was said
	return s.mesh.Follow(ctx, func(m discovery.Mesh) {
		if !m.Stale && m.StateAt != last {
			last = m.StateAt
			s.SetLevel(m.State)
		}
		s.endure(m)
	})
}
