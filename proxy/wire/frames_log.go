package wire

import "github.com/reseat-proxy/reseat/buffer"

// Frames with which a primary replicates its region log to backups.

// Record is one record of the region log, at Index, written in epoch Of. What
// the other fields mean says buffer.Record, by Kind.
type Record struct {
	Epoch   uint64
	Index   uint64
	Of      uint64
	Kind    uint64
	ID      uint64
	Seq     uint64
	Number  uint64
	Payload []byte // <= MaxRecord
}

func (f *Record) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Index)
	c.uint(&f.Of)
	c.kind(&f.Kind)
	c.uint(&f.ID)
	c.uint(&f.Seq)
	c.uint(&f.Number)
	c.rest(&f.Payload, MaxRecord)
}

// kind is a buffer.Kind that is known. One that is not would change the region
// in a way that this end does not know of.
func (c *codec) kind(v *uint64) {
	c.uint(v)
	if k := buffer.Kind(*v); c.mode == decoding && (uint64(k) != *v || !k.Valid()) {
		c.fail(CodeProtocol, "a record of unknown kind %d", *v)
	}
}

// Have tells that the sender, who has promised Epoch, has the log up to Index,
// whose last record was written in epoch Of (0, 0: it has nothing). To the
// primary it is an acknowledgement.
type Have struct {
	Epoch uint64
	Index uint64
	Of    uint64
}

func (f *Have) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Index)
	c.uint(&f.Of)
}

// Truncate makes a backup cut its log: what was written in epochs above Of, or
// lies above Index, is not in the primary's. It answers with Have. (KIP-101: logs
// are compared by epoch, never by what was thought durable.)
type Truncate struct {
	Epoch uint64
	Index uint64
	Of    uint64
}

func (f *Truncate) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Index)
	c.uint(&f.Of)
}

// Commit tells that the log up to Index is durable, and that the primary's game
// has survived the actions up to Applied, whose outcomes are all at or below
// Index. A backup applies no action above either, and none on the word of Applied while
// it lacks a part of the log up to Index.
type Commit struct {
	Epoch   uint64
	Index   uint64
	Applied uint64
}

func (f *Commit) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Index)
	c.uint(&f.Applied)
}

// Guard tells an edge whether what is durable survives the loss of any one process.
type Guard struct {
	Epoch     uint64
	Protected bool
}

func (f *Guard) fields(c *codec) {
	c.uint(&f.Epoch)
	c.bool(&f.Protected)
}

// Load tells an edge how much a region has to do: how many players are attached at
// all edges, and whether somebody had to wait since the last Load, because the game
// or the backups do not keep up. It comes when that changes, once a second at most.
type Load struct {
	Epoch   uint64
	Players uint64
	Pressed bool
}

func (f *Load) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Players)
	c.bool(&f.Pressed)
}

// Pulse is echoed by a peer that has promised no higher epoch. A primary counts
// an echo as of the time at which it sent the pulse.
type Pulse struct {
	Epoch uint64
	N     uint64
}

func (f *Pulse) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.N)
}
