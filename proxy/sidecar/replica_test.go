package sidecar

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// drawLogs plays some epochs with three servers: in each of them one leads,
// writes, and gets a part of it to the others, who cut what it lacks.
func drawLogs(t *rapid.T) (logs [3][]buffer.Record, epoch uint64) {
	epoch = rapid.Uint64Range(1, 6).Draw(t, "epochs")
	for e := uint64(1); e <= epoch; e++ {
		leader := rapid.IntRange(0, 2).Draw(t, "leader")
		log := append(slices.Clip(logs[leader]), buffer.Record{Epoch: e, Kind: buffer.KindSeal})
		for range rapid.IntRange(0, 5).Draw(t, "records") {
			log = append(log, buffer.Record{Epoch: e, Kind: buffer.KindOutcome, Seq: 1, Payload: fmt.Append(nil, len(log), leader)})
		}
		logs[leader] = log
		for i := range logs {
			common := 0
			for common < len(logs[i]) && common < len(log) && logs[i][common].Epoch == log[common].Epoch {
				common++
			}
			if i != leader && rapid.Bool().Draw(t, "reached") {
				logs[i] = log[:rapid.IntRange(common, len(log)).Draw(t, "upto")]
			}
		}
	}
	return logs, epoch
}

// pair is a primary and its backup, and the network between them.
type pair struct {
	t       *rapid.T
	primary *rig
	backup  *rig
	stream  *stream // at the primary
}

func newPair(t *rapid.T) *pair {
	logs, epoch := drawLogs(t)
	p := &pair{t: t, primary: newRig(t, "primary"), backup: newRig(t, "backup")}
	for i, r := range []*rig{p.primary, p.backup} {
		r.follow(epoch)
		r.receive(logs[i]...)
	}
	p.primary.elect(epoch + 1)
	p.primary.announce(epoch + 1)
	p.stream = p.primary.stream(wire.RoleBackup, "backup")
	return p
}

// talk delivers what either has to say now; false: nobody had anything.
func (p *pair) talk() (any bool) {
	p.primary.mu.Lock()
	p.primary.flush() // as the clock has it
	p.primary.mu.Unlock()
	each(p.stream.Fill(nil), wire.LinkRegion, func(typ wire.Type, body []byte) {
		any = true
		if typ == wire.TypeCommit {
			var f wire.Commit
			require.NoError(p.t, f.Decode(body))
			require.LessOrEqual(p.t, f.Index, p.backup.end(), "what is durable is told when all of it is there")
		}
		require.NoError(p.t, p.backup.up.take(typ, body))
	})
	select {
	case s := <-p.stream.snaps.next:
		any = true
		p.backup.copied(p.t.Context(), nil, s.Head, opened(p.t, s))
		if p.backup.answers > 0 {
			p.backup.hasHosted(wire.Hosted{ID: 1, OK: true})
		}
	default:
	}
	each(p.backup.up.Fill(nil), wire.LinkRegion, func(typ wire.Type, body []byte) {
		if typ == wire.TypeOpen {
			return
		}
		any = true
		require.NoError(p.t, p.stream.take(typ, body))
	})
	p.primary.consul()
	p.primary.game.out.Fill(nil)
	p.backup.game.out.Fill(nil)
	return any
}

func (p *pair) check() {
	require.LessOrEqual(p.t, p.backup.commit, p.primary.commit)
	require.LessOrEqual(p.t, p.backup.tabled, p.backup.commit, "only what is durable takes effect")
	if r := &p.stream.replica; r.matched {
		require.LessOrEqual(p.t, r.match, p.backup.end())
		require.LessOrEqual(p.t, p.primary.base(), r.next-1, "the next record is there")
	}
	if required := p.primary.set.Required(); len(required) > 0 {
		require.LessOrEqual(p.t, p.primary.commit, p.backup.end(), "durable is what every member has")
	}
}

// Whatever two logs have come to, they agree in the end, on the primary's; what is
// trimmed meanwhile is in a snapshot, and comes that way.
func TestLogsAgree(t *testing.T) {
	var truncated, copied int
	sizes := rapid.SampledFrom([]int{0, 1, 9, 40 << 10}) // the last is more than is sent at once
	rapid.Check(t, func(t *rapid.T) {
		p := newPair(t)
		play := func(t *rapid.T) {
			p.primary.mu.Lock()
			defer p.primary.mu.Unlock()
			p.primary.append(buffer.Record{Kind: buffer.KindOutcome, Seq: 1, Payload: make([]byte, sizes.Draw(t, "size"))})
			require.NoError(t, p.primary.feedGame())
			p.primary.settle()
		}
		cut := func(t *rapid.T) {
			_, err := p.primary.cutNow(p.primary.feed.done, "state")
			require.NoError(t, err)
		}
		t.Repeat(map[string]func(*rapid.T){
			"":     func(*rapid.T) { p.check() },
			"talk": func(*rapid.T) { p.talk() },
			"play": play,
			"cut":  cut,
		})
		for i := 0; p.talk() || p.backup.end() != p.primary.end(); i++ {
			require.Less(t, i, 100, "they do not agree")
			p.check()
			if p.primary.cuts.wanted {
				cut(t)
			}
		}
		end := p.primary.end()
		require.Equal(t, p.primary.records.ChainAt(end), p.backup.records.ChainAt(end))
		require.Equal(t, []string{"backup"}, p.primary.set.Required())
		require.Equal(t, end, p.primary.commit)
		require.Equal(t, end, p.backup.commit)
		truncated += int(p.primary.stats.truncations.Load())
		copied += int(p.primary.stats.copies.Load())
	})
	require.Positive(t, truncated, "no logs differed")
	require.Positive(t, copied, "no log had been trimmed")
}

// A region in which the world moves and nobody acts trims its log all the same.
func TestQuietRegionsTrim(t *testing.T) {
	r := newRig(t, "a")
	r.elect(1, "b")
	b := r.backup("b")
	r.announce(1)
	for range 10 {
		b.replica.next = r.end() + 2
		r.outcome(wire.Outcome{ID: 1, From: 1, Payload: []byte("tick")})
		end := r.end()
		require.NoError(t, r.have(b, wire.Have{Epoch: 1, Index: end, Of: 1}))
		r.consul()                        // it is in the set from the first time on
		snap, err := r.cutNow(0, "state") // the game knows of actions only
		require.NoError(t, err)
		require.Equal(t, [2]uint64{end, end}, [2]uint64{snap.Index, snap.Outcome})
	}
	require.Positive(t, r.base())
	require.Less(t, r.end()-r.base(), uint64(5), "two snapshots back, and no further")
}

// A backup whose link broke dials again before we hear of that. What the old
// stream leaves unanswered is not held against the new one.
func TestBackupComesAgain(t *testing.T) {
	r := newRig(t, "a")
	r.elect(1)
	old := r.backup("b")
	old.replica.waiting = time.Now().Add(-time.Hour)
	again := r.backup("b")
	r.settle()
	r.consul()
	r.dropLate(time.Now())
	r.closed(old)
	r.consul()
	members, _ := r.set.Members()
	require.Equal(t, []string{"a", "b"}, members)
	require.True(t, again.replica.caughtUp)
	require.NoError(t, r.have(old, wire.Have{Epoch: 1, Index: r.end() + 1}), "nobody listens to it")
	old.out.Fill(nil)
	r.append(buffer.Record{Epoch: 1, Kind: buffer.KindMark})
	require.Empty(t, old.Fill(nil), "the log goes to the new one")
	require.NotEmpty(t, again.Fill(nil))
}

// A newcomer lacks more than is sent at once. What is durable, and what the game has
// survived, he is told when he has all of it: the outcome of an action that was survived
// may be in what is still to come, and must take its place.
func TestCommitComesAfterItsRecords(t *testing.T) {
	r := newRig(t, "a")
	r.elect(1, "b")
	b := r.backup("b")
	r.announce(1)
	for range 5 {
		r.outcome(wire.Outcome{ID: 1, From: 1, Payload: make([]byte, pump.Batch)})
	}
	b.replica.next = r.end() + 1
	require.NoError(t, r.have(b, wire.Have{Epoch: 1, Index: r.end(), Of: 1}))
	require.Equal(t, r.end(), r.commit)

	c := r.stream(wire.RoleBackup, "c")
	c.replica.matched, c.replica.next = true, r.base()+1
	sent, said := r.base(), uint64(0)
	for frames := c.Fill(nil); len(frames) > 0; frames = c.Fill(nil) {
		each(frames, wire.LinkRegion, func(typ wire.Type, body []byte) {
			switch typ {
			case wire.TypeRecord:
				sent++
			case wire.TypeCommit:
				var f wire.Commit
				require.NoError(t, f.Decode(body))
				require.LessOrEqual(t, f.Index, sent)
				said = f.Index
			}
		})
	}
	require.Equal(t, r.commit, said)
}

// A backup that lacks a part of what is durable does not take for survived what the part
// may say more of.
func TestCommitAheadOfTheLog(t *testing.T) {
	r := newRig(t, "b")
	r.follow(1)
	r.receive(buffer.Record{Epoch: 1, Kind: buffer.KindSeal}, buffer.Record{Epoch: 1, Kind: buffer.KindMark})
	require.NoError(t, r.hear(wire.Commit{Epoch: 1, Index: 3, Applied: 2}))
	require.Equal(t, [2]uint64{2, 0}, [2]uint64{r.commit, r.safe})
	r.receive(buffer.Record{Epoch: 1, Kind: buffer.KindMark})
	require.NoError(t, r.hear(wire.Commit{Epoch: 1, Index: 3, Applied: 2}))
	require.Equal(t, [2]uint64{3, 2}, [2]uint64{r.commit, r.safe})
}
