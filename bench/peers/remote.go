package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/bench/measure"
)

// A crowd in a process of its own plays from its start. It is led by JSON values on
// its standard input, and says where it is on its standard output.

// order is what it can be told.
type order struct {
	Mark   int64 `json:"mark,omitempty"` // the fault came at this time
	Finish bool  `json:"finish,omitempty"`
}

// word is what it says; the last one has Accounts.
type word struct {
	Progress *Progress `json:"progress,omitempty"`
	Accounts *Accounts `json:"accounts,omitempty"`
}

const (
	// progressEvery is how often a crowd says where it is.
	progressEvery = 25 * time.Millisecond
	// settling is how long it waits for the last answers.
	settling = time.Second
)

// Serve lets a crowd play by the orders from in, until it is told to finish or ctx
// ends. in must fail to read when ctx ends.
func Serve(ctx context.Context, c *Crowd, in io.Reader, out io.Writer) error {
	delay := measure.WatchDelay()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var playing, speaking sync.WaitGroup
	playing.Go(func() { c.Run(ctx) })
	words := json.NewEncoder(out)
	var spoken error
	speaking.Go(func() { spoken = speak(ctx, c, words) })
	ended, err := obey(ctx, c, json.NewDecoder(in))
	cancel()
	playing.Wait()
	speaking.Wait()
	delay.Stop()
	if err = errors.Join(err, spoken); err != nil {
		return err
	}
	all := c.accounts(ended)
	all.Delay = delay.Max()
	return words.Encode(word{Accounts: &all})
}

// obey returns when the crowd has finished.
func obey(ctx context.Context, c *Crowd, orders *json.Decoder) (ended int64, err error) {
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			return 0, fmt.Errorf("peers: orders: %w", err)
		}
		if o.Mark != 0 {
			c.Mark(o.Mark)
		}
		if o.Finish {
			ctx, cancel := context.WithTimeout(ctx, settling)
			defer cancel()
			return c.Finish(ctx), nil
		}
	}
}

func speak(ctx context.Context, c *Crowd, words *json.Encoder) error {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			p := c.Progress()
			if err := words.Encode(word{Progress: &p}); err != nil {
				return fmt.Errorf("peers: nobody listens: %w", err)
			}
		}
	}
}

// remote leads a crowd in another process.
type remote struct {
	out   *json.Encoder
	words chan word // closed when it says nothing more; err says why
	err   error
}

// lead begins to read; that ends with the process.
func lead(out io.Writer, in io.Reader) *remote {
	r := &remote{out: json.NewEncoder(out), words: make(chan word)}
	go func() {
		defer close(r.words)
		for decode := json.NewDecoder(in); ; {
			var w word
			if err := decode.Decode(&w); err != nil {
				r.err = fmt.Errorf("peers: the players have ended: %w", err)
				return
			}
			r.words <- w
		}
	}()
	return r
}

// await reads until enough says so of the progress. ok is false if ctx ended first.
func (r *remote) await(ctx context.Context, enough func(Progress) bool) (ok bool, err error) {
	for {
		select {
		case <-ctx.Done():
			return false, nil
		case w, more := <-r.words:
			switch {
			case !more:
				return false, r.err
			case w.Progress != nil && enough(*w.Progress):
				return true, nil
			}
		}
	}
}

// rest reads on for a while.
func (r *remote) rest(ctx context.Context, long time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	_, err := r.await(ctx, func(Progress) bool { return false })
	return err
}

// finish ends the play and returns what the players have to say.
func (r *remote) finish(ctx context.Context) (Accounts, error) {
	if err := r.out.Encode(order{Finish: true}); err != nil {
		return Accounts{}, fmt.Errorf("peers: the players have ended: %w", err)
	}
	for {
		select {
		case <-ctx.Done():
			return Accounts{}, context.Cause(ctx)
		case w, more := <-r.words:
			switch {
			case !more:
				return Accounts{}, r.err
			case w.Accounts != nil:
				return *w.Accounts, nil
			}
		}
	}
}

// leave reads what is still said, so that the reader ends with the process.
func (r *remote) leave() {
	for range r.words {
	}
}
