package sidecar

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// past is a region's log as a primary's game made it, and how far that game had
// come when.
type past struct {
	outcomes bool // it commits them
	records  []buffer.Record
	survived []survival
	applied  uint64
}

func (p *past) end() uint64 { return uint64(len(p.records)) }

func (p *past) add(rec buffer.Record) { p.records = append(p.records, rec) }

// departure lets a player go in a call with the actions from..to, after one of those
// that are his, if he is here. What he has done since goes along.
func (p *past) departure(r *row, from, to, after uint64) (rec buffer.Record, ok bool) {
	parcel := buffer.Parcel{Hop: r.hop + 1, Have: r.have, Last: r.have}
	for _, rec := range p.records[after:] {
		switch {
		case rec.ID != r.id:
		case rec.Kind == buffer.KindArrive:
			return rec, false
		case rec.Kind == buffer.KindAction:
			parcel.Carried = append(parcel.Carried, rec.Payload)
		case rec.Kind == buffer.KindQuarantine && rec.Number == 0:
			parcel.Carried = append(parcel.Carried, nil)
		}
	}
	parcel.Have -= uint64(len(parcel.Carried))
	return departs(1, r.id, from, to, p.outcomes, binary.BigEndian.AppendUint64(nil, p.end()+1), parcel), !r.away()
}

// tick are the actions of the next call, up to an index at most: an arrival has one of
// its own.
func (p *past) tick(most uint64) (from, to uint64) {
	from = p.applied + 1
	for from < most && !p.records[from-1].Kind.Input() {
		from++
	}
	to = most
	for i := from; i <= most; i++ {
		if p.records[i-1].Kind == buffer.KindArrive {
			to = max(i-1, from)
			break
		}
	}
	return from, to
}

// actionsOf are the indexes of a player's actions among from..to.
func (p *past) actionsOf(id, from, to uint64) (at []uint64) {
	for i := from; i <= to; i++ {
		if rec := &p.records[i-1]; rec.Kind == buffer.KindAction && rec.ID == id {
			at = append(at, i)
		}
	}
	return at
}

// drawPast plays a while: players act, come and go, the game works in ticks of one
// or more actions, and commits for each of them nothing, one outcome or several, if
// it does; some come of no action; some actions are quarantined before they are
// applied.
func drawPast(t *rapid.T, outcomes bool) *past {
	p := &past{outcomes: outcomes}
	table := newTable()
	grow := func(rec buffer.Record) { require.True(t, table.apply(&rec)); p.add(rec) }
	outcome := func(from, to uint64) {
		p.add(buffer.Record{Epoch: 1, Kind: buffer.KindOutcome, Seq: from, Number: to, Payload: binary.BigEndian.AppendUint64(nil, p.end()+1)})
	}
	grow(buffer.Record{Epoch: 1, Kind: buffer.KindSeal})
	for range rapid.IntRange(1, 40).Draw(t, "steps") {
		switch rapid.SampledFrom([]string{"record", "record", "record", "tick", "tick", "idle", "quarantine"}).Draw(t, "step") {
		case "record":
			grow(drawRecord(t, table, 1))
		case "tick":
			from, to := p.tick(rapid.Uint64Range(p.applied, p.end()).Draw(t, "to"))
			if to < from {
				continue
			}
			for range rapid.IntRange(0, 3).Draw(t, "outcomes") {
				if outcomes {
					outcome(from, to)
				}
			}
			for _, r := range table.sorted {
				if rapid.IntRange(0, 4).Draw(t, "leaves") == 0 {
					after := rapid.SampledFrom(append(p.actionsOf(r.id, from, to), to)).Draw(t, "after")
					if rec, ok := p.departure(r, from, to, after); ok {
						grow(rec)
					}
				}
			}
			p.applied = to
			p.survived = append(p.survived, survival{to, p.end()})
		case "idle":
			if outcomes {
				outcome(p.applied+1, p.applied)
			}
		case "quarantine":
			next := p.applied + 1
			if next > p.end() || !p.records[next-1].Kind.Input() {
				continue
			}
			grow(buffer.Record{Epoch: 1, Kind: buffer.KindQuarantine, ID: p.records[next-1].ID, Seq: p.records[next-1].Trial(), Number: next})
			p.applied = next
		}
	}
	return p
}

// effect is what a game was given: the action at an index, or the outcome.
type effect struct {
	index   uint64
	outcome bool
}

// given reads what the game was given since the last time.
func (r *rig) given(effects []effect, last uint64) ([]effect, uint64) {
	each(r.game.out.Fill(nil), wire.LinkSidecar, func(typ wire.Type, body []byte) {
		switch typ {
		case wire.TypeDo:
			var f wire.Do
			require.NoError(r.t, f.Decode(body))
			effects = append(effects, effect{index: f.Index})
			require.Greater(r.t, f.Index, last, "in the order of the log")
			last = f.Index
		case wire.TypeArrive:
			var f wire.Arrive
			require.NoError(r.t, f.Decode(body))
			require.Equal(r.t, "gold", string(f.Payload))
			effects = append(effects, effect{index: f.Index})
			require.Greater(r.t, f.Index, last, "in the order of the log")
			last = f.Index
		case wire.TypeOutcome:
			var f wire.Outcome
			require.NoError(r.t, f.Decode(body))
			effects = append(effects, effect{index: binary.BigEndian.Uint64(f.Payload), outcome: true})
			require.GreaterOrEqual(r.t, f.To, last, "what it replaces was not given")
			last = f.To
		}
	})
	return effects, last
}

// requirePlayed checks a game's effects against the log: every outcome once, in
// the order of their actions and in that in which they were committed; every action once that has no outcome
// and no quarantine, in order; and each outcome in its actions' place.
func requirePlayed(t *rapid.T, log *buffer.RegionLog, effects []effect) {
	gone, outcomes := map[uint64]bool{}, []effect{}
	place := map[effect]int{}
	for i, e := range effects {
		require.NotContains(t, place, e, "twice")
		place[e] = i
	}
	end, _ := log.End()
	for i := uint64(1); i <= end; i++ {
		rec := log.At(i)
		if isOutcome(rec) {
			outcomes = append(outcomes, effect{i, true})
			for at := rec.Seq; at <= rec.Number; at++ {
				gone[at] = true
			}
		}
		switch rec.Kind {
		case buffer.KindDepart:
			d, _ := buffer.ParseDeparture(rec.Payload)
			parcel, _ := buffer.ParseParcel(d.Parcel)
			for at := rec.Seq; at < i; at++ {
				gone[at] = gone[at] || log.At(at).ID == rec.ID && log.At(at).Seq > parcel.Have
			}
		case buffer.KindQuarantine:
			gone[rec.Number] = true
		}
	}
	slices.SortStableFunc(outcomes, func(a, b effect) int { return cmp.Compare(log.At(a.index).Seq, log.At(b.index).Seq) })
	want := len(outcomes)
	for i := uint64(1); i <= end; i++ {
		if log.At(i).Kind.Input() && !gone[i] {
			want++
			require.Contains(t, place, effect{index: i}, "lost")
		}
	}
	require.Len(t, effects, want)
	for n, o := range outcomes {
		require.Contains(t, place, o, "lost")
		if n > 0 {
			require.Less(t, place[outcomes[n-1]], place[o])
		}
		rec := log.At(o.index)
		for e, at := range place {
			if !e.outcome {
				require.Equal(t, e.index < rec.Seq, at < place[o], "action %d, outcome of %d to %d", e.index, rec.Seq, rec.Number)
			}
		}
	}
}

// A standby is fed as records, commits and the primary's word come, and is then
// promoted with whatever it has; the tail is suspect.
func TestFeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPast(t, rapid.Bool().Draw(t, "outcomes"))
		r := newRig(t, "b")
		r.outcomes = p.outcomes
		r.follow(1)
		var effects []effect
		var last, told uint64
		look := func() {
			effects, last = r.given(effects, last)
			for _, e := range effects {
				require.LessOrEqual(t, e.index, r.commit, "a standby applies only what is durable")
				require.True(t, e.outcome || e.index <= r.safe, "and what the primary has survived")
			}
			told = rapid.Uint64Range(told, last).Draw(t, "done")
			r.finished(told)
		}
		has := rapid.Uint64Range(0, p.end()).Draw(t, "has")
		for r.end() < has {
			r.receive(p.records[r.end():rapid.Uint64Range(r.end()+1, has).Draw(t, "received")]...)
			word := wire.Commit{Epoch: 1, Index: rapid.Uint64Range(r.commit, r.end()).Draw(t, "commit")}
			for _, s := range p.survived {
				if s.end <= word.Index {
					word.Applied = s.applied
				}
			}
			require.NoError(t, r.hear(word))
			look()
		}
		takeOver(t, r, &effects, &last, told)
		requirePlayed(t, &r.records, effects)
		r.consul()
	})
}

// takeOver promotes the rig, and plays until everything has been given to the
// game. Its other member acknowledges now and then.
func takeOver(t *rapid.T, r *rig, effects *[]effect, last *uint64, told uint64) {
	b := r.stream(wire.RoleBackup, "c")
	safe := r.safe
	r.elect(2, "c")
	b.replica.matched, b.replica.next = true, 1<<40
	for range 10_000 {
		before := len(*effects)
		*effects, *last = r.given(*effects, *last)
		for i, e := range (*effects)[before:] {
			if !e.outcome && e.index > safe && e.index < r.sealed {
				requireTrial(t, r, b, e.index)
				for _, next := range (*effects)[before+i+1:] {
					require.True(t, next.outcome, "no other action is tried meanwhile")
				}
			}
		}
		if told == r.feed.handed && r.feed.next > r.end() && b.replica.match == r.end() {
			return
		}
		if rapid.Bool().Draw(t, "game") {
			told = rapid.Uint64Range(told, max(told, *last)).Draw(t, "done")
			r.finished(told)
			continue
		}
		b.replica.match = rapid.Uint64Range(b.replica.match, r.end()).Draw(t, "match")
		r.mu.Lock()
		r.settle()
		r.mu.Unlock()
	}
	require.Fail(t, "the feed does not come to its end")
}

// requireTrial: a suspect is tried when the mark that says so is durable.
func requireTrial(t *rapid.T, r *rig, b *stream, index uint64) {
	rec := r.records.At(index)
	mark := r.records.At(r.feed.marked)
	want := buffer.Record{Epoch: 2, Kind: buffer.KindMark, Number: 1, Payload: mark.Payload} // one for all
	if r.feed.careful {
		want.ID, want.Seq, want.Number = rec.ID, rec.Trial(), 2
	}
	require.Equal(t, want, *mark)
	require.GreaterOrEqual(t, b.replica.match, r.feed.marked)
}

// A suspect that was on trial when the last primary died, too, is quarantined.
func TestSecondDeathQuarantines(t *testing.T) {
	r := newRig(t, "b")
	r.follow(2)
	r.receive(
		attach(1, 1, 1, "ann", "", ""), action(1, 1, 1), action(1, 1, 2),
		buffer.Record{Epoch: 2, Kind: buffer.KindMark, ID: 1, Seq: 1, Number: 2},
	)
	require.NoError(t, r.hear(wire.Commit{Epoch: 2, Index: 4}))
	r.elect(3)
	effects, _ := r.given(nil, 0)
	require.Equal(t, []effect{{index: 3}}, effects, "the other suspect is tried now")
	require.EqualValues(t, 1, r.stats.quarantined.Load())
	require.True(t, r.feed.isOmitted(2))
	r.finished(3)
	require.Equal(t, buffer.Record{Epoch: 3, Kind: buffer.KindMark}.Kind, r.records.At(r.end()).Kind)
	require.Zero(t, r.records.At(r.end()).ID, "survived")
	require.Zero(t, r.table.get(1).tried)
}

// An action that the game died of after it had said what came out is not run again,
// and needs no quarantine. Nor does one that is in the snapshot that we began with.
func TestDecidedActionIsNotQuarantined(t *testing.T) {
	log := func() []buffer.Record {
		return []buffer.Record{attach(1, 1, 1, "ann", "", ""), action(1, 1, 1)}
	}
	mark := buffer.Record{Epoch: 2, Kind: buffer.KindMark, ID: 1, Seq: 1, Number: 2}

	r := newRig(t, "b")
	r.follow(2)
	r.receive(append(log(), buffer.Record{Epoch: 2, Kind: buffer.KindOutcome, Seq: 2, Number: 2, Payload: make([]byte, 8)}, mark)...)
	r.elect(3)
	require.Zero(t, r.stats.quarantined.Load())

	r = newRig(t, "b")
	r.follow(2)
	r.receive(append(log(), mark)...)
	r.feed.next, r.feed.done, r.feed.handed = 3, 2, 2
	r.elect(3)
	require.Zero(t, r.stats.quarantined.Load())
}

// A quarantine that is cut off with its record does not hold any more, although
// the action stays.
func TestQuarantineIsForgotten(t *testing.T) {
	r := newRig(t, "b")
	r.follow(2)
	r.receive(attach(1, 1, 1, "ann", "", ""), action(1, 1, 1), buffer.Record{Epoch: 2, Kind: buffer.KindQuarantine, ID: 1, Seq: 1, Number: 2})
	require.True(t, r.feed.isOmitted(2))
	require.NoError(t, r.hear(wire.Truncate{Epoch: 3, Index: 2, Of: 1}))
	require.EqualValues(t, 2, r.end())
	require.False(t, r.feed.isOmitted(2))
}

// A game that says it is done with what it was not given is at fault.
func TestDoneAhead(t *testing.T) {
	r := newRig(t, "b")
	r.follow(1)
	r.finished(1)
	require.ErrorIs(t, r.life.ctx.Err(), context.Canceled)
}
