package bots

import (
	"github.com/reseat-proxy/reseat/bench/history"
	"github.com/reseat-proxy/reseat/bench/world"
)

// tape records what one bot does and hears.
type tape struct {
	to     *history.Writer // nil: nothing is recorded
	clock  clock
	player string
}

func (t tape) write(r history.Record) {
	if t.to == nil {
		return
	}
	r.Player = t.player
	t.to.Write(r)
}

// tell records news of the connection, now.
func (t tape) tell(r history.Record) {
	r.At = t.clock.now()
	t.write(r)
}

// acted records an action.
func (t tape) acted(r history.Record) {
	r.What = history.Act
	t.write(r)
}

func (t tape) answered(at int64, e world.Echo) {
	t.write(history.Record{
		What: history.Answer, At: at, N: e.N, Result: e.Result, Applied: e.Applied, Roll: uint64(e.Roll),
	})
}

// room is how long an action may take to be taken without having waited for room.
const room = 50e6

// waited records that an action had to wait for room: the client keeps as many as
// the edge does, so that the edge need not say that it is full.
func (t tape) waited(from, to int64) {
	if to-from > room {
		t.write(history.Record{What: history.Full, At: from})
		t.write(history.Record{What: history.Room, At: to})
	}
}

func (t tape) pressure(on bool) {
	what := history.Room
	if on {
		what = history.Full
	}
	t.tell(history.Record{What: what})
}

// last records what is left when the bot leaves, or has been made to.
func (t tape) last(c Client) {
	if keeper, ok := c.(interface{ Unsaved() (first, last uint64) }); ok {
		first, last := keeper.Unsaved()
		t.tell(history.Record{What: history.Unsaved, First: first, Last: last})
	}
	if err := c.Err(); err != nil {
		t.tell(history.Record{What: history.Ended, Code: err.Error()})
	}
}

// edge is where the client is, if it tells.
func (b *bot) edge() string {
	b.mu.Lock()
	on := b.on
	b.mu.Unlock()
	if at, ok := on.(interface{ Edge() string }); ok {
		return at.Edge()
	}
	return ""
}
