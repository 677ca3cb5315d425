package history

import (
	"cmp"
	"slices"
	"sort"

	"github.com/reseat-proxy/reseat/bench/world"
)

// History is what all clients recorded, in the order of their names.
type History struct {
	Players []*Player
}

// Player is what one client recorded.
type Player struct {
	Name   string
	Ops    []Op     // by N
	Marks  []Record // durable marks, by time
	News   []Record // everything else that its connection told, by time
	Strays []Record // answers to actions that the client does not know
}

// Op is one action of a client and what the client heard of it.
type Op struct {
	Player string
	Edge   string // where the client was when it acted
	N      uint64
	Seq    uint64
	Kind   world.Kind
	Hash   uint64 // of the payload
	Chain  uint64 // over the payloads 1..N

	Call    int64 // when the client wanted it
	Sent    int64 // when the client library had taken it
	Durable int64 // when the first durable mark that covers it came; 0: never
	Replied int64 // when the game's first answer came; 0: never

	Reply Reply   // the first answer
	Again []Reply // more of them: a failover may bring one again
}

// Reply is the game's answer to an action.
type Reply struct {
	At      int64
	Result  world.Result
	Applied uint64 // commands of this player that the game had carried out; 0: not told
	Roll    uint64 // 0: nothing was thrown
	Epoch   uint64 // 0: not told
}

// confirmed is when the client first knew that the action had happened; 0:
// never. Without output commit an answer may be taken back.
func (o *Op) confirmed(strict bool) int64 {
	if !strict || o.Replied == 0 {
		return o.Durable
	}
	if o.Durable == 0 {
		return o.Replied
	}
	return min(o.Durable, o.Replied)
}

// replies are all answers.
func (o *Op) replies() []Reply {
	if o.Replied == 0 {
		return nil
	}
	return append([]Reply{o.Reply}, o.Again...)
}

// op returns the action with the client's count n, or nil.
func (p *Player) op(n uint64) *Op {
	i, found := slices.BinarySearchFunc(p.Ops, n, func(o Op, n uint64) int { return cmp.Compare(o.N, n) })
	if !found {
		return nil
	}
	return &p.Ops[i]
}

// bySeq returns the action with the number seq, or nil. Numbers rise with n
// unless promise 5 is broken, which has its own check.
func (p *Player) bySeq(seq uint64) *Op {
	i := sort.Search(len(p.Ops), func(i int) bool { return p.Ops[i].Seq >= seq })
	if i == len(p.Ops) || p.Ops[i].Seq != seq {
		return nil
	}
	return &p.Ops[i]
}

// mark is the highest durable mark that the client ever heard.
func (p *Player) mark() (seq uint64) {
	for _, m := range p.Marks {
		seq = max(seq, m.Seq)
	}
	return seq
}

// told tells whether the client recorded such a thing.
func (p *Player) told(what What) bool {
	return slices.ContainsFunc(p.News, func(n Record) bool { return n.What == what })
}

// settle finds when each action became durable: marks cover all below them.
func (p *Player) settle() {
	high := make([]uint64, len(p.Marks)) // the highest mark so far
	for i, m := range p.Marks {
		high[i] = m.Seq
		if i > 0 {
			high[i] = max(high[i], high[i-1])
		}
	}
	for i := range p.Ops {
		o := &p.Ops[i]
		if at := sort.Search(len(high), func(j int) bool { return high[j] >= o.Seq }); at < len(high) {
			o.Durable = p.Marks[at].At
		}
	}
}

// Records returns the history as what was recorded: reading it gives the same
// history again.
func (h *History) Records(yield func(Record) bool) {
	for _, p := range h.Players {
		for _, r := range slices.Concat(p.acts(), p.Marks, p.News, p.Strays) {
			if !yield(r) {
				return
			}
		}
	}
}

func (p *Player) acts() (out []Record) {
	for _, o := range p.Ops {
		out = append(out, Record{
			What: Act, Player: p.Name, Edge: o.Edge, At: o.Sent, N: o.N, Seq: o.Seq,
			Kind: o.Kind, Hash: o.Hash, Chain: o.Chain, Call: o.Call,
		})
		for _, r := range o.replies() {
			out = append(out, Record{
				What: Answer, Player: p.Name, At: r.At, N: o.N,
				Result: r.Result, Applied: r.Applied, Roll: r.Roll, Epoch: r.Epoch,
			})
		}
	}
	return out
}
