package history

// Replicas against each other at the end.

// checkLogEpochs is promise 10 as far as logs show it.
func checkLogEpochs(r *run, f *findings) {
	logs := 0
	for _, d := range r.e.members() {
		logs += len(d.Log)
		for i, e := range d.Log {
			if i > 0 && e.Epoch < d.Log[i-1].Epoch {
				f.say("%s: took index %d of epoch %d after one of epoch %d", d.From, e.Index, e.Epoch, d.Log[i-1].Epoch)
			}
			if e.Epoch > d.Epoch {
				f.say("%s: took index %d of epoch %d, but has promised only %d", d.From, e.Index, e.Epoch, d.Epoch)
			}
		}
	}
	if logs == 0 {
		f.lacks("no logs were dumped")
	}
}

// checkMembers is promise 14 at the end: the set that could take over now.
func checkMembers(r *run, f *findings) {
	members := 0
	for _, d := range r.e.members() {
		if d.Primary {
			continue
		}
		members++
		for _, p := range r.h.Players {
			if have, mark := d.row(p.Name).Have, p.mark(); have < mark {
				f.say("%s is in sync, but has only %d of %s, of which %d is durable", d.From, have, p.Name, mark)
			}
		}
	}
	if members == 0 {
		f.lacks("no dump of a backup in sync")
	}
}

// checkChains is promise 17, of any two members.
func checkChains(r *run, f *findings) {
	members, compared := r.e.members(), false
	for i, a := range members {
		for _, b := range members[:i] {
			for _, e := range a.Log {
				o := b.entry(e.Index)
				if o == nil || e.Index > min(a.Commit, b.Commit) {
					continue
				}
				compared = true
				if e.Chain != o.Chain {
					f.say("the logs of %s and %s part at index %d", b.From, a.From, e.Index)
					break
				}
			}
		}
	}
	if !compared {
		f.lacks("no two logs have anything in common")
	}
}

// checkStates is promise 18: the game's state and all rows.
func checkStates(r *run, f *findings) {
	primary := r.e.primary()
	members := r.e.members()
	if primary == nil || len(members) < 2 {
		f.lacks("no dumps of a primary and a backup in sync")
		return
	}
	for _, d := range members {
		if d.Primary {
			continue
		}
		if d.StateHash != 0 && primary.StateHash != 0 && d.StateHash != primary.StateHash {
			f.say("%s has another state than the primary", d.From)
		}
		if d.End != primary.End {
			f.say("%s has the log up to %d, the primary up to %d", d.From, d.End, primary.End)
		}
		for _, row := range primary.Rows {
			if own := d.row(row.Player); own.Have != row.Have || own.Applied != row.Applied {
				f.say("%s has %d of %s and has applied %d, the primary %d and %d",
					d.From, own.Have, row.Player, own.Applied, row.Have, row.Applied)
			}
		}
	}
}

// checkAttach is promise 20: in the log of a member, no action came under a
// lower attach number than one before it.
func checkAttach(r *run, f *findings) {
	if len(r.e.members()) == 0 {
		f.lacks("no dumps")
	}
	for _, d := range r.e.members() {
		highest := map[string]uint64{}
		for _, e := range d.Log {
			if e.Attach != 0 && e.Attach < highest[e.Player] {
				f.say("%s: seq %d of %s came under attach number %d, after %d", d.From, e.Seq, e.Player, e.Attach, highest[e.Player])
			}
			highest[e.Player] = max(highest[e.Player], e.Attach)
		}
		for player, number := range highest {
			if row := d.row(player); row.Attach < number {
				f.say("%s: the row of %s says attach number %d, the log has %d", d.From, player, row.Attach, number)
			}
		}
	}
}
