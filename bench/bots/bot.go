package bots

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/bench/history"
	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/world"
	"github.com/reseat-proxy/reseat/proxy/player"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// Client is what a bot needs of *player.Client.
type Client interface {
	Act(ctx context.Context, payload []byte) (seq uint64, err error)
	Edge() string  // that the player is on; empty: none
	Spare() string // that there is a spare connection to; empty: none
	Done() <-chan struct{}
	Err() error
	Close() error
}

// bot is one player. It writes down what it does and hears, by its own count of
// its actions, and believes the client's numbers only so far as to find out
// which of its actions a durable mark covers.
type bot struct {
	name  string
	crew  crew
	clock clock
	books chan audit         // of 1: the audit that is waited for
	taken chan world.Variant // of 1: the poison that it sends next
	tape  tape

	// Only the goroutine that acts uses these.
	client Client // from Join on; Progress uses it, too, once done is set
	rng    *rand.Rand
	lag    int64
	late   []late // when it was worth noting

	mu      sync.Mutex
	on      Client          // client, for those who hear; nil before it has joined
	done    <-chan struct{} // of the client; nil before it has joined
	samples []judge.Sample  // of action i+1
	seqs    []uint64        // the client's number of action i+1; 0 while Act has not returned
	settled int             // actions 1..settled are durable
	mark    uint64          // the highest number that the client called durable
	markAt  int64
	rolls   []int16         // what the first answer to action i+1 said; unseen: none yet
	refused map[uint64]bool // by the client's numbers
	ledger  judge.Ledger
	holds   uint64
	reseats uint64
	lost    []int64 // when connections were lost
	resumed []int64 // and when the session went on
	seats   []int64 // when the client was told that another primary serves
	reader  world.Reader
}

// late is a time at which the bot woke up later than its schedule said, by so much.
type late struct{ due, by int64 }

// lateNoted is how late is worth noting: nobody feels less.
const lateNoted = int64(10 * time.Millisecond)

type audit struct {
	n     uint64
	books world.Books
}

// crew is the players of one region: their numbers are consecutive.
type crew struct {
	region  string
	first   int
	players int
}

func newBot(i int, who crew, cfg Config, c clock) *bot {
	b := &bot{
		name: nameOf(i), crew: who, clock: c, books: make(chan audit, 1), taken: make(chan world.Variant, 1),
		refused: map[uint64]bool{}, tape: tape{to: cfg.Record, clock: c, player: nameOf(i)},
		rng: rand.New(rand.NewPCG(cfg.Seed, uint64(i))),
	}
	b.ledger.Player, b.ledger.Region = b.name, who.region
	return b
}

func nameOf(i int) string { return fmt.Sprintf("bot-%03d", i+1) }

// handler is what the bot wants to hear.
func (b *bot) handler() player.Handler {
	return player.Handler{
		Update:  b.onUpdate,
		Durable: b.onDurable,
		Hold: func(why wire.Code) {
			b.tape.tell(history.Record{What: history.Held, Code: why.String()})
			b.note(func() { b.holds++ })
		},
		Reseated: func(epoch, applied uint64) {
			b.tape.tell(history.Record{What: history.Reseated, Epoch: epoch, Seq: applied})
			b.note(func() { b.reseats++; b.seats = append(b.seats, b.clock.now()) })
		},
		Refused: func(seq uint64, why wire.Code, _ string) {
			b.tape.tell(history.Record{What: history.Refused, Seq: seq, Code: why.String()})
			b.note(func() { b.refused[seq] = true })
		},
		Pressure: b.tape.pressure,
		Lost: func(err error) {
			b.tape.tell(history.Record{What: history.Lost, Code: err.Error()})
			b.note(func() { b.ledger.Disconnects++; b.lost = append(b.lost, b.clock.now()) })
		},
		Resumed: func() {
			b.tape.tell(history.Record{What: history.Resumed, Edge: b.edge()})
			b.note(func() { b.ledger.Resumes++; b.resumed = append(b.resumed, b.clock.now()) })
		},
	}
}

func (b *bot) join(ctx context.Context, dial func(ctx context.Context, region, name string, h player.Handler) (Client, error)) error {
	client, err := dial(ctx, b.crew.region, b.name, b.handler())
	if err != nil {
		return fmt.Errorf("bots: %s cannot join: %w", b.name, err)
	}
	b.client = client
	b.note(func() { b.done, b.on = client.Done(), client })
	b.tape.tell(history.Record{What: history.Connected, Edge: b.edge()})
	return nil
}

func (b *bot) note(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

// act sends one command, which gets the bot's next number. It blocks when the
// edge pushes back.
func (b *bot) act(ctx context.Context, intended int64, c world.Command) (n uint64, err error) {
	b.note(func() {
		b.samples = append(b.samples, judge.Sample{Intended: intended})
		b.seqs = append(b.seqs, 0)
		n = uint64(len(b.seqs))
	})
	c.N = n
	payload := c.Append(nil)
	called := b.clock.now()
	seq, err := b.client.Act(ctx, payload)
	now := b.clock.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil { // was not accepted: it never happened
		b.samples, b.seqs = b.samples[:n-1], b.seqs[:n-1]
		return 0, fmt.Errorf("%s: action %d: %w", b.name, n, err)
	}
	b.samples[n-1].Sent, b.seqs[n-1] = now, seq
	b.ledger.Sent, b.ledger.Hash = n, world.Chain(b.ledger.Hash, payload)
	b.settle()
	b.tape.waited(called, now)
	b.tape.acted(history.Record{
		At: now, Call: min(called, now), N: n, Seq: seq, Kind: c.Kind, Hash: history.HashOf(payload), Chain: b.ledger.Hash,
	})
	return n, nil
}

// onDurable hears that everything up to the client's number seq is durable.
func (b *bot) onDurable(seq uint64) {
	now := b.clock.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tape.write(history.Record{What: history.Durable, At: now, Seq: seq})
	if seq < b.mark {
		b.ledger.Fell++
		return
	}
	b.mark, b.markAt = seq, now
	b.settle()
}

// settle finds the actions that the mark covers. One whose Act had not returned
// when the mark came was durable then.
func (b *bot) settle() {
	for b.settled < len(b.seqs) && b.seqs[b.settled] != 0 && b.seqs[b.settled] <= b.mark {
		b.samples[b.settled].Durable = b.markAt
		b.settled++
	}
}

func (b *bot) onUpdate(update []byte, _ bool) {
	now := b.clock.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	switch world.TagOf(update) {
	case world.TagShow:
	case world.TagEcho:
		echo, err := world.ParseEcho(update)
		if err != nil || echo.N == 0 || echo.N > uint64(len(b.samples)) {
			b.ledger.Strays++
			return
		}
		if a := &b.samples[echo.N-1]; a.Replied == 0 { // a failover may bring it again
			a.Replied = now
		}
		b.see(echo)
		b.tape.answered(now, echo)
	case world.TagBooks:
		b.onBooks(update)
	default:
		b.ledger.Strays++
	}
}

func (b *bot) onBooks(update []byte) {
	books, n, done, err := b.reader.Add(update)
	if err != nil {
		b.ledger.Strays++
	}
	if !done {
		return
	}
	select {
	case <-b.books: // the same audit again
	default:
	}
	b.books <- audit{n, books} // never blocks: there is room, and nobody else sends
}

// ended tells whether the session is over. mu is held.
func (b *bot) ended() bool {
	select {
	case <-b.done: // nil: never
		return true
	default:
		return false
	}
}
