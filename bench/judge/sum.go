package judge

import (
	"maps"
	"slices"

	"github.com/reseat-proxy/reseat/bench/world"
)

// All judges several regions: each with the ledgers of its players and with
// its own books, by its name. A region whose books are missing has none. The sum
// is the verdict on all of them together.
func All(ledgers []Ledger, before, after map[string]world.Books, allow ...Allowance) (sum Verdict, each map[string]Verdict) {
	of := map[string][]Ledger{}
	for _, l := range ledgers {
		of[l.Region] = append(of[l.Region], l)
	}
	for region := range after {
		if of[region] == nil {
			of[region] = []Ledger{} // one with nobody in it is judged, too
		}
	}
	sum, each = Verdict{Violations: []string{}}, make(map[string]Verdict, len(of))
	for _, region := range slices.Sorted(maps.Keys(of)) {
		v := Judge(of[region], before[region], after[region], allow...)
		each[region] = v
		prefix := region + ": "
		if len(of) == 1 {
			prefix = ""
		}
		sum.add(v, prefix)
	}
	return sum, each
}

// add takes in the verdict on a region.
func (v *Verdict) add(o Verdict, prefix string) {
	v.Players += o.Players
	v.Altered, v.Ended = v.Altered+o.Altered, v.Ended+o.Ended
	for sum, n := range map[*uint64]uint64{
		&v.Sent: o.Sent, &v.Durable: o.Durable, &v.Applied: o.Applied,
		&v.Lost: o.Lost, &v.Unsettled: o.Unsettled, &v.Doubled: o.Doubled, &v.Reordered: o.Reordered, &v.Skipped: o.Skipped,
		&v.Invented: o.Invented, &v.Rolls: o.Rolls, &v.Rerolled: o.Rerolled, &v.Refused: o.Refused, &v.Fell: o.Fell,
		&v.Strays: o.Strays, &v.Disconnects: o.Disconnects, &v.Resumes: o.Resumes, &v.Malformed: o.Malformed,
	} {
		*sum += n
	}
	v.Before, v.After = plus(v.Before, o.Before), plus(v.After, o.After)
	for _, text := range o.Violations {
		v.violate("%s", prefix+text)
	}
}

func plus(a, b world.Totals) world.Totals {
	a.Gold += b.Gold
	for i, n := range b.Items {
		a.Items[i] += n
	}
	return a
}
