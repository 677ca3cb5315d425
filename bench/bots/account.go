package bots

import (
	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/world"
)

// unseen is the roll of an action that was not answered yet.
const unseen = -1

// see remembers what an answer said that chance gave. mu is held.
func (b *bot) see(e world.Echo) {
	for uint64(len(b.rolls)) < e.N {
		b.rolls = append(b.rolls, unseen)
	}
	switch seen := &b.rolls[e.N-1]; *seen {
	case unseen:
		*seen = int16(e.Roll)
	case int16(e.Roll):
	default:
		b.ledger.Contradicted++
	}
}

// account closes the ledger: what the client heard, in the bot's own numbers.
func (b *bot) account() judge.Ledger {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.ledger
	l.Durable = uint64(b.settled)
	if b.ended() && b.client.Err() != nil {
		l.Ended = b.client.Err().Error()
	}
	for i, seq := range b.seqs {
		if b.refused[seq] {
			l.Refused = append(l.Refused, uint64(i)+1)
		}
	}
	before := uint64(0)
	for i, roll := range b.rolls {
		if n := uint64(i) + 1; roll != unseen {
			l.Rolls, before = l.Rolls.Add(before, n, uint8(roll)), n
		}
	}
	if len(b.seqs) == 0 || b.mark > b.seqs[len(b.seqs)-1] {
		if b.mark > 0 {
			l.Fell++ // durable beyond what was sent
		}
	}
	return l
}

// think chooses what to do next: mostly to walk and gather, and every fifth
// time to trade with somebody.
func (b *bot) think() world.Command {
	select {
	case v := <-b.taken:
		return world.Command{Kind: world.Poison, Variant: v}
	default:
	}
	switch p := b.rng.IntN(100); {
	case p < 40:
		return world.Command{Kind: world.Move, DX: int8(b.rng.IntN(3) - 1), DY: int8(b.rng.IntN(3) - 1)}
	case p < 70:
		return world.Command{Kind: world.Take}
	case p < 80:
		return world.Command{Kind: world.Sell, Item: uint8(b.rng.IntN(world.Kinds)), Count: 1 + b.rng.Uint64N(2)}
	default:
		return world.Command{
			Kind: world.Trade, Item: uint8(b.rng.IntN(world.Kinds)), Count: 1 + b.rng.Uint64N(3),
			Price: 1 + b.rng.Uint64N(8), Partner: nameOf(b.crew.first + b.rng.IntN(b.crew.players)),
		}
	}
}
