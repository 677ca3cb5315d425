package peers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Game is a server of the counter game. It keeps its state in memory only.
type Game struct {
	journal journal

	mu      sync.Mutex
	applied map[action]struct{}
}

// NewGame makes a game that writes what it applies into the file of a path.
func NewGame(path string) (*Game, error) {
	j, err := openJournal(path)
	if err != nil {
		return nil, err
	}
	return &Game{journal: j, applied: map[action]struct{}{}}, nil
}

// Close closes the journal. No Serve may run then.
func (g *Game) Close() error { return g.journal.close() }

// apply does what an action asks for, unless it was done before.
func (g *Game) apply(a action) error {
	g.mu.Lock()
	_, again := g.applied[a]
	g.applied[a] = struct{}{}
	g.mu.Unlock()
	if again {
		return nil
	}
	return g.journal.add(a)
}

// answer turns a frame into its answer. The error is errFrame for what is none.
func (g *Game) answer(frame []byte) error {
	kind, a, err := readFrame(frame)
	if err != nil {
		return err
	}
	switch kind {
	case kindAct:
		if err := g.apply(a); err != nil {
			return err
		}
		putFrame(frame, kindAck, a)
	case kindAsk:
		putFrame(frame, kindHere, a)
	default:
		return errFrame
	}
	return nil
}

// ServeTCP serves those who connect to ln until ctx ends, which is no error. ln is
// closed then, and so are all connections.
func (g *Game) ServeTCP(ctx context.Context, ln net.Listener) error {
	group, inner := errgroup.WithContext(ctx)
	inner, cancel := context.WithCancel(inner)
	defer cancel()
	stop := context.AfterFunc(inner, func() { _ = ln.Close() })
	defer stop()
	for {
		conn, err := ln.Accept()
		if err != nil {
			cancel()
			if failed := group.Wait(); failed != nil || ctx.Err() != nil {
				return failed
			}
			return fmt.Errorf("peers: game: %w", err)
		}
		group.Go(func() error { return g.converse(inner, conn) })
	}
}

// converse answers one connection until it ends. Only what concerns all is an error.
func (g *Game) converse(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	in := bufio.NewReader(conn)
	var frame [frameSize]byte
	for {
		if _, err := io.ReadFull(in, frame[:]); err != nil {
			return nil // who leaves leaves
		}
		switch err := g.answer(frame[:]); {
		case errors.Is(err, errFrame):
			return nil
		case err != nil:
			return err
		}
		if _, err := conn.Write(frame[:]); err != nil {
			return nil
		}
	}
}

// ServeUDP is ServeTCP for datagrams. conn is closed when ctx ends.
func (g *Game) ServeUDP(ctx context.Context, conn net.PacketConn) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	buf := make([]byte, 2*frameSize)
	for {
		n, from, err := conn.ReadFrom(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("peers: game: %w", err)
		}
		switch err := g.answer(buf[:n]); {
		case err == nil:
			_, _ = conn.WriteTo(buf[:n], from) // an answer that is lost is asked for again
		case !errors.Is(err, errFrame):
			return err
		}
	}
}
