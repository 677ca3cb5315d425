package judge

import (
	"maps"
	"math"
	"slices"

	"github.com/reseat-proxy/reseat/bench/world"
)

// absent counts the actions that the game has not carried out: lost are those
// that were durable for the client, skipped the others that a later one passed
// over. A refused action is neither: the client was told.
func absent(l Ledger, j world.Journal) (lost, skipped uint64) {
	for _, s := range append(slices.Clone(j.Missing), world.Span{First: j.Last + 1, Last: max(j.Last, l.Durable)}) {
		lost += within(s, 1, l.Durable)
		skipped += within(s, l.Durable+1, math.MaxUint64)
	}
	for _, n := range l.Refused {
		switch {
		case j.Has(n):
		case n <= l.Durable:
			lost--
		case n < j.Last:
			skipped--
		}
	}
	return lost, skipped
}

// within counts what s and first..last have in common.
func within(s world.Span, first, last uint64) uint64 {
	first, last = max(first, s.First), min(last, s.Last)
	if first > last {
		return 0
	}
	return last - first + 1
}

// whole tells whether the game has carried out exactly 1..Sent, in order; only
// then can the hashes be compared.
func whole(l Ledger, j world.Journal) bool {
	return j.Last == l.Sent && j.Applied == l.Sent && j.Repeats == 0 && j.Late == 0 && len(j.Missing) == 0
}

// rerolled counts the actions of which the client was told another roll than
// the game remembers. One that is not in the game is none: it is lost.
func rerolled(l Ledger, a world.Account) (count uint64) {
	rolls := maps.Collect(a.Rolls.All())
	for n, roll := range l.Rolls.All() {
		if a.Journal.Has(n) && rolls[n] != roll {
			count++
		}
	}
	return count
}
