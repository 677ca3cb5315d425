package mesh

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// moves decides who should lead: of regions that somebody wants elsewhere, and of
// those whose primary is being drained. Nobody is moved to balance.
//
//	asked ──▶ copying ─── in the in-sync set, and its turn ──▶ handing over ── leads ──▶ moved
//	             │                                               ▲    │
//	drained, replaced: the best member, in its turn ─────────────┘    │
//	             └────────── dead, draining, out of time ─────────────┴──▶ failed
//
// The lead is written when the target could take it, and cleared at the end. So a
// controller that finds one goes on with it; one that was copying is forgotten with
// its controller.
type moves struct {
	cfg      Moves
	byRegion map[string]*move
	failed   map[string]failedMove // the last one of each region, for a while
}

type move struct {
	from, to string // incarnations
	why      Why
	asked    time.Time // zero: by nobody
	since    time.Time // when the present state began
	handing  bool
	over     bool // its lead is to be cleared
}

type failedMove struct {
	to    string
	until time.Time
}

// Why says what a move is for.
type Why string

// The reasons of moves.
const (
	WhyAsked Why = "asked" // by a person, or a game
	WhyDrain Why = "drain"
	WhyFound Why = "found" // an earlier controller has begun it
)

// maxMoves bounds what is asked for.
const maxMoves = 256

func newMoves(cfg Moves) moves {
	return moves{cfg: cfg, byRegion: map[string]*move{}, failed: map[string]failedMove{}}
}

// restart gives every move its time again.
func (m *moves) restart(now time.Time) {
	for _, mv := range m.byRegion {
		mv.since = now
	}
}

// guests are the servers that regions are to be moved to: they need a seat.
func (m *moves) guests() map[string]string {
	out := make(map[string]string, len(m.byRegion))
	for name, mv := range m.byRegion {
		if !mv.over {
			out[name] = mv.to
		}
	}
	return out
}

// ask begins a move, or says why not.
func (m *moves) ask(now time.Time, p *picture, region, to string) error {
	refuse := func(reason Reason, format string, args ...any) error {
		return &MoveError{Region: region, To: to, Reason: reason, Detail: fmt.Sprintf(format, args...)}
	}
	r := p.byName[region]
	if r == nil {
		return refuse(UnknownRegion, "no such region; see the list in the mesh's status")
	}
	found, err := FindServer(*p.mesh, to)
	if err != nil {
		return refuse(reasonOf(err), "%v", err)
	}
	s := p.byInc[found.Incarnation]
	switch {
	case !s.Passing:
		return refuse(ServerDead, "its check does not pass")
	case s.draining:
		return refuse(ServerDraining, "it is being drained; take the drain back first")
	case !s.Pool && !r.fixed(s):
		return refuse(NotForRegion, "it is configured for other regions, and is not in the pool")
	case r.leads(s.Incarnation):
		return nil // it is there
	}
	mv := m.byRegion[region]
	switch {
	case mv != nil && !mv.over && mv.to == s.Incarnation:
		return nil // it is on its way
	case mv != nil && !mv.over:
		return refuse(MoveUnderWay, "it is being moved to %s; wait for that", mv.to)
	case len(m.byRegion) >= maxMoves:
		return refuse(TooManyMoves, "%d moves are under way; wait for some of them", maxMoves)
	}
	m.byRegion[region] = &move{from: r.primary(), to: s.Incarnation, why: WhyAsked, asked: now, since: now}
	return nil
}

func (r *region) primary() string {
	if r.view.Primary == nil {
		return ""
	}
	return r.view.Primary.Incarnation
}

// step goes on with the moves, and begins those that are due. The seats are decided.
func (m *moves) step(now time.Time, p *picture, mayLeave func(*region, *server) bool) (cmds []Command) {
	for _, r := range p.ranked {
		cmds = append(cmds, m.tend(now, p, r)...)
	}
	turns := m.turns(p)
	for _, r := range p.ranked {
		if mv := m.byRegion[r.name]; mv != nil && !mv.handing && !mv.over && r.inSync(mv.to) && turns.take(p.byInc[mv.to]) {
			mv.since, mv.handing, r.seats.Lead = now, true, mv.to
		}
	}
	for _, r := range p.ranked {
		m.drain(now, p, r, turns, mayLeave)
	}
	maps.DeleteFunc(m.failed, func(_ string, f failedMove) bool { return !now.Before(f.until) })
	maps.DeleteFunc(m.byRegion, func(name string, _ *move) bool { return p.byName[name] == nil })
	return cmds
}

// tend looks after the move of one region.
func (m *moves) tend(now time.Time, p *picture, r *region) []Command {
	mv := m.byRegion[r.name]
	if mv == nil {
		if r.published.Lead == "" {
			return nil
		}
		mv = &move{from: r.primary(), to: r.published.Lead, why: WhyFound, since: now, handing: true}
		m.byRegion[r.name] = mv
	}
	r.seats.Lead = ""
	if mv.over {
		if r.published.Lead == "" {
			delete(m.byRegion, r.name)
		}
		return nil
	}
	err := m.trouble(now, p, r, mv)
	switch {
	case r.leads(mv.to) || mv.why == WhyDrain && m.elsewhere(p, r, mv):
		mv.over = true
		return []Command{Moved{Region: r.name, From: mv.from, To: r.primary(), Why: mv.why, Took: now.Sub(mv.since)}}
	case err != nil:
		mv.over = true
		m.failed[r.name] = failedMove{mv.to, now.Add(m.cfg.Limit)}
		return []Command{MoveFailed{Region: r.name, To: mv.to, Why: mv.why, Err: err}}
	case mv.handing:
		r.seats.Lead = mv.to
	}
	return nil
}

// elsewhere tells whether a drained server does not lead any more, though another
// one does than the one that was chosen: that is as good.
func (m *moves) elsewhere(p *picture, r *region, mv *move) bool {
	s := p.byInc[r.primary()]
	return s != nil && s.Incarnation != mv.from && s.counts()
}

// trouble says why a move cannot come to an end, nil if it can.
func (m *moves) trouble(now time.Time, p *picture, r *region, mv *move) error {
	fail := func(reason Reason, detail string) error {
		return &MoveError{Region: r.name, To: mv.to, Reason: reason, Detail: detail}
	}
	s := p.byInc[mv.to]
	switch {
	case s == nil || s.dead:
		return fail(ServerDead, "it has died")
	case s.draining:
		return fail(ServerDraining, "it is being drained")
	case !slices.Contains(r.counted, s):
		return fail(NotForRegion, "it has no seat there")
	case now.Sub(mv.since) < m.cfg.Limit:
		return nil
	case mv.handing:
		return fail(OutOfTime, fmt.Sprintf("the primary has not handed over within %v", m.cfg.Limit))
	}
	return fail(OutOfTime, fmt.Sprintf("it is not in the in-sync set after %v", m.cfg.Limit))
}

// drain begins to move a region away from a primary that is being drained, when
// the region stands without it.
func (m *moves) drain(now time.Time, p *picture, r *region, t *turns, mayLeave func(*region, *server) bool) {
	from := p.byInc[r.primary()]
	if from == nil || !from.draining || m.byRegion[r.name] != nil || !mayLeave(r, from) {
		return
	}
	to := m.heir(now, r, from)
	if to == nil || !t.take(to) {
		return
	}
	r.seats.Lead = to.Incarnation
	m.byRegion[r.name] = &move{from: from.Incarnation, to: to.Incarnation, why: WhyDrain, since: now, handing: true}
}

// order is what a region's lead says that Consul does not say yet; nil: nothing.
func (m *moves) order(r *region, d *drains) *Order {
	mv := m.byRegion[r.name]
	if mv == nil || r.seats.Lead != mv.to || r.published.Lead == mv.to {
		return nil
	}
	o := &Order{From: mv.from, To: mv.to, Why: mv.why, Asked: mv.asked}
	if mv.why == WhyDrain {
		o.Asked = d.since[mv.from]
	}
	return o
}

// heir is who should lead instead of a server: a member in sync, not the one that
// has just failed to, with the fewest locks, on another host. Nil: there is none. It
// may have to wait for its turn, which is short, where another one would have more
// to do for long.
func (m *moves) heir(now time.Time, r *region, from *server) *server {
	var best *server
	for _, s := range r.counted {
		if s == from || !s.usable() || !r.inSync(s.Incarnation) {
			continue
		}
		if best == nil || m.compare(now, r, from, s, best) < 0 {
			best = s
		}
	}
	return best
}

func (m *moves) compare(now time.Time, r *region, from, a, b *server) int {
	f := m.failed[r.name]
	failed := func(s *server) bool { return s.Incarnation == f.to && now.Before(f.until) }
	near := func(s *server) bool { return s.Host != "" && s.Host == from.Host }
	return cmp.Or(
		first(failed(b), failed(a)), cmp.Compare(a.leads, b.leads), first(near(b), near(a)),
		cmp.Compare(spread(r.name, a.Incarnation), spread(r.name, b.Incarnation)),
	)
}
