package sidecar

import (
	"strconv"

	"github.com/reseat-proxy/reseat/buffer"
)

// dumpTail is how many records of a log a dump shows: what two replicas that
// agree have in common, in one line of a log.
const dumpTail = 256

// Dump is what this process holds of a region, for tests that compare replicas.
type Dump struct {
	Incarnation string   `json:"incarnation"`
	Primary     bool     `json:"primary"`          // it serves
	Required    []string `json:"required"`         // as primary: the backups that make records durable
	Cold        bool     `json:"cold,omitempty"`   // as primary: durability comes from the edges
	Hosted      bool     `json:"hosted,omitempty"` // its game has the region
	Epoch       uint64   `json:"epoch"`            // the highest heard of
	Base        uint64   `json:"base"`             // the last record that was trimmed
	End         uint64   `json:"end"`
	Commit      uint64   `json:"commit"`

	Log  []DumpRecord `json:"log,omitempty"` // its tail
	Rows []DumpRow    `json:"rows"`
}

// DumpRecord is a record without its payload.
type DumpRecord struct {
	Index  uint64 `json:"i"`
	Epoch  uint64 `json:"ep"`
	Note   string `json:"note,omitempty"` // its kind, if it uses up no seq
	Player string `json:"p,omitempty"`
	Seq    uint64 `json:"seq,omitempty"`
	Chain  string `json:"ch"` // hash of the log up to here, payloads included
}

// DumpRow is what a region knows of a player.
type DumpRow struct {
	Player  string `json:"player"`
	Attach  uint64 `json:"attach"`
	Have    uint64 `json:"have"`
	Applied uint64 `json:"applied"`
	Durable uint64 `json:"durable"`
	Hop     uint64 `json:"hop,omitempty"`     // transfers so far
	To      string `json:"to,omitempty"`      // the region that the player has left for
	Carries bool   `json:"carries,omitempty"` // with what is not known to be there
}

// Dump returns what the present incarnation holds of a region; false if there is
// none.
func (s *Sidecar) Dump(name string) (Dump, bool) {
	l := s.life.Load()
	if l == nil {
		return Dump{}, false
	}
	r := l.region(name)
	if r == nil {
		return Dump{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dump(), true
}

func (r *region) dump() Dump {
	d := Dump{
		Incarnation: r.life.id, Primary: r.serving, Hosted: r.hosted,
		Epoch: r.promised, Base: r.base(), End: r.end(), Commit: r.commit,
	}
	if r.serving {
		d.Required, d.Cold = r.set.Required(), r.set.NeedsEdges()
	}
	for i := max(d.Base, d.End-min(d.End, dumpTail)) + 1; i <= d.End; i++ {
		d.Log = append(d.Log, r.dumpRecord(i))
	}
	ahead := r.ahead()
	for _, row := range r.table.sorted {
		d.Rows = append(d.Rows, DumpRow{
			Player: row.player, Attach: row.attach, Have: row.have, Applied: row.have - ahead[row.id], Durable: row.durable,
			Hop: row.hop, To: row.to, Carries: row.parcel != nil,
		})
	}
	return d
}

func (r *region) dumpRecord(index uint64) DumpRecord {
	rec := r.records.At(index)
	out := DumpRecord{Index: index, Epoch: rec.Epoch, Seq: rec.Seq, Chain: strconv.FormatUint(r.records.ChainAt(index), 10)}
	if row := r.table.get(rec.ID); row != nil && rec.ID != 0 {
		out.Player = row.player
	}
	if rec.Kind != buffer.KindAction && (rec.Kind != buffer.KindQuarantine || rec.Number > 0) {
		out.Note = rec.Kind.String()
	}
	return out
}

// ahead is, by player, how many actions of the log the game has not applied. A
// game that does not have the region is taken to have no part in it.
func (r *region) ahead() map[uint64]uint64 {
	out := map[uint64]uint64{}
	if !r.hosted {
		return out
	}
	for i := max(r.base(), r.feed.done) + 1; i <= r.end(); i++ {
		if rec := r.records.At(i); rec.Kind == buffer.KindAction && i > r.feed.covered && !r.feed.isOmitted(i) {
			out[rec.ID]++
		}
	}
	return out
}
