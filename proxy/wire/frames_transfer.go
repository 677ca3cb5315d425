package wire

// Frames with which a player goes from one region to another. The two know nothing
// of each other: his edge carries what he takes along.

// Transfer is a game's word that it has let a player go, in the call with the
// actions at log indexes From..To (From = To+1: with none); those of his after Seq
// go along (0: those after To). Delta is what changed with that in the region that he
// leaves, as of an Outcome. Payload is his baggage, opaque, for the game of the other
// region.
type Transfer struct {
	ID      uint64
	From    uint64
	To      uint64
	Seq     uint64
	Player  string
	Region  string
	Delta   []byte // <= MaxOutcome
	Payload []byte // <= MaxOutcome
}

func (f *Transfer) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.From)
	c.uint(&f.To)
	c.uint(&f.Seq)
	c.name(&f.Player)
	c.name(&f.Region)
	c.bytes(&f.Delta, MaxOutcome)
	c.rest(&f.Payload, MaxOutcome)
}

// Depart tells a player's edge, which calls him Handle here, that he is to go on to
// Region, on his Hop-th transfer. It comes when that is durable. Payload is a
// parcel (buffer.AppendParcel), or empty: it has been delivered.
type Depart struct {
	Epoch   uint64
	Handle  uint64
	Hop     uint64
	Region  string
	Payload []byte // <= MaxParcel
}

func (f *Depart) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Handle)
	c.uint(&f.Hop)
	c.name(&f.Region)
	c.rest(&f.Payload, MaxParcel)
}

// Enter is an Attach of a player who comes from region From on his Hop-th transfer,
// with what Depart said. Where he has arrived already it is an Attach and nothing
// else. Suspect means that it was on its way to a primary that died.
type Enter struct {
	Epoch   uint64
	Handle  uint64
	Durable uint64
	Hop     uint64
	Suspect bool
	Player  string
	From    string
	Show    []byte // <= MaxToken
	Next    []byte // <= MaxToken
	Payload []byte // <= MaxParcel
}

func (f *Enter) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Handle)
	c.uint(&f.Durable)
	c.uint(&f.Hop)
	c.bool(&f.Suspect)
	c.name(&f.Player)
	c.name(&f.From)
	c.token(&f.Show)
	c.token(&f.Next)
	c.rest(&f.Payload, MaxParcel)
}

// Entered comes before each Attached of a player who has come from another region:
// his Hop-th transfer, from From, is durable here.
type Entered struct {
	Epoch  uint64
	Handle uint64
	Hop    uint64
	From   string
}

func (f *Entered) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Handle)
	c.uint(&f.Hop)
	c.name(&f.From)
}

// Departed tells the region that a player has left that his Hop-th transfer is
// durable in the other one: what he took along need not be kept.
type Departed struct {
	Epoch  uint64
	Hop    uint64
	Player string
}

func (f *Departed) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Hop)
	c.name(&f.Player)
}

// Moved tells a player that he is in another region from here on, which he names
// in his next Hello. Epoch is that region's (0: not known), and may be below the
// last one's.
type Moved struct {
	Epoch     uint64
	Protected bool
	Region    string
}

func (f *Moved) fields(c *codec) {
	c.uint(&f.Epoch)
	c.bool(&f.Protected)
	c.name(&f.Region)
}

// Arrive makes the game take in a player who comes from another region, with his
// baggage. Index is its place in the region log, as of Do.
type Arrive struct {
	ID      uint64
	Index   uint64
	Handle  uint64
	Payload []byte // <= MaxOutcome
}

func (f *Arrive) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.Index)
	c.uint(&f.Handle)
	c.rest(&f.Payload, MaxOutcome)
}
