package history

// The logs of replicas, for promises 2 to 5: what they still have of them.

type slot struct {
	player string
	seq    uint64
}

func logsOnce(r *run, f *findings) {
	for _, d := range r.e.members() {
		seen := map[slot]uint64{}
		for _, e := range d.actions {
			at := slot{e.Player, e.Seq}
			if first, twice := seen[at]; twice {
				f.say("%s: seq %d of %s is in the log at %d and at %d", d.From, e.Seq, e.Player, first, e.Index)
			}
			seen[at] = e.Index
		}
	}
}

func logsOrder(r *run, f *findings) {
	for _, d := range r.e.members() {
		last := map[string]uint64{}
		for i, e := range d.Log {
			if i > 0 && e.Index != d.Log[i-1].Index+1 {
				f.say("%s: the log goes from index %d to %d", d.From, d.Log[i-1].Index, e.Index)
			}
			if e.Note != "" {
				continue
			}
			if before := last[e.Player]; before != 0 && e.Seq != before+1 {
				f.say("%s: the log has seq %d of %s after %d", d.From, e.Seq, e.Player, before)
			}
			last[e.Player] = e.Seq
		}
		if n := len(d.Log); n > 0 && d.Log[n-1].Index != d.End {
			f.say("%s: the log ends with %d, and should with %d", d.From, d.Log[n-1].Index, d.End)
		}
		for player, seq := range last {
			if have := d.row(player).Have; have != seq {
				f.say("%s: the row of %s says %d, the log ends with %d", d.From, player, have, seq)
			}
		}
	}
}

func logsSubmitted(r *run, f *findings) {
	for _, d := range r.e.members() {
		for _, e := range d.actions {
			var o *Op
			if p := r.players[e.Player]; p != nil {
				o = p.bySeq(e.Seq)
			}
			switch {
			case o == nil:
				f.say("%s: seq %d of %s is in the log, but was never sent", d.From, e.Seq, e.Player)
			case e.Hash != 0 && o.Hash != 0 && e.Hash != o.Hash:
				f.say("%s: seq %d of %s is not what was sent", d.From, e.Seq, e.Player)
			}
		}
	}
}

// logsNumbers compares the payloads of all replicas, members or not: a number
// means the same payload even in a log that does not count any more.
func logsNumbers(r *run, f *findings) {
	type payload struct {
		hash uint64
		from string
	}
	known := map[slot]payload{}
	for _, d := range r.e.Dumps {
		for _, e := range d.actions {
			at := slot{e.Player, e.Seq}
			if k, ok := known[at]; ok && e.Hash != 0 && k.hash != e.Hash {
				f.say("seq %d of %s has one payload in %s and another in %s", e.Seq, e.Player, k.from, d.From)
			} else if e.Hash != 0 {
				known[at] = payload{e.Hash, d.From}
			}
		}
	}
}
