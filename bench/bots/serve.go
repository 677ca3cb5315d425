package bots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/bench/world"
)

// Orders to a crowd in another process, and its words, are JSON values one
// after the other: orders on its standard input, words on its standard output.

// order tells a crowd what to do.
type order struct {
	ID    int    `json:"id"`
	Do    verb   `json:"do"`
	Fault string `json:"fault,omitempty"` // of mark
	At    int64  `json:"at,omitempty"`    // of mark and close

	Player  int           `json:"player,omitempty"`  // of poison
	Variant world.Variant `json:"variant,omitempty"` // of poison
}

type verb string

const (
	doJoin   verb = "join"   // answered
	doAudit  verb = "audit"  // answered with books
	doPlay   verb = "play"   // not answered; progress follows
	doMark   verb = "mark"   // not answered
	doClose  verb = "close"  // not answered
	doStop   verb = "stop"   // answered when everything is durable
	doResult verb = "result" // answered with the result
	doPoison verb = "poison" // not answered
)

// word is what a crowd says: that an order is done, or its progress.
type word struct {
	Done     int       `json:"done,omitempty"`  // the ID of the order
	Error    string    `json:"error,omitempty"` // the order failed
	Books    Books     `json:"books,omitempty"`
	Result   *Result   `json:"result,omitempty"`
	Progress *Progress `json:"progress,omitempty"`
}

// progressEvery is how often a playing crowd says where it is.
const progressEvery = 25 * time.Millisecond

// patience is how long the crowd waits for everything to be durable, or for the
// books: longer than an edge keeps an action that no primary takes (10 s), so
// that a session which ends for that reason is seen to end.
const patience = 15 * time.Second

// Serve leads c by the orders that come from in, and says on out what becomes
// of them. It returns when in or ctx ends; all players have left then. in must
// fail to read when ctx ends.
func Serve(ctx context.Context, c *Crowd, in io.Reader, out io.Writer) error {
	s := server{crowd: c, out: json.NewEncoder(out)}
	g, gctx := errgroup.WithContext(ctx)
	gctx, cancel := context.WithCancel(gctx)
	g.Go(func() error { return s.progress(gctx) })
	g.Go(func() error {
		defer cancel()
		return s.obey(gctx, json.NewDecoder(in))
	})
	return errors.Join(g.Wait(), c.Leave())
}

type server struct {
	crowd *Crowd

	mu  sync.Mutex // guards out
	out *json.Encoder
}

func (s *server) say(w word) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Encode(w)
}

func (s *server) obey(ctx context.Context, orders *json.Decoder) error {
	for orders.More() { // until whoever leads us has left, or in is closed
		var o order
		if err := orders.Decode(&o); err != nil {
			return fmt.Errorf("bots: orders: %w", err)
		}
		answer, err := s.carryOut(ctx, o)
		if err != nil {
			answer = word{Done: o.ID, Error: err.Error()}
		}
		if answer.Done == 0 {
			continue
		}
		if err := s.say(answer); err != nil {
			return err
		}
	}
	return nil
}

// carryOut returns the answer to an order, or an empty word.
func (s *server) carryOut(ctx context.Context, o order) (word, error) {
	w := word{Done: o.ID}
	switch o.Do {
	case doJoin:
		return w, s.crowd.Join(ctx)
	case doAudit:
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		books, err := s.crowd.Audit(ctx)
		w.Books = books
		return w, err
	case doStop:
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		s.crowd.Stop()
		return w, s.crowd.Settle(ctx)
	case doResult:
		result := s.crowd.Result()
		w.Result = &result
		return w, nil
	case doPlay:
		s.crowd.Play(ctx)
	case doPoison:
		if err := s.crowd.Poison(o.Player, o.Variant); err != nil {
			return w, err
		}
	case doMark:
		s.crowd.Mark(o.Fault, o.At)
	case doClose:
		s.crowd.Close(o.At)
	default:
		return w, fmt.Errorf("bots: unknown order %q", o.Do)
	}
	return word{}, nil
}

func (s *server) progress(ctx context.Context) error {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			p := s.crowd.Progress()
			if err := s.say(word{Progress: &p}); err != nil {
				return fmt.Errorf("bots: nobody listens: %w", err)
			}
		}
	}
}
