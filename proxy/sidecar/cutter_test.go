package sidecar

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// toy is a game that plays a region by hand: in ticks, with outcomes for some
// of them, and with cuts whose state is all that has taken effect.
type toy struct {
	t       *rapid.T
	r       *rig
	inbox   []func()
	pending []uint64 // actions that wait for the tick, or an arrival, which has one of its own
	gone    map[uint64]bool
	arrival bool // what is pending is one
	applied uint64
	effects []effect
	full    []buffer.Record // the log, with what has been trimmed
	head    *wire.CutDone   // of the cut that is under way
	state   []effect
}

// read takes what the sidecar has sent into the inbox.
func (g *toy) read() {
	each(g.r.game.out.Fill(nil), wire.LinkSidecar, func(typ wire.Type, body []byte) {
		switch typ {
		case wire.TypeDo:
			var f wire.Do
			require.NoError(g.t, f.Decode(body))
			g.inbox = append(g.inbox, func() {
				if g.arrival {
					g.tick(0)
				}
				if !g.gone[f.Handle] {
					g.pending = append(g.pending, f.Index)
				} else if len(g.pending) == 0 {
					g.applied = f.Index
				}
			})
		case wire.TypeArrive:
			var f wire.Arrive
			require.NoError(g.t, f.Decode(body))
			g.inbox = append(g.inbox, func() {
				g.tick(0)
				g.gone[f.Handle] = false
				g.arrival, g.pending = true, []uint64{f.Index}
			})
		case wire.TypeOutcome:
			var f wire.Outcome
			require.NoError(g.t, f.Decode(body))
			index := binary.BigEndian.Uint64(f.Payload)
			g.inbox = append(g.inbox, func() {
				g.tick(0)
				g.effects, g.applied = append(g.effects, effect{index, true}), f.To
			})
		case wire.TypeCut:
			var f wire.Cut
			require.NoError(g.t, f.Decode(body))
			g.inbox = append(g.inbox, func() {
				g.head = &wire.CutDone{ID: f.ID, N: f.N, Index: g.applied}
				g.state = append([]effect(nil), g.effects...)
				g.r.cutBegun(*g.head)
			})
		}
	})
	for i := uint64(len(g.full)) + 1; i <= g.r.end(); i++ {
		rec := *g.r.records.At(i)
		rec.Payload = bytes.Clone(rec.Payload) // the log reuses the memory of what it trims
		g.full = append(g.full, rec)
	}
}

// tick applies what is pending, commits so many outcomes for it, and lets some
// players go.
func (g *toy) tick(outcomes int, leave ...*row) {
	if len(g.pending) == 0 {
		return
	}
	from, to := g.pending[0], g.pending[len(g.pending)-1]
	for range outcomes {
		g.outcome(from, to)
	}
	late := map[uint64]bool{}
	for _, row := range leave {
		if row.away() || g.gone[row.id] || g.r.comesAfter(row, to) {
			continue
		}
		index := g.r.end() + 1
		g.gone[row.id] = true
		f := wire.Transfer{
			ID: 1, From: from, To: to, Player: row.player, Region: "sea", Payload: []byte("gold"), Delta: binary.BigEndian.AppendUint64(nil, index),
		}
		for _, i := range g.pending {
			if rec := g.r.records.At(i); rec.Kind == buffer.KindAction && rec.ID == row.id {
				if f.Seq > 0 {
					late[i] = true // he has gone after the first one
				} else {
					f.Seq = rec.Seq
				}
			}
		}
		g.r.transfer(f)
		require.True(g.t, row.away())
		if g.r.outcomes {
			outcomes++
			g.effects = append(g.effects, effect{index, true})
		}
		g.read()
	}
	for _, index := range g.pending {
		if outcomes == 0 && !late[index] {
			g.effects = append(g.effects, effect{index: index})
		}
	}
	g.applied, g.pending, g.arrival = to, nil, false
	g.r.finished(to)
	g.read()
}

func (g *toy) outcome(from, to uint64) {
	index := g.r.end() + 1
	g.r.outcome(wire.Outcome{ID: 1, From: from, To: to, Payload: binary.BigEndian.AppendUint64(nil, index)})
	g.effects = append(g.effects, effect{index, true})
	g.read()
}

// A snapshot and the log after it are the whole of what has happened, whenever
// the game cut, and whatever it did while its state was on the way.
func TestCuts(t *testing.T) {
	cuts, departures := 0, uint64(0)
	rapid.Check(t, func(t *rapid.T) {
		p := drawPast(t, rapid.Bool().Draw(t, "outcomes"))
		r := newRig(t, "a")
		r.outcomes = p.outcomes
		r.follow(1)
		g := &toy{t: t, r: r, gone: map[uint64]bool{}}
		r.receive(p.records...)
		r.elect(2)
		t.Repeat(map[string]func(*rapid.T){
			"":    func(*rapid.T) { g.read() },
			"act": func(t *rapid.T) { r.append(drawRecord(t, r.table, 2)); require.NoError(t, r.feedGame()) },
			"tick": func(t *rapid.T) {
				outcomes := rapid.IntRange(0, 2).Draw(t, "outcomes")
				if !r.outcomes {
					outcomes = 0
				}
				var leave []*row
				if len(r.feed.outcomes) == 0 && r.feed.next > r.feed.suspects { // else it would not be its first time
					leave = slices.DeleteFunc(slices.Clone(r.table.sorted), func(*row) bool { return rapid.IntRange(0, 3).Draw(t, "leaves") > 0 })
				}
				g.tick(outcomes, leave...)
			},
			"idle": func(*rapid.T) {
				// While the tail waits for a trial, its outcomes may come after one of
				// no action that is behind them in the log: see DESIGN.md.
				if g.read(); r.outcomes && len(g.inbox)+len(g.pending)+len(r.feed.outcomes) == 0 {
					g.outcome(g.applied+1, g.applied)
				}
			},
			"clock": func(*rapid.T) { r.settle() },
			"event": func(*rapid.T) {
				if len(g.inbox) > 0 {
					next := g.inbox[0]
					g.inbox = g.inbox[1:]
					next()
				}
			},
			"cut": func(*rapid.T) {
				r.cuts.n++
				require.True(t, r.ask(r.game, wire.Cut{ID: 1, N: r.cuts.n}))
				for g.read(); len(g.inbox) > 0 && (g.head == nil || g.head.N != r.cuts.n); {
					next := g.inbox[0]
					g.inbox = g.inbox[1:]
					next()
				}
			},
			"seal": func(t *rapid.T) {
				if g.head == nil || g.head.N != r.cuts.n {
					return
				}
				r.cuts.newest = nil
				require.NoError(t, r.cuts.seal(cutResult{head: *g.head}))
				g.head = nil
				if r.cuts.newest != nil {
					cuts++
					requireWhole(t, g, opened(t, r.cuts.newest))
				}
			},
		})
		r.consul()
		departures += r.stats.departures.Load()
	})
	require.Positive(t, cuts, "nothing was cut")
	require.Positive(t, departures, "nobody was let go")
}

// A new game begins at a snapshot: its first cut may lie before the last one's.
func TestCutsGoBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPast(t, rapid.Bool().Draw(t, "outcomes"))
		r := newRig(t, "a")
		r.follow(1)
		r.receive(p.records...)
		r.elect(2)
		for range 4 {
			index := rapid.Uint64Range(r.base(), r.end()).Draw(t, "index")
			if index < r.cutMarks {
				r.refeed(nil)
			}
			at, ok := r.cutAt(index)
			require.True(t, ok)
			for _, row := range stays(t, &r.records, at) {
				require.Equal(t, row.stay, r.table.get(row.id).cut, "cut at %d", at.index)
			}
		}
	})
}

// stays are the rows as they should be in a cut: by the records up to its index, and,
// behind it, by the departures in calls with actions up to there.
func stays(t *rapid.T, log *buffer.RegionLog, at cut) []*row {
	table := newTable()
	for i := uint64(1); i <= at.end; i++ {
		rec := log.At(i)
		row := table.get(rec.ID)
		if i > at.index {
			switch {
			case rec.Kind == buffer.KindAttach:
			case rec.Kind == buffer.KindDepart && rec.Number <= at.index: // without the actions in between, which go along
				d, _ := buffer.ParseDeparture(rec.Payload)
				p, _ := buffer.ParseParcel(d.Parcel)
				row.have = p.Last
			case rec.Kind == buffer.KindDelivered && row != nil: // what has arrived need not be kept
			default:
				continue
			}
		}
		require.True(t, table.apply(rec))
	}
	return table.sorted
}

// requireWhole restores a snapshot elsewhere and lets the rest of the log follow.
func requireWhole(t *rapid.T, g *toy, snap *buffer.Snapshot) {
	var log buffer.RegionLog
	said, all := newTable(), newTable()
	for i, rec := range g.full {
		log.Append(rec)
		require.True(t, all.apply(&rec))
		if uint64(i) < snap.Outcome {
			require.True(t, said.apply(&rec))
		}
	}
	require.Equal(t, log.ChainAt(snap.Index), snap.Chain)
	applied := map[string]stay{}
	for _, row := range stays(t, &log, cut{snap.Index, snap.Outcome}) {
		applied[row.player] = row.stay
	}
	for _, m := range snap.Players {
		require.Equal(t, applied[m.Player], stayOf(&m), "actions up to the index are in the marks, none after it")
		row := said.named(m.Player)
		require.Equal(t, [3]uint64{row.attach, row.tried, row.tries}, [3]uint64{m.Attach, m.Tried, m.Tries})
	}
	r := newRig(t, "b")
	r.follow(2)
	r.install(snap)
	r.receive(g.full[snap.Index:]...)
	require.NoError(t, r.hear(wire.Commit{Epoch: 2, Index: r.end(), Applied: r.end()}))
	effects, _ := r.given(append([]effect(nil), g.state...), snap.Index)
	requirePlayed(t, &log, effects)
	index, chain := r.end(), r.records.ChainAt(r.end())
	require.Equal(t, log.ChainAt(index), chain)
	for _, row := range all.sorted {
		require.Equal(t, row.stay, r.table.named(row.player).stay, "the table follows from snapshot and log")
	}
}

// What a primary has taken over may have been durable, whatever it knows of that: the
// set stays until the edges keep all of it.
func TestSetStaysUntilTheTailIsCovered(t *testing.T) {
	r := newRig(t, "b")
	r.follow(1)
	r.receive(attach(1, 1, 1, "ann", "", ""), action(1, 1, 1), action(1, 1, 2))
	require.NoError(t, r.hear(wire.Commit{Epoch: 1, Index: 1}))
	edge := r.stream(wire.RoleEdge, "edge")
	r.elect(2) // alone in its set, of which it is a member
	confirm := func(done uint64) {
		r.finished(done)
		snap, err := r.cutNow(done, "state")
		require.NoError(t, err)
		require.NoError(t, r.confirm(edge, wire.Confirm{Epoch: 2, Index: snap.Outcome}))
		r.consul()
	}
	confirm(2)
	require.GreaterOrEqual(t, r.cuts.covers.index, r.commit)
	_, known := r.set.Members()
	require.True(t, known, "action 2 may be durable")
	r.given(nil, 0)
	confirm(3)
	require.GreaterOrEqual(t, r.cuts.covers.index, r.sealed)
	_, known = r.set.Members()
	require.False(t, known)
}

// A snapshot that all edges keep makes nothing durable where a set is published: who is
// elected from it comes with the log that he has. That holds from the first moment of an
// epoch, also for a primary that leads again and has had such a snapshot before.
func TestSnapshotsAreNoMembers(t *testing.T) {
	r := newRig(t, "b")
	r.follow(1)
	r.receive(attach(1, 1, 1, "ann", "", ""))
	require.NoError(t, r.hear(wire.Commit{Epoch: 1, Index: 1}))
	edge := r.stream(wire.RoleEdge, "edge")
	r.elect(2, "c") // who is not there
	r.backup("d")   // and is no member
	r.mu.Lock()
	at := r.append(action(2, 1, 1))
	require.NoError(t, r.feedGame())
	r.mu.Unlock()
	r.finished(at)
	snap, err := r.cutNow(at, "state")
	require.NoError(t, err)
	require.NoError(t, r.confirm(edge, wire.Confirm{Epoch: 2, Index: snap.Outcome}))
	require.Equal(t, at, r.cuts.covers.index)
	require.Less(t, r.commit, at, "c does not have it")
	r.fence()
	r.elect(3, "c")
	require.Less(t, r.commit, at, "and still does not")
	require.Zero(t, r.cuts.covers, "of another epoch")
}

// A cut outside the log is the game's fault.
func TestCutOutsideTheLog(t *testing.T) {
	r := newRig(t, "a")
	r.elect(1)
	r.cutBegun(wire.CutDone{ID: 1, N: 1, Index: 99})
	require.ErrorContains(t, context.Cause(r.life.ctx), "outside the region log")
}
