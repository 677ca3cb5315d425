package history

import (
	"cmp"
	"slices"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/world"
)

// Evidence is what the servers and the driver of a run said when everything had
// settled. What is missing is not judged, and the verdict says so.
type Evidence struct {
	Region  string `json:"region"`
	Started int64  `json:"started"` // when the players began; takeovers before are part of the start
	Ended   int64  `json:"ended"`   // when they stopped

	Before *Audit `json:"before,omitempty"` // from before the first fault
	After  *Audit `json:"after,omitempty"`  // from when everything had settled
	// Rolls are what the game has thrown for each player's actions, by its final
	// state, ascending by N. nil: the game keeps no such record.
	Rolls map[string][]Roll `json:"rolls,omitempty"`

	Faults []Fault       `json:"faults,omitempty"` // by time
	Dumps  []Dump        `json:"dumps,omitempty"`  // of the primary and of every backup that lives
	Events []fleet.Event `json:"events,omitempty"` // of all processes; see the names in events.go

	// Counters are the sums of the processes' own counters, those of processes
	// that died included as far as they were read:
	//
	//	duplicates  actions that a primary had already, refused without effect
	//	stale       messages of a lower epoch that were refused
	//	gaps        times that a primary asked for a gap
	//	kept_max    the most actions that any edge kept for one player (not a sum)
	Counters map[string]uint64 `json:"counters,omitempty"`
}

// Audit is the game's books, and when the client asked for them and had them.
type Audit struct {
	Call   int64       `json:"call"`
	Return int64       `json:"return"`
	Books  world.Books `json:"books"`
}

// Roll is what the game threw for action N of a player.
type Roll struct {
	N     uint64 `json:"n"`
	Value uint64 `json:"value"`
}

// Fault is something that the driver broke, and when it was whole again. Healed
// 0: it was not, or there was nothing to heal.
type Fault struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	At     int64  `json:"at"`
	Healed int64  `json:"healed,omitempty"`
}

// Dump is what one replica of the region holds at the end.
type Dump struct {
	From        string `json:"from"` // the process
	Incarnation string `json:"incarnation"`
	Primary     bool   `json:"primary,omitempty"`
	InSync      bool   `json:"in_sync,omitempty"` // a backup of the published in-sync set
	Epoch       uint64 `json:"epoch"`             // the highest it has promised
	End         uint64 `json:"end"`               // index of the last entry of the region log
	Commit      uint64 `json:"commit"`            // index up to which it knows everything to be durable
	StateHash   uint64 `json:"state_hash,string"` // of the game's state; 0: not known

	// Log is what the replica still has of the region log, ascending without a
	// hole; it ends with End. Empty: not dumped.
	Log  []Entry `json:"log,omitempty"`
	Rows []Row   `json:"rows"`
}

// Entry is one record of a region log. Only those without a Note are actions, or
// use up a seq like one.
type Entry struct {
	Index  uint64 `json:"i"`
	Epoch  uint64 `json:"ep"`             // in which it was appended
	Note   string `json:"note,omitempty"` // what it is if not an action
	Player string `json:"p,omitempty"`
	Attach uint64 `json:"att,omitempty"` // the attach number under which it came; 0: not kept
	Seq    uint64 `json:"seq,omitempty"`
	Hash   uint64 `json:"h,string"`  // HashOf the payload; 0: the replica keeps no payloads
	Chain  uint64 `json:"ch,string"` // rolling hash of the log up to here, Hash and Epoch included
}

// Row is what a replica knows of a player.
type Row struct {
	Player  string `json:"player"`
	Attach  uint64 `json:"attach"`  // the highest attach number
	Have    uint64 `json:"have"`    // last seq in the region log
	Applied uint64 `json:"applied"` // last seq that is in the game's state here
	Durable uint64 `json:"durable"` // last seq that it knows to be durable
}

// primary is the primary's dump, or nil.
func (e *Evidence) primary() *Dump {
	for i := range e.Dumps {
		if e.Dumps[i].Primary {
			return &e.Dumps[i]
		}
	}
	return nil
}

// members are the dumps of the primary and of the in-sync set.
func (e *Evidence) members() (out []*Dump) {
	for i := range e.Dumps {
		if e.Dumps[i].Primary || e.Dumps[i].InSync {
			out = append(out, &e.Dumps[i])
		}
	}
	return out
}

// entry returns the entry at an index, or nil. A log with holes, which promise 3
// tells of, is no reason to stop.
func (d *Dump) entry(index uint64) *Entry {
	i, found := slices.BinarySearchFunc(d.Log, index, func(e Entry, index uint64) int { return cmp.Compare(e.Index, index) })
	if !found {
		return nil
	}
	return &d.Log[i]
}

// actions are the entries of the log that are actions.
func (d *Dump) actions(yield func(int, Entry) bool) {
	for i, e := range d.Log {
		if e.Note == "" && !yield(i, e) {
			return
		}
	}
}

// row returns the row of a player; zero if there is none.
func (d *Dump) row(player string) Row {
	for _, r := range d.Rows {
		if r.Player == player {
			return r
		}
	}
	return Row{Player: player}
}
