// Package world is the game of the demo and of the benchmarks: a small shared
// world that shows every action which was lost, doubled, reordered or torn.
//
// Players walk on a square board, gather items from finite nodes, sell items
// to the vault and trade with each other. Nothing is ever made or destroyed:
//
//	gold:  vault + players            is constant
//	items: nodes + players, per kind  is constant
//
// A trade changes two players at once, so a state that was put together from
// two moments breaks the sums. A lost or doubled action does not have to break
// them; for these the world keeps a [Journal] per player, of the counts that
// the client itself writes into its commands. The journal knows nothing of the
// proxy's own numbering: it is the game's word against the proxy's.
//
// The world is deterministic in its state and the actions, but for one thing: a
// Take rolls a rarity, by real chance, tells the player, and keeps it for ever.
// A failover that runs the action again, instead of applying its outcome, rolls
// another one, and the player has seen what never was.
package world

import "math"

// The size of the world.
const (
	Side   = 32        // cells per side of the board
	Kinds  = 3         // kinds of items
	Grant  = 100       // gold that the vault gives to a new player
	Vault  = 1_000_000 // gold in the vault of a new world
	Stock  = 5_000     // items in each node of a new world
	Gather = 3         // items that one Gather takes at most
	Wage   = 2         // gold that the vault pays for an item

	area  = 8 // cells per side of the square that a node serves
	nodes = (Side / area) * (Side / area)

	// showEvery is how many commands there are at least between two broadcasts of the
	// positions: 4 per second for 100 players at 10 actions per second. With more
	// players there are as many commands as players, so that what a broadcast costs,
	// which is a packet for each of them, does not grow faster than what they do.
	showEvery = 250
)

// output takes what the world tells its players; *game.Out is one. Payloads
// are copied before the call returns.
type output interface {
	Send(player string, payload []byte)
	BroadcastUnreliable(payload []byte)
	Commit(delta []byte)
	Transfer(player, region string, baggage, delta []byte) error
	Fidelity() float64
}

// World is the state of one region. It is not safe for concurrent use.
type World struct {
	vault     uint64
	nodes     [nodes]uint64 // stock; node i holds items of kind i % Kinds
	players   []*figure     // in the order of joining
	byName    map[string]*figure
	commands  uint64 // commands carried out, for the broadcast
	trades    uint64 // trades that changed hands
	malformed uint64 // payloads that were no command
	left      Totals // what players have taken along to other regions
	came      Totals // and brought from them
	ballast   []byte // see Ballast

	present map[string]bool // who is there: no part of the state
	poison  bool            // see AllowPoison
	dice    dice
	scratch []byte // the update or outcome being made
}

// Option changes what New makes.
type Option func(*World)

// Ballast makes the state so many KiB larger. Each command changes 8 bytes of
// it, at another place each time.
func Ballast(kib int) Option { return func(w *World) { w.ballast = newBallast(kib << 10) } }

// AllowPoison makes Poison commands do what they say.
func AllowPoison() Option { return func(w *World) { w.poison = true } }

// figure is a player as the world sees it.
type figure struct {
	name    string
	x, y    uint8
	gold    uint64
	items   [Kinds]uint64
	journal Journal
	rolls   Rolls
	rolled  uint64 // count of the last command in rolls
}

// New makes a world in which nobody has joined.
func New(options ...Option) *World {
	w := &World{vault: Vault, byName: map[string]*figure{}, present: map[string]bool{}, dice: newDice()}
	for i := range w.nodes {
		w.nodes[i] = Stock
	}
	for _, option := range options {
		option(w)
	}
	return w
}

// seat returns a player's figure. A new one gets a place and gold out of the
// vault. Only commands seat a player: joins are not replicated.
func (w *World) seat(player string) *figure {
	f := w.byName[player]
	if f == nil {
		i := len(w.players)
		f = &figure{name: player, x: uint8(i * 5 % Side), y: uint8(i * 11 % Side)}
		f.gold = min(Grant, w.vault)
		w.vault -= f.gold
		w.players = append(w.players, f)
		w.byName[player] = f
	}
	return f
}

// apply journals and carries out one command and answers it with an [Echo].
func (w *World) apply(out output, player string, payload []byte) {
	f := w.seat(player)
	c, err := ParseCommand(payload)
	if err != nil || c.Kind == Poison && !w.poison {
		w.malformed++
		return
	}
	if c.Kind == Poison {
		c.Variant.strike()
	}
	w.note(f, c.N, payload)
	if c.Kind == Audit {
		w.sendBooks(out, f, c.N)
		return
	}
	if c.Kind == Cross && w.cross(out, f, payload, c.Partner) {
		return
	}
	echo := Echo{N: c.N}
	if c.Kind == Take {
		echo.Result, echo.Roll = w.take(out, f, c.N, payload)
	} else {
		echo.Result = w.do(f, &c)
	}
	echo.X, echo.Y, echo.Gold, echo.Applied = f.x, f.y, f.gold, f.journal.Applied
	w.scratch = echo.Append(w.scratch[:0])
	out.Send(player, w.scratch)
	w.show(out)
}

// show tells everybody where all are, when it is time.
func (w *World) show(out output) {
	every := max(showEvery, uint64(len(w.present)))
	if w.commands%every == 0 && shows(w.commands/every, out.Fidelity()) {
		w.scratch = w.appendPositions(w.scratch[:0])
		out.BroadcastUnreliable(w.scratch)
	}
}

// shows tells whether the n-th broadcast takes place: there are fewer while the mesh
// gives something up. Nothing of the state depends on it.
func shows(n uint64, fidelity float64) bool {
	return math.Floor(float64(n)*fidelity) > math.Floor(float64(n-1)*fidelity)
}

// note writes down that a command is carried out.
func (w *World) note(f *figure, n uint64, payload []byte) {
	w.commands++
	f.journal.Note(n, payload)
	w.shift(f.journal.Hash)
}

func (w *World) do(f *figure, c *Command) Result {
	switch c.Kind {
	case Move:
		return w.move(f, c)
	case Sell:
		return w.sell(f, c)
	case Trade:
		return w.trade(f, c)
	default:
		return Refused
	}
}

// move goes by one step; the board is a torus, so every move is possible.
func (w *World) move(f *figure, c *Command) Result {
	f.x = (f.x + uint8(c.DX+Side)) % Side
	f.y = (f.y + uint8(c.DY+Side)) % Side
	return Done
}

// sell gives items to the vault, which pays and puts them back into the
// nearest node of their kind.
func (w *World) sell(f *figure, c *Command) Result {
	if c.Count == 0 || c.Count > f.items[c.Item] || c.Count > w.vault/Wage {
		return Refused
	}
	node := f.node()
	for node%Kinds != int(c.Item) {
		node = (node + 1) % nodes
	}
	f.items[c.Item] -= c.Count
	w.nodes[node] += c.Count
	w.vault -= c.Count * Wage
	f.gold += c.Count * Wage
	return Done
}

// trade buys Count items from Partner for Price gold: all of it or nothing.
func (w *World) trade(f *figure, c *Command) Result {
	partner := w.byName[c.Partner]
	if partner == nil || partner == f || c.Count == 0 || partner.items[c.Item] < c.Count || f.gold < c.Price {
		return Refused
	}
	partner.items[c.Item] -= c.Count
	f.items[c.Item] += c.Count
	f.gold -= c.Price
	partner.gold += c.Price
	w.trades++
	return Done
}

// node is the index of the node that serves the figure's area.
func (f *figure) node() int {
	return int(f.y/area)*(Side/area) + int(f.x/area)
}
