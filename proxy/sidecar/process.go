package sidecar

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"time"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// GameEnv names the environment variable that tells a game where its sidecar is.
const GameEnv = "RESEAT_GAME"

// lastWords is how long a game that has closed its connection may take to end: what it
// says of itself then, and a core dump, are what its developers need.
const lastWords = 2 * time.Second

// startGame starts the configured command and returns how to end it: the
// returned function waits for as long as it is told, kills the process if that has not
// ended by itself, and returns when it is gone. With no command it does nothing.
func (s *Sidecar) startGame(end context.CancelCauseFunc) (stop func(patience time.Duration), err error) {
	cfg := s.cfg.Game
	if len(cfg.Command) == 0 {
		return func(time.Duration) {}, nil
	}
	cmd := exec.Command(cfg.Command[0], cfg.Command[1:]...) //nolint:noctx // stop ends it, after its sockets have told why
	cmd.Env = append(os.Environ(), GameEnv+"="+cfg.Socket)
	cmd.Stdout, cmd.Stderr = cfg.Stdout, cfg.Stderr
	if cmd.Stdout == nil {
		cmd.Stdout = os.Stdout
	}
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	cmd.SysProcAttr = dieWithUs()
	started, gone := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(gone)
		// The death signal is sent when the *thread* that forked ends, so this one
		// stays for as long as the game runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		if err = cmd.Wait(); err == nil {
			err = errors.New("exited with status 0")
		}
		end(&endError{wire.CodeGameExit, fmt.Errorf("game process: %w", err)})
	}()
	if err := <-started; err != nil {
		return nil, &FatalError{fmt.Errorf("game command %q: %w: check the path after --", cfg.Command[0], err)}
	}
	s.log.Info("game started", "event", "game_started", "pid", cmd.Process.Pid)
	return func(patience time.Duration) {
		if patience > 0 {
			select {
			case <-gone:
			case <-time.After(patience):
				s.log.Warn("the game has left and its process goes on: killing it", "event", "game_lingers", "pid", cmd.Process.Pid)
			}
		}
		_ = cmd.Process.Kill()
		<-gone
	}, nil
}

// awaitGame waits for the game to connect.
func (s *Sidecar) awaitGame(ctx context.Context, socket net.Listener) (net.Conn, error) {
	if len(s.cfg.Game.Command) > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.cfg.Game.HelloTimeout, &endError{
			wire.CodeGameHang,
			fmt.Errorf("the game did not connect within %v: does it call game.Run, or dial $%s?", s.cfg.Game.HelloTimeout, GameEnv),
		})
		defer cancel()
	}
	type deadliner interface{ SetDeadline(time.Time) error }
	if d, ok := socket.(deadliner); ok {
		_ = d.SetDeadline(time.Time{})
		stop := context.AfterFunc(ctx, func() { _ = d.SetDeadline(time.Unix(1, 0)) })
		defer stop()
	}
	conn, err := socket.Accept()
	if ctx.Err() != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return nil, context.Cause(ctx)
	}
	return conn, err
}
