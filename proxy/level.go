package proxy

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// What an edge gives up when too much fails at once: a share of what may be lost
// anyway, and newcomers.

// maxRetry bounds what a newcomer is told to wait: who is told more would not
// come back.
const maxRetry = time.Hour

// SetLevel makes the edge work at the level that the controller has published,
// until the next call. The zero value is the normal level; one that makes no sense
// changes nothing. It does not block.
func (e *Edge) SetLevel(state discovery.MeshState) {
	mode, err := wire.ParseMode(state.Level, state.Fidelity)
	if err != nil {
		e.log.Error("the controller's level makes no sense: the last one stays in force; are edges and controller of one version?",
			"event", "level", "error", err)
		return
	}
	now := level{mode: mode, retry: time.Duration(min(state.RetryAfter, uint64(maxRetry.Milliseconds()))) * time.Millisecond}
	e.setting.Lock()
	defer e.setting.Unlock()
	if now == e.level {
		return
	}
	e.level = now
	e.log.Warn("level changes", "event", "level", "level", mode.Level.String(), "fidelity", mode.Share(), "retry_after", now.retry)
	for _, r := range e.regions {
		r.setLevel(now)
	}
}

// level is what the controller says to an edge.
type level struct {
	mode  wire.Mode
	retry time.Duration // that newcomers are told to wait; 0: they may come in
}

// setLevel tells those who are seated what has changed for them. In a critical
// region nothing is left out.
func (r *region) setLevel(now level) {
	if r.critical {
		now.mode.Fidelity = wire.Full
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	changed := now.mode != r.level.mode
	r.level = now
	r.scratch = now.mode.Append(r.scratch[:0])
	for _, s := range r.players {
		if changed && s.actions != nil {
			s.mention(r.scratch)
		}
	}
}

// thins tells whether an unreliable update is left out for a player. His share is
// counted and not drawn: of any so many in a row he gets that share of them. The
// players' counts begin apart, so that one update to all is not one burst.
func (r *region) thins(s *session) bool {
	if r.level.mode.Fidelity == wire.Full {
		return false
	}
	s.share += r.level.mode.Fidelity
	if s.share >= wire.Full {
		s.share -= wire.Full
		return false
	}
	r.thinned.Add(1)
	return true
}

// apart is where the count of a player's share begins. Steps of the golden ratio lie
// about evenly, however many there are.
func apart(handle uint64) uint64 { return handle % wire.Full * 619 % wire.Full }

// newcomer tells whether a hello is of somebody who has never been in the game, as
// far as he knows. Everybody else comes back, and is never turned away: who was
// welcomed has a token, and who has acted has used a seq.
func newcomer(hello wire.Hello) bool {
	return len(hello.Token) == 0 && hello.Durable == 0 && hello.Tail == 0
}

// admit refuses newcomers while the mesh is in such trouble that it takes none. One
// whose session is here is judged by his token, as at any time. The caller holds
// r.mu.
func (r *region) admit(s *session) error {
	if r.level.retry == 0 || !s.newcomer || r.players[s.player] != nil {
		return nil
	}
	return turnAway(wire.CodeDegraded, "too many servers have failed: no new players for now, try again later", r.level.retry)
}

// awayError is the cause with which somebody is not let in, for now.
type awayError struct {
	endError
	retry time.Duration
}

func (e *awayError) Unwrap() error { return &e.endError }

// turnAway spreads those who come at once over half as much time again.
func turnAway(code wire.Code, text string, retry time.Duration) error {
	return &awayError{endError{code, text}, retry + rand.N(retry/2+1)}
}

// byeFor is the last word to somebody who is refused because of err.
func byeFor(err error) wire.Bye {
	bye := wire.Bye{Reason: codeOf(err), Text: textOf(err)}
	if away, ok := errors.AsType[*awayError](err); ok {
		bye.RetryMillis = uint64(away.retry.Milliseconds())
	}
	return bye
}

// obey follows what the controller says to all. What a Mesh does not say anew stands.
func (e *Edge) obey(ctx context.Context) error {
	var last discovery.SetVersion // 0: nothing was said
	return e.mesh.Follow(ctx, func(m discovery.Mesh) {
		if !m.Stale && m.StateAt != last {
			last = m.StateAt
			e.SetLevel(m.State)
		}
	})
}
