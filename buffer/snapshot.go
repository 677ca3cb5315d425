package buffer

import (
	"cmp"
	"slices"
	"strings"
)

// Snapshot is one consistent cut of a whole region: the state of the game, and
// for each player which actions are in it. It is never one player's state cut at
// another moment than his neighbour's. A Snapshot is not changed once it is
// shared, so any number of goroutines may read it.
type Snapshot struct {
	Region  string
	Epoch   uint64 // of the primary that made it
	Index   uint64 // of the region log: all actions up to it are in State, none after it
	Outcome uint64 // of the region log: all outcomes up to it are in State, none after it
	Of      uint64 // epoch of the record at Index
	Chain   uint64 // of the region log at Index
	Players []PlayerMark
	State   []byte
}

// PlayerMark is what a snapshot knows of one player. Snapshot.Players has one
// for each, sorted by Player.
type PlayerMark struct {
	Player  string
	ID      uint64 // what records of the region log call the player
	Attach  uint64 // the player's attach number
	Applied uint64 // the player's actions up to this seq are in State
	Token   []byte // hash of the resume token that the player showed last
	Next    []byte // hash of the one that he was given then
	Tried   uint64 // seq of a suspect that was about to be tried; 0: none
	Tries   uint64 // how often, that time included
	Hop     uint64 // the player's transfers so far
	From    string // the region that he came from on the last one; empty: none
	To      string // the region that he has left for; empty: he is here
	Parcel  []byte // what he takes there; nil: it is there
}

// Newer tells whether s is of a later epoch than other, or later in the same.
// Every snapshot is newer than nil.
func (s *Snapshot) Newer(other *Snapshot) bool {
	return other == nil || cmp.Or(
		cmp.Compare(s.Epoch, other.Epoch), cmp.Compare(s.Index, other.Index), cmp.Compare(s.Outcome, other.Outcome),
	) > 0
}

// Applied is the highest seq of a player that is in the state; false when the
// snapshot does not know the player.
func (s *Snapshot) Applied(player string) (seq uint64, known bool) {
	i, found := slices.BinarySearchFunc(s.Players, player, func(m PlayerMark, player string) int {
		return strings.Compare(m.Player, player)
	})
	if !found {
		return 0, false
	}
	return s.Players[i].Applied, true
}

// Size is what a snapshot counts for: the state, and of each player the names,
// the tokens, the parcel and 24 bytes.
func (s *Snapshot) Size() int {
	size := len(s.State)
	for _, m := range s.Players {
		size += len(m.Player) + len(m.Token) + len(m.Next) + len(m.From) + len(m.To) + len(m.Parcel) + 24
	}
	return size
}
