//go:build fault

package fault

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// clean takes everything back at the end of a test.
func clean(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		require.NoError(t, Set(""))
		require.NoError(t, Enable())
	})
}

func TestRules(t *testing.T) {
	clean(t)
	require.NoError(t, Set(" afterAppend = skip 2 1*panic ; beforeSeal=0%kill;afterSeal=100%sleep(3s)"))
	reached, fired := Reached(AfterAppend), Fired(AfterAppend)
	Point(AfterAppend)
	Point(AfterAppend)
	require.PanicsWithValue(t, "failpoint afterAppend", func() { Point(AfterAppend) })
	Point(AfterAppend) // once is once
	require.Equal(t, reached+4, Reached(AfterAppend))
	require.Equal(t, fired+1, Fired(AfterAppend))
	for range 1000 {
		Point(BeforeSeal)
	}
	require.Zero(t, Fired(BeforeSeal))
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		Point(AfterSeal)
		Point(AfterSeal)
		require.Equal(t, 6*time.Second, time.Since(began))
	})
}

func TestChance(t *testing.T) {
	clean(t)
	require.NoError(t, Set("attachMid=25%sleep(0s)"))
	fired := Fired(AttachMid)
	for range 4000 {
		Point(AttachMid)
	}
	require.InDelta(t, 1000, Fired(AttachMid)-fired, 300)
}

func TestHooks(t *testing.T) {
	clean(t)
	n := 0
	On(ReplayMid, func() { n++ })
	Point(ReplayMid)
	On(ReplayMid, nil)
	Point(ReplayMid)
	require.Equal(t, 1, n)
	require.Panics(t, func() { On("nowhere", nil) })
	require.Panics(t, func() { Point("nowhere") })
}

func TestBadSpecs(t *testing.T) {
	clean(t)
	require.NoError(t, Set("replayMid=1*panic"))
	for spec, says := range map[string]string{
		"nowhere=panic":               `no failpoint is called "nowhere": there are [afterAppend`,
		"afterAppend":                 "is not name=action",
		"afterAppend=":                `no action is called ""`,
		"afterAppend=return":          "there are panic, exit, kill and sleep",
		"afterAppend=sleep":           "no action",
		"afterAppend=sleep()":         "is not a duration",
		"afterAppend=sleep(-1s)":      "is not a duration",
		"afterAppend=x*panic":         "is not a number of times",
		"afterAppend=-1*panic":        "is not a number of times",
		"afterAppend=101%panic":       "is not a percentage",
		"afterAppend=NaN%panic":       "is not a percentage",
		"afterAppend=skip x panic":    `skip "x" is not a number`,
		"afterAppend=panic; sealed=x": "sealed",
	} {
		require.ErrorContains(t, Set(spec), says, spec)
	}
	require.Panics(t, func() { Point(ReplayMid) }, "an error changes nothing")
}

func TestBugs(t *testing.T) {
	clean(t)
	for _, b := range Defects {
		require.False(t, Bug(b))
	}
	require.NoError(t, Enable(GapNotChecked))
	require.True(t, Bug(GapNotChecked))
	require.False(t, Bug(LeaseByTimerOnly))
	require.ErrorContains(t, Enable("gab-not-checked"), "there are [ack-before-replication")
	require.True(t, Bug(GapNotChecked))
	require.NoError(t, Enable())
	require.False(t, Bug(GapNotChecked))
}
