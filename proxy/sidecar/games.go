package sidecar

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v4"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// games runs one game after the other for as long as the incarnation lives. One
// that lasted resets the delay before the next.
func (l *life) games(socket net.Listener) error {
	cfg := l.sc.cfg.Game
	delay := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(cfg.RestartMin),
		backoff.WithMaxInterval(cfg.RestartMax),
		backoff.WithMaxElapsedTime(0),
	)
	for {
		began := time.Now()
		err := l.play(socket)
		if fatal, ok := errors.AsType[*FatalError](err); ok {
			return fatal
		}
		if l.ctx.Err() != nil {
			return context.Cause(l.ctx)
		}
		if time.Since(began) > cfg.RestartMax {
			delay.Reset()
		}
		wait := delay.NextBackOff()
		if l.replaceable() {
			wait = max(wait, courtesy)
		}
		l.log.Warn("game over", "event", "over", "reason", causeOf(err).String(), "error", err, "retry_in", wait)
		select {
		case <-l.ctx.Done():
		case <-time.After(wait):
		}
		if l.ctx.Err() != nil {
			return context.Cause(l.ctx)
		}
	}
}

// courtesy is how long a game stays away at least when others can lead its regions:
// its start, and the copy of the state that follows, would compete with the take-over
// for what they share, which is Consul always, and the machine often.
const courtesy = 500 * time.Millisecond

// replaceable tells whether each region has others in its in-sync set.
func (l *life) replaceable() bool {
	regions := l.active()
	return len(regions) > 0 && !slices.ContainsFunc(regions, func(r *region) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.view.InSync) < 2
	})
}

// play runs one game from its start to its end, and returns why it ended.
func (l *life) play(socket net.Listener) error {
	ctx, end := context.WithCancelCause(l.ctx)
	defer end(nil)
	stop, err := l.sc.startGame(end)
	if err != nil {
		return err
	}
	var patience time.Duration
	defer func() { stop(patience) }()
	conn, err := l.sc.awaitGame(ctx, socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	game, err := greet(ctx, end, conn, l.sc.cfg.Game, l.id, l.log)
	if err != nil {
		return err
	}
	game.spared = l.gameSpared
	l.sc.level.meet(game)
	var g errgroup.Group
	g.Go(func() error { end(game.run(ctx, l.find)); return nil })
	l.sc.stats.games.Add(1)
	l.fate.Store(0)
	l.game.Store(game)
	l.here.Wake()
	for _, r := range l.active() {
		g.Go(func() error { r.gameFound(ctx); return nil })
	}
	<-ctx.Done()
	cause := context.Cause(ctx)
	if causeOf(cause) == wire.CodeGameExit {
		patience = lastWords
	}
	l.gameLost(cause, game.heard.At())
	_ = g.Wait()
	return cause
}

// gameSpared notes that a game gets more time, because it waits for a CPU.
func (l *life) gameSpared() {
	l.sc.stats.spared.Add(1)
	l.log.Warn("the game is silent, and waits for a CPU: this machine has too much to do", "event", "game_spared")
}

// gameLost tells everybody at once that the game is gone: edges and backups by
// their streams, Consul by the check. Heard is when it said something last.
func (l *life) gameLost(cause error, heard time.Time) {
	l.game.Store(nobody(l.ctx))
	if l.ctx.Err() != nil {
		return // the incarnation's end tells all
	}
	code := causeOf(cause)
	l.sc.stats.deaths.Add(code)
	l.fate.Store(uint64(code))
	l.log.Warn("the game is gone", "event", "game_down", "reason", code.String(), "detail", cause.Error())
	for _, r := range l.active() {
		r.gameLost(code, heard)
	}
	var g errgroup.Group
	for _, r := range l.active() {
		g.Go(func() error { r.testify(l.ctx); return nil })
	}
	_ = g.Wait()
	l.fail(code)
}

// verdictTime is how long the lock is kept, at the most, so that the backups hear
// what the game died of: a round trip, and the pauses of a busy machine.
const verdictTime = 50 * time.Millisecond

// testify waits until the backups know what the game died of, if we do.
func (r *region) testify(ctx context.Context) {
	for late := time.Now().Add(verdictTime); !r.testified() && time.Now().Before(late); {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func (r *region) testified() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.leading || r.table.trial == nil || r.isMarked()
}

// active are the regions, once there are any.
func (l *life) active() []*region {
	if l.sc.life.Load() != l {
		return nil
	}
	return l.hosting.list()
}

// gameLost stops the region's output: its log stays, the game's state is gone. The
// log is still the region's until the lock is lost: backups get the rest of it.
func (r *region) gameLost(code wire.Code, heard time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	led := r.leading
	if code == wire.CodeGameStarved {
		r.excuse()
	} else {
		r.blame()
	}
	if r.leading {
		r.led, r.lost = time.Now(), failover.Reason(code.String())
	}
	r.hosted, r.promoted, r.torn, r.answers, r.restoring, r.yielding = false, false, false, 0, false, nil
	for _, row := range r.table.sorted {
		row.named = false
	}
	r.silence(code, time.Since(heard))
	if led {
		r.story.heard(r.life.id, heard)
		r.story.sign(code.String(), failover.ByGame, failover.Reason(code.String()))
	}
}

// gameFound gives a new game the newest snapshot: to stand by from there, or, if
// the region became ours while there was no game, to be primary.
func (r *region) gameFound(ctx context.Context) {
	r.mu.Lock()
	if r.hostedBy == r.game() {
		r.mu.Unlock()
		return // a promotion was faster
	}
	r.hosted, r.promoted, r.answers = false, false, 0
	snap := r.restorable()
	primary := r.leading && r.restoring
	if snap == nil && (!primary || r.base() > 0) || !primary && !r.game().standby {
		r.mu.Unlock()
		return
	}
	r.refeed(snap)
	send := r.host(snap, !primary)
	r.mu.Unlock()
	send(ctx)
}

// restorable is the newest snapshot that not too many games have died of. The
// log goes back to the one before the newest.
func (r *region) restorable() *buffer.Snapshot {
	for _, snap := range r.kept {
		if !r.life.sc.restores.bad(r.name, idOf(snap)) {
			return snap
		}
	}
	return nil
}

// keep keeps a snapshot that holds nothing that is not durable, and the one before
// it, and trims the log to that. The caller holds r.mu.
func (r *region) keep(snap *buffer.Snapshot) {
	if len(r.kept) > 0 && !snap.Newer(r.kept[0]) {
		return
	}
	r.kept = append([]*buffer.Snapshot{snap}, r.kept[:min(len(r.kept), 1)]...)
	oldest := r.kept[len(r.kept)-1].Index
	r.markCut(min(oldest, r.tabled, r.mayCut()))
	r.trim(oldest)
}
