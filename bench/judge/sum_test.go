package judge

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/world"
)

// twoRegions puts each client of a good run into a region of its own.
func twoRegions() (ledgers []Ledger, before, after map[string]world.Books) {
	before, after = map[string]world.Books{}, map[string]world.Books{}
	for i, region := range []string{"north", "south"} {
		r := goodRun()
		r.judge() // writes the journals
		r.ledgers[i].Region = region
		ledgers = append(ledgers, r.ledgers[i])
		r.after.Players = r.after.Players[i : i+1]
		before[region], after[region] = r.before, r.after
	}
	return ledgers, before, after
}

func TestRegionsAreJudgedByTheirOwnBooks(t *testing.T) {
	ledgers, before, after := twoRegions()
	sum, each := All(ledgers, before, after)
	require.True(t, sum.OK(), sum.Violations)
	require.Len(t, each, 2)
	require.EqualValues(t, 10, each["north"].Sent)
	require.EqualValues(t, 20, sum.Sent)
	require.Equal(t, 2, sum.Players)
	require.EqualValues(t, 2000, sum.Before.Gold)

	// Gold that went from one region to the other is in the sum, and missing all the same.
	books := after["north"]
	books.Gold--
	after["north"] = books
	books = after["south"]
	books.Gold++
	after["south"] = books
	sum, each = All(ledgers, before, after)
	require.Equal(t, sum.Before.Gold, sum.After.Gold)
	require.Len(t, sum.Violations, 2)
	require.Regexp(t, "^north: the conserved totals", sum.Violations[0])
	north := each["north"]
	require.False(t, north.OK())

	delete(after, "south")
	sum, _ = All(ledgers, before, after)
	require.EqualValues(t, 10, sum.Lost, "what no game has is lost")
	ledgers[1].Region = "north"
	sum, _ = All(ledgers, before, after)
	require.EqualValues(t, 10, sum.Lost)
	_, before, after = twoRegions()
	sum, _ = All(nil, before, after)
	require.EqualValues(t, 20, sum.Invented, "a region without players is looked at, too")
}

func TestOneRegionIsItsOwnSum(t *testing.T) {
	r := goodRun()
	r.drop(0, 4)
	v := r.judge()
	sum, _ := All(r.ledgers, map[string]world.Books{"": r.before}, map[string]world.Books{"": r.after})
	require.Equal(t, v, sum)
}

// TestSumForgetsNoCount fills every number, and wants each of them twice.
func TestSumForgetsNoCount(t *testing.T) {
	var one Verdict
	fill(reflect.ValueOf(&one).Elem())
	sum := one
	sum.add(one, "")
	want := reflect.ValueOf(one)
	got := reflect.ValueOf(sum)
	for i := range want.NumField() {
		name := want.Type().Field(i).Name
		switch f := want.Field(i); f.Kind() {
		case reflect.Uint64:
			require.EqualValues(t, 2*f.Uint(), got.Field(i).Uint(), name)
		case reflect.Int:
			require.EqualValues(t, 2*f.Int(), got.Field(i).Int(), name)
		default: // is compared below
		}
	}
	require.Equal(t, world.Totals{Gold: 2, Items: [world.Kinds]uint64{2, 2, 2}}, sum.Before)
	require.Equal(t, sum.Before, sum.After)
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Uint64:
		v.SetUint(1)
	case reflect.Int:
		v.SetInt(1)
	default: // counts nothing
	}
}
