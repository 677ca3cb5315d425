package fleet

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Server is a process that can fail and come back: a sidecar with the game
// process that it supervises, or an edge, which supervises none.
type Server struct {
	Name string

	fleet *Fleet

	mu      sync.Mutex
	spec    Spec
	sidecar *Process // or the edge
	game    int      // its process ID; 0: none that we know of
}

// gameStarted is the event by which a sidecar tells the pid of its game.
const gameStarted = "game_started"

// NewServer makes a server out of the command of its sidecar, or of an edge. It
// is not started.
func (f *Fleet) NewServer(spec Spec) *Server {
	return &Server{Name: spec.Name, fleet: f, spec: spec}
}

// Start starts the sidecar, which starts the game; or the edge.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.fleet.Start(s.spec)
	if err != nil {
		return err
	}
	s.sidecar = p
	return nil
}

// Observe takes an event of any process; a server learns the pid of its game so.
func (s *Server) Observe(e Event) {
	if e.From != s.Name || e.Name != gameStarted {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.game = int(e.Number("pid"))
}

// Game is the process ID of the game, 0 if none is known.
func (s *Server) Game() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.game
}

// PID is the process ID of the sidecar, or of the edge; 0 if it was never started.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sidecar == nil {
		return 0
	}
	return s.sidecar.PID()
}

// take returns both, and forgets the game if it is about to end.
func (s *Server) take(ends bool) (sidecar *Process, game *os.Process, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sidecar == nil || s.game == 0 {
		return nil, nil, fmt.Errorf("%s has no game process", s.Name)
	}
	if game, err = os.FindProcess(s.game); err != nil {
		return nil, nil, err
	}
	if ends {
		s.game = 0
	}
	return s.sidecar, game, nil
}

func (s *Server) killGame() error {
	_, game, err := s.take(true)
	if err != nil {
		return err
	}
	return game.Kill()
}

// killBoth is what the loss of a machine looks like from outside.
func (s *Server) killBoth() error {
	sidecar, game, err := s.take(true)
	if err != nil {
		return err
	}
	sidecar.Expect()
	// The game may be gone before its turn comes: it dies with its sidecar.
	err = sidecar.cmd.Process.Kill()
	if killed := game.Kill(); !errors.Is(killed, os.ErrProcessDone) {
		err = errors.Join(err, killed)
	}
	<-sidecar.Exited()
	return err
}

// kill kills a server that supervises no game.
func (s *Server) kill() error {
	s.mu.Lock()
	p := s.sidecar
	s.mu.Unlock()
	if p == nil {
		return fmt.Errorf("%s has no process", s.Name)
	}
	p.Kill()
	return nil
}

func (s *Server) freeze() error {
	sidecar, game, err := s.take(false)
	if err != nil {
		return err
	}
	return errors.Join(stop(game), stop(sidecar.cmd.Process))
}

func (s *Server) thaw() error {
	sidecar, game, err := s.take(false)
	if err != nil {
		return err
	}
	// The sidecar may have killed the game before its turn comes: it has been deposed.
	err = resume(sidecar.cmd.Process)
	if resumed := resume(game); !errors.Is(resumed, os.ErrProcessDone) {
		err = errors.Join(err, resumed)
	}
	return err
}

// Leave asks the server to leave the mesh in good order, and kills it when that
// takes longer than grace: left tells whether it has gone by itself.
func (s *Server) Leave(grace time.Duration) (left bool) {
	s.mu.Lock()
	p := s.sidecar
	s.game = 0
	s.mu.Unlock()
	if p == nil {
		return true
	}
	p.Expect()
	_ = p.cmd.Process.Signal(os.Interrupt) // fails when it has ended already
	select {
	case <-p.Exited():
		return true
	case <-time.After(grace):
		p.Kill()
		return false
	}
}
