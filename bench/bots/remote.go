package bots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/reseat-proxy/reseat/bench/world"
)

// Remote leads a crowd in another process. Run must run for as long as it is
// used; the other methods are called by one goroutine, one after the other.
type Remote struct {
	out      *json.Encoder
	orders   int // given so far
	in       *json.Decoder
	answers  chan word
	progress chan Progress
}

// NewRemote writes orders to out, and reads what is said from in.
func NewRemote(out io.Writer, in io.Reader) *Remote {
	return &Remote{
		out: json.NewEncoder(out), in: json.NewDecoder(in),
		answers: make(chan word), progress: make(chan Progress, 1),
	}
}

// errGone: the crowd's process has ended.
var errGone = errors.New("bots: the players' process has ended")

// Run reads until the crowd's process ends. ctx ends only the waiting for
// somebody to take an answer; reading ends with the pipe.
func (r *Remote) Run(ctx context.Context) error {
	defer close(r.answers)
	for {
		var w word
		if err := r.in.Decode(&w); err != nil {
			return fmt.Errorf("%w: %w", errGone, err)
		}
		if w.Progress != nil {
			r.deliver(*w.Progress)
			continue
		}
		select {
		case r.answers <- w:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// deliver keeps only the latest.
func (r *Remote) deliver(p Progress) {
	select {
	case <-r.progress:
	default:
	}
	r.progress <- p // never blocks: there is room, and nobody else sends
}

// Progress returns the channel that holds the latest word on where the crowd is.
func (r *Remote) Progress() <-chan Progress { return r.progress }

// Join connects everybody.
func (r *Remote) Join(ctx context.Context) error {
	_, err := r.ask(ctx, doJoin)
	return err
}

// Audit asks the games for their books. Not while the crowd plays.
func (r *Remote) Audit(ctx context.Context) (Books, error) {
	w, err := r.ask(ctx, doAudit)
	return w.Books, err
}

// Play starts the schedules.
func (r *Remote) Play() error { return r.give(order{Do: doPlay}) }

// Mark opens the window of a fault that came at a time, in Unix nanoseconds.
func (r *Remote) Mark(fault string, at int64) error {
	return r.give(order{Do: doMark, Fault: fault, At: at})
}

// Close ends the open window.
func (r *Remote) Close(at int64) error { return r.give(order{Do: doClose, At: at}) }

// Poison makes a player, numbered from 0, send poison as its next action.
func (r *Remote) Poison(player int, v world.Variant) error {
	return r.give(order{Do: doPoison, Player: player, Variant: v})
}

// Stop ends the schedules, and returns when everything sent is durable.
func (r *Remote) Stop(ctx context.Context) error {
	_, err := r.ask(ctx, doStop)
	return err
}

// Result fetches the crowd's books, after Stop.
func (r *Remote) Result(ctx context.Context) (Result, error) {
	w, err := r.ask(ctx, doResult)
	if err != nil || w.Result == nil {
		return Result{}, err
	}
	return *w.Result, nil
}

// give sends an order, which is number r.orders then.
func (r *Remote) give(o order) error {
	r.orders++
	o.ID = r.orders
	if err := r.out.Encode(o); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// ask gives an order and waits for its answer. One that was not waited for
// until it came is passed by.
func (r *Remote) ask(ctx context.Context, do verb) (word, error) {
	if err := r.give(order{Do: do}); err != nil {
		return word{}, err
	}
	for {
		select {
		case w, ok := <-r.answers:
			switch {
			case !ok:
				return word{}, errGone
			case w.Done != r.orders:
			case w.Error != "":
				return word{}, errors.New(w.Error)
			default:
				return w, nil
			}
		case <-ctx.Done():
			return word{}, fmt.Errorf("bots: no answer to %q: %w", do, context.Cause(ctx))
		}
	}
}
