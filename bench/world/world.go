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
// The world is deterministic in its state and the actions: no clock, no random
// numbers, no map order.
package world

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

	// showEvery is how many commands there are between two broadcasts of the
	// positions: 4 per second for 100 players at 10 actions per second.
	showEvery = 250
)

// output takes what the world tells its players; *game.Out is one. Payloads
// are copied before the call returns.
type output interface {
	Send(player string, payload []byte)
	BroadcastUnreliable(payload []byte)
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

	scratch []byte // the update being made
}

// figure is a player as the world sees it.
type figure struct {
	name    string
	here    bool
	x, y    uint8
	gold    uint64
	items   [Kinds]uint64
	journal Journal
}

// New makes a world in which nobody has joined.
func New() *World {
	w := &World{vault: Vault, byName: map[string]*figure{}}
	for i := range w.nodes {
		w.nodes[i] = Stock
	}
	return w
}

// join seats a player: a new one gets a place and gold out of the vault, a
// known one finds everything as it was. Joining twice changes nothing.
func (w *World) join(player string) *figure {
	f := w.byName[player]
	if f == nil {
		i := len(w.players)
		f = &figure{name: player, x: uint8(i * 5 % Side), y: uint8(i * 11 % Side)}
		f.gold = min(Grant, w.vault)
		w.vault -= f.gold
		w.players = append(w.players, f)
		w.byName[player] = f
	}
	f.here = true
	return f
}

// leave takes a player off the board. What it owns stays its own.
func (w *World) leave(player string) {
	if f := w.byName[player]; f != nil {
		f.here = false
	}
}

// apply journals and carries out one command and answers it with an [Echo].
func (w *World) apply(out output, player string, payload []byte) {
	f := w.join(player)
	c, err := ParseCommand(payload)
	if err != nil {
		w.malformed++
		return
	}
	f.journal.Note(c.N, payload)
	if c.Kind == Audit {
		w.sendBooks(out, f, c.N)
		return
	}
	echo := Echo{N: c.N, Result: w.do(f, &c), X: f.x, Y: f.y, Gold: f.gold}
	w.scratch = echo.Append(w.scratch[:0])
	out.Send(player, w.scratch)
	if w.commands++; w.commands%showEvery == 0 {
		w.scratch = w.appendPositions(w.scratch[:0])
		out.BroadcastUnreliable(w.scratch)
	}
}

func (w *World) do(f *figure, c *Command) Result {
	switch c.Kind {
	case Move:
		return w.move(f, c)
	case Take:
		return w.take(f)
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

// take gathers from the node of the player's area.
func (w *World) take(f *figure) Result {
	node := f.node()
	n := min(Gather, w.nodes[node])
	if n == 0 {
		return Refused
	}
	w.nodes[node] -= n
	f.items[node%Kinds] += n
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
