package world

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// Totals are the conserved sums.
type Totals struct {
	Gold  uint64        `json:"gold"`
	Items [Kinds]uint64 `json:"items"`
}

// Books are what an audit tells: the sums, added up at that moment over
// everything there is, what has left for other regions included and what has come
// from them not; and every player's journal and rolls.
type Books struct {
	Totals
	Vault     uint64    `json:"vault"`
	Trades    uint64    `json:"trades"`    // that changed hands
	Malformed uint64    `json:"malformed"` // actions that were no command
	Left      Totals    `json:"left"`      // what players have taken along to other regions
	Came      Totals    `json:"came"`      // and brought from them
	Players   []Account `json:"players"`
}

// Account is one player's page of the books.
type Account struct {
	Player  string        `json:"player"`
	Gold    uint64        `json:"gold"`
	Items   [Kinds]uint64 `json:"items"`
	Journal Journal       `json:"journal"`
	Rolls   Rolls         `json:"rolls,omitempty"`
}

// books adds everything up.
func (w *World) books() Books {
	b := Books{Vault: w.vault, Trades: w.trades, Malformed: w.malformed, Left: w.left, Came: w.came}
	b.Gold = w.vault + w.left.Gold - w.came.Gold // less cannot have come than is here
	for i := range b.Items {
		b.Items[i] = w.left.Items[i] - w.came.Items[i]
	}
	for i, stock := range w.nodes {
		b.Items[i%Kinds] += stock
	}
	for _, f := range w.players {
		b.Gold += f.gold
		for i, n := range f.items {
			b.Items[i] += n
		}
		b.Players = append(b.Players, Account{
			Player: f.name, Gold: f.gold, Items: f.items, Journal: f.journal, Rolls: f.rolls,
		})
	}
	return b
}

// partSize keeps a part below the proxy's 64 KiB for one update.
const partSize = 48 << 10

// Parts encodes books as the updates that answer audit n: JSON, in as many parts
// as it takes.
//
//	tag u8 | n uvarint | part uvarint | parts uvarint | bytes (rest)
func (b *Books) Parts(n uint64) [][]byte {
	all, err := json.Marshal(b)
	if err != nil {
		panic(fmt.Sprintf("world: books cannot be written: %v", err)) // plain numbers and strings: cannot be
	}
	updates := make([][]byte, (len(all)+partSize-1)/partSize)
	for i := range updates {
		dst := binary.AppendUvarint([]byte{byte(TagBooks)}, n)
		dst = binary.AppendUvarint(dst, uint64(i))
		dst = binary.AppendUvarint(dst, uint64(len(updates)))
		updates[i] = append(dst, all[i*partSize:min(len(all), (i+1)*partSize)]...)
	}
	return updates
}

// sendBooks answers the audit n of f. The books show f's journal with n in it.
func (w *World) sendBooks(out output, f *figure, n uint64) {
	books := w.books()
	for _, update := range books.Parts(n) {
		out.Send(f.name, update)
	}
}

// Reader puts the parts of audited books together. The zero value is ready.
type Reader struct {
	n    uint64 // the audit that is being read
	next uint64 // the part that comes next
	all  []byte
}

// Add takes one update tagged TagBooks. done means that the books of audit n
// are complete. Parts that were sent again after a failover start the books
// over, or are passed by.
func (b *Reader) Add(update []byte) (books Books, n uint64, done bool, err error) {
	r := reader{rest: update}
	if Tag(r.byte()) != TagBooks {
		return Books{}, 0, false, fmt.Errorf("%w: no part of the books", errUpdate)
	}
	n, part, parts := r.uvarint(), r.uvarint(), r.uvarint()
	if r.failed || part >= parts {
		return Books{}, 0, false, errUpdate
	}
	if part == 0 {
		b.n, b.next, b.all = n, 0, b.all[:0]
	}
	if n != b.n || part != b.next {
		return Books{}, 0, false, nil
	}
	b.all = append(b.all, r.rest...)
	if b.next++; b.next < parts {
		return Books{}, 0, false, nil
	}
	if err := json.Unmarshal(b.all, &books); err != nil {
		return Books{}, 0, false, fmt.Errorf("%w: %w", errUpdate, err)
	}
	return books, n, true, nil
}
