package world

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// snapshotVersion is the first byte of a snapshot.
const snapshotVersion = 3

// errSnapshot: the state is not one of ours.
var errSnapshot = errors.New("world: malformed snapshot")

// Snapshot appends the whole state to dst and returns it.
//
//	version u8 | vault | commands | trades | malformed
//	gold, items of each kind, that left, and that came | stock of each node
//	players | each: length of name, name, x u8, y u8, gold, items of each kind,
//	journal, length of rolls, rolls
//	length of ballast, ballast
//
//	journal: last, applied, repeats, late, spans, each: first, last; hash u64
//
// All numbers are uvarints unless marked. 100 players take about 4 KiB.
func (w *World) Snapshot(dst []byte) []byte {
	dst = append(dst, snapshotVersion)
	for _, v := range [...]uint64{w.vault, w.commands, w.trades, w.malformed} {
		dst = binary.AppendUvarint(dst, v)
	}
	for _, t := range [...]*Totals{&w.left, &w.came} {
		dst = binary.AppendUvarint(dst, t.Gold)
		for _, n := range t.Items {
			dst = binary.AppendUvarint(dst, n)
		}
	}
	for _, stock := range w.nodes {
		dst = binary.AppendUvarint(dst, stock)
	}
	dst = binary.AppendUvarint(dst, uint64(len(w.players)))
	for _, f := range w.players {
		dst = f.append(dst)
	}
	dst = binary.AppendUvarint(dst, uint64(len(w.ballast)))
	return append(dst, w.ballast...)
}

func (f *figure) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(f.name)))
	dst = append(dst, f.name...)
	dst = append(dst, f.x, f.y)
	dst = binary.AppendUvarint(dst, f.gold)
	for _, n := range f.items {
		dst = binary.AppendUvarint(dst, n)
	}
	dst = f.journal.append(dst)
	dst = binary.AppendUvarint(dst, uint64(len(f.rolls)))
	return append(dst, f.rolls...)
}

func (j *Journal) append(dst []byte) []byte {
	for _, v := range [...]uint64{j.Last, j.Applied, j.Repeats, j.Late, uint64(len(j.Missing))} {
		dst = binary.AppendUvarint(dst, v)
	}
	for _, s := range j.Missing {
		dst = binary.AppendUvarint(dst, s.First)
		dst = binary.AppendUvarint(dst, s.Last)
	}
	return binary.BigEndian.AppendUint64(dst, j.Hash)
}

// Restore replaces the whole state by that of a snapshot. When it fails,
// nothing has changed.
func (w *World) Restore(state []byte) error {
	r := reader{rest: state}
	if v := r.byte(); v != snapshotVersion {
		return fmt.Errorf("%w: version %d, not %d", errSnapshot, v, snapshotVersion)
	}
	fresh := World{vault: r.uvarint(), commands: r.uvarint(), trades: r.uvarint(), malformed: r.uvarint()}
	for _, t := range [...]*Totals{&fresh.left, &fresh.came} {
		t.Gold = r.uvarint()
		for i := range t.Items {
			t.Items[i] = r.uvarint()
		}
	}
	for i := range fresh.nodes {
		fresh.nodes[i] = r.uvarint()
	}
	fresh.byName = map[string]*figure{}
	for n := r.uvarint(); n > 0 && !r.failed; n-- {
		f := readFigure(&r)
		fresh.players = append(fresh.players, f)
		fresh.byName[f.name] = f
	}
	fresh.ballast = bytes.Clone(r.bytes(length(&r)))
	if r.failed || len(r.rest) > 0 || len(fresh.byName) != len(fresh.players) {
		return errSnapshot
	}
	fresh.present, fresh.poison, fresh.dice = w.present, w.poison, w.dice // no part of the state
	*w = fresh
	return nil
}

func readFigure(r *reader) *figure {
	var f figure
	f.name = string(r.bytes(length(r)))
	f.x, f.y = r.byte(), r.byte()
	r.failed = r.failed || f.x >= Side || f.y >= Side
	f.gold = r.uvarint()
	for i := range f.items {
		f.items[i] = r.uvarint()
	}
	f.journal = readJournal(r)
	f.rolls = bytes.Clone(r.bytes(length(r)))
	rolled, ok := f.rolls.last()
	f.rolled, r.failed = rolled, r.failed || !ok
	return &f
}

func readJournal(r *reader) Journal {
	j := Journal{Last: r.uvarint(), Applied: r.uvarint(), Repeats: r.uvarint(), Late: r.uvarint()}
	above := uint64(0) // spans ascend and do not touch
	for n := r.uvarint(); n > 0 && !r.failed; n-- {
		s := Span{First: r.uvarint(), Last: r.uvarint()}
		if s.First <= above || s.Last < s.First || s.Last >= j.Last {
			r.failed = true
			break
		}
		above = s.Last
		j.Missing = append(j.Missing, s)
	}
	if b := r.bytes(8); b != nil {
		j.Hash = binary.BigEndian.Uint64(b)
	}
	return j
}

// length reads the length of a field; one that cannot be fails the reader.
func length(r *reader) int {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.failed = true
		return 0
	}
	return int(n)
}
