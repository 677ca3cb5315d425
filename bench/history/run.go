package history

import (
	"fmt"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/world"
)

// run is what checks look at.
type run struct {
	setup    Setup
	h        *History
	e        *Evidence
	players  map[string]*Player
	accounts map[string]world.Journal     // by the books at the end; nil without an audit
	refused  map[string]map[uint64]string // player, n: code
}

func newRun(s Setup, h *History, e *Evidence) *run {
	r := &run{setup: s.withDefaults(), h: h, e: e, players: map[string]*Player{}, refused: map[string]map[uint64]string{}}
	for _, p := range h.Players {
		r.players[p.Name] = p
		r.refused[p.Name] = map[uint64]string{}
		for _, news := range p.News {
			if o := p.bySeq(news.Seq); news.What == Refused && o != nil {
				r.refused[p.Name][o.N] = news.Code
			}
		}
	}
	for _, ev := range e.eventsOf(eventQuarantined) {
		if o := r.quarantined(ev); o != nil {
			r.refused[o.Player][o.N] = eventQuarantined
		}
	}
	if e.After != nil {
		r.accounts = map[string]world.Journal{}
		for _, a := range e.After.Books.Players {
			r.accounts[a.Player] = a.Journal
		}
	}
	return r
}

// quarantined is the action that an event speaks of, or nil.
func (r *run) quarantined(ev fleet.Event) *Op {
	p := r.players[ev.Text("player")]
	if p == nil {
		return nil
	}
	return p.bySeq(uint64(ev.Number("seq")))
}

// wasRefused tells whether the action is meant to have no effect. That the
// client was told so is promise 27.
func (r *run) wasRefused(o *Op) bool {
	_, refused := r.refused[o.Player][o.N]
	return refused
}

// findings are what a check has found.
type findings struct {
	broken []string // at most maxSaid
	count  int      // of all that was broken
	lack   string   // what was missing; then nothing was judged
}

// maxSaid bounds the violations of one promise: who reads more than this?
const maxSaid = 20

func (f *findings) say(format string, args ...any) {
	f.count++
	if len(f.broken) < maxSaid {
		f.broken = append(f.broken, fmt.Sprintf(format, args...))
	}
}

// lacks tells that the promise cannot be judged in this run.
func (f *findings) lacks(what string) { f.lack = what }
