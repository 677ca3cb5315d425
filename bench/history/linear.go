package history

import (
	"fmt"
	"math"
	"time"

	"github.com/anishathalye/porcupine"
)

// The model of one player: its commands are carried out one by one, in the
// order in which it numbered them, and each answer counts them. Actions are
// pipelined, so many overlap; but at most one is next, so the search never has
// to choose, and a history costs little more than its length.

// step is what the client did: action n, after action prev; or the audit.
type step struct {
	n, prev uint64
	chain   uint64 // of the payloads up to n, as sent
	audit   bool
}

// heard is what it was told: the count, and by an audit the hash.
type heard struct {
	applied uint64 // 0: not told
	chain   uint64 // 0: not told, or not comparable
}

// game is the game's state as far as this player goes.
type game struct {
	last    uint64 // the action carried out last
	applied uint64
	chain   uint64
}

func model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return game{} },
		Step: func(state, input, output any) (bool, any) {
			g, in, out := state.(game), input.(step), output.(heard)
			if in.audit {
				return g.applied == out.applied && (out.chain == 0 || g.chain == out.chain), g
			}
			next := game{last: in.n, applied: g.applied + 1, chain: in.chain}
			return in.prev == g.last && (out.applied == 0 || out.applied == next.applied), next
		},
		DescribeOperation: func(input, output any) string {
			in, out := input.(step), output.(heard)
			switch {
			case in.audit:
				return fmt.Sprintf("audit: %d", out.applied)
			case out.applied == 0:
				return fmt.Sprintf("act %d", in.n)
			default:
				return fmt.Sprintf("act %d: %d", in.n, out.applied)
			}
		},
		DescribeState: func(state any) string {
			g := state.(game)
			return fmt.Sprintf("%d applied, the last is %d", g.applied, g.last)
		},
	}
}

// operations are a player's history for the search.
func (r *run) operations(p *Player) []porcupine.Operation {
	j := r.accounts[p.Name]
	ops := make([]porcupine.Operation, 0, len(p.Ops)+1)
	var prev uint64
	refused := false
	for i := range p.Ops {
		o := &p.Ops[i]
		if r.wasRefused(o) && !j.Has(o.N) {
			refused = true
			continue
		}
		by, happened := r.happened(o, j.Last)
		if !happened {
			continue
		}
		var out heard
		if r.final(o, o.Reply) {
			out.applied = o.Reply.Applied
		}
		ops = append(ops, porcupine.Operation{
			Input: step{n: o.N, prev: prev, chain: o.Chain}, Output: out, Call: o.Call, Return: max(by, o.Call),
		})
		prev = o.N
	}
	if r.accounts == nil {
		return ops
	}
	out := heard{applied: j.Applied}
	if last := p.op(j.Last); !refused && last != nil && last.Chain != 0 {
		out.chain = j.Hash
	}
	return append(ops, porcupine.Operation{
		Input: step{audit: true}, Output: out, Call: r.e.After.Call, Return: max(r.e.After.Call, r.e.After.Return),
	})
}

// happened tells whether an action happened, and by when, as far as the client
// or the books, which end with the action last, can tell: see the package
// comment.
func (r *run) happened(o *Op, last uint64) (by int64, happened bool) {
	switch by := o.confirmed(r.setup.Strict); {
	case by != 0:
		return by, true
	case r.accounts == nil:
		return math.MaxInt64, true // at some time, or never: then after everything else
	default:
		return r.e.After.Return, o.N <= last
	}
}

// Linear is what the search for a linear order came to.
type Linear struct {
	OK      int      `json:"ok"` // players
	Illegal []string `json:"illegal,omitempty"`
	Unknown []string `json:"unknown,omitempty"` // not decided in time, which counts as broken

	proofs map[string]porcupine.LinearizationInfo // of those in Illegal
}

// maxProofs bounds the players of whom a picture is drawn.
const maxProofs = 5

// Linearize is promise 26, player by player: what one of them sees depends on
// nobody else, and one at a time keeps the memory small.
func Linearize(s Setup, h *History, e *Evidence) Linear { return newRun(s, h, e).linearize() }

func (r *run) linearize() Linear {
	l := Linear{proofs: map[string]porcupine.LinearizationInfo{}}
	until := time.Now().Add(r.setup.Patience)
	m := model()
	for _, p := range r.h.Players {
		ops := r.operations(p)
		left := max(time.Until(until), time.Nanosecond) // 0 would be for ever
		switch porcupine.CheckOperationsTimeout(m, ops, left) {
		case porcupine.Ok:
			l.OK++
		case porcupine.Unknown:
			l.Unknown = append(l.Unknown, p.Name)
		case porcupine.Illegal:
			if l.Illegal = append(l.Illegal, p.Name); len(l.Illegal) <= maxProofs {
				_, l.proofs[p.Name] = porcupine.CheckOperationsVerbose(m, ops, r.setup.Patience)
			}
		}
	}
	return l
}

func (l *Linear) findings(f *findings) {
	for _, p := range l.Illegal {
		f.say("%s: no order of its actions explains what it was told and what the books say", p)
	}
	for _, p := range l.Unknown {
		f.say("%s: not decided in time whether its history is linearizable", p)
	}
}
