package steady

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Orders to the players' process, and its words, are JSON values one after the other:
// orders on its standard input, words on its standard output.

// order tells the players to play. The first one, without a load, tells them to join.
type order struct {
	Load  Load          `json:"load"`
	Warm  time.Duration `json:"warm_ns"`
	Lasts time.Duration `json:"lasts_ns"`
}

// word answers an order: that it is done, or before that, that what counts begins.
type word struct {
	Began bool   `json:"began,omitempty"`
	Tally *Tally `json:"tally,omitempty"`
	Error string `json:"error,omitempty"`
}

// PlayersConfig says who plays, and where.
type PlayersConfig struct {
	To      []string // addresses: of a server or relay, or of edges
	Regions []string // none: there is no Reseat
	TLS     *tls.Config
	Players int
	Seed    uint64
}

// Players lets a crowd join and play by the orders that come from in. It returns when
// in or ctx ends; all have left then. in must fail to read when ctx ends.
func Players(ctx context.Context, cfg PlayersConfig, in io.Reader, out io.Writer) error {
	if len(cfg.To) == 0 || cfg.Players < 1 || cfg.Players > maxPlayers {
		return fmt.Errorf("steady: %d players of %v are no crowd", cfg.Players, cfg.To)
	}
	dial := plainly(cfg.To[0], cfg.TLS)
	if len(cfg.Regions) > 0 {
		dial = behind(cfg.To, cfg.Regions, cfg.TLS)
	}
	var c *crowd
	defer func() {
		if c != nil {
			c.leave()
		}
	}()
	orders, words := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		} else if err != nil {
			return fmt.Errorf("steady: orders: %w", err)
		}
		var w word
		var err error
		if c == nil {
			c, err = join(ctx, cfg.Players, cfg.Seed, dial)
		} else {
			var t Tally
			t, err = c.play(ctx, o.Load, o.Warm, o.Lasts, func() error { return words.Encode(word{Began: true}) })
			w.Tally = &t
		}
		if err != nil {
			w = word{Error: err.Error()}
		}
		if err := words.Encode(w); err != nil {
			return err
		}
	}
}

// remote leads players in another process. It is of one goroutine.
type remote struct {
	orders *json.Encoder
	words  *json.Decoder
}

func newRemote(orders io.Writer, words io.Reader) remote {
	return remote{json.NewEncoder(orders), json.NewDecoder(words)}
}

func (r remote) join() error {
	if err := r.orders.Encode(order{}); err != nil {
		return err
	}
	_, err := r.word()
	return err
}

// play calls began when what counts begins.
func (r remote) play(o order, began func() error) (Tally, error) {
	if err := r.orders.Encode(o); err != nil {
		return Tally{}, err
	}
	for {
		w, err := r.word()
		switch {
		case err != nil:
			return Tally{}, err
		case w.Tally != nil:
			return *w.Tally, nil
		case w.Began:
			if err := began(); err != nil {
				return Tally{}, err
			}
		}
	}
}

func (r remote) word() (w word, err error) {
	if err := r.words.Decode(&w); err != nil {
		return w, fmt.Errorf("the players' process has ended: %w", err)
	}
	if w.Error != "" {
		return w, errors.New(w.Error)
	}
	return w, nil
}
