package history

import "slices"

// mutation breaks a promise in a run that keeps all of them. apply is false if
// the run has nothing to break in this way.
type mutation struct {
	what   string
	breaks string // the promise whose check must tell
	apply  func(tp *tape, pick func(int) int) bool
}

// one calls change with one of the records that fit.
func one(fits func(*Record) bool, change func(*tape, int)) func(*tape, func(int) int) bool {
	return func(tp *tape, pick func(int) int) bool {
		var at []int
		for i := range tp.records {
			if fits(&tp.records[i]) {
				at = append(at, i)
			}
		}
		if len(at) == 0 {
			return false
		}
		change(tp, at[pick(len(at))])
		return true
	}
}

func is(what What) func(*Record) bool { return func(r *Record) bool { return r.What == what } }

// add puts a record to the end of a player's history.
func (tp *tape) add(like Record, change func(*Record)) {
	like.At = tp.e.After.Return + 1
	change(&like)
	tp.records = append(tp.records, like)
}

// carried changes what the game has carried out of one player.
func carried(least int, change func(commands []command, i int) []command) func(*tape, func(int) int) bool {
	return func(tp *tape, pick func(int) int) bool {
		var names []string
		for name, commands := range tp.carried {
			if len(commands) >= least {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			return false
		}
		slices.Sort(names)
		name := names[pick(len(names))]
		commands := slices.Clone(tp.carried[name])
		tp.carried[name] = change(commands, pick(len(commands)-least+1))
		return true
	}
}

// dump changes a backup's dump that has an entry or two.
func dump(change func(d *Dump, i int)) func(*tape, func(int) int) bool {
	return func(tp *tape, pick func(int) int) bool {
		d := &tp.e.Dumps[1]
		if len(d.Log) < 2 {
			return false
		}
		change(d, 1+pick(len(d.Log)-1))
		return true
	}
}

func always(change func(tp *tape)) func(*tape, func(int) int) bool {
	return func(tp *tape, _ func(int) int) bool { change(tp); return true }
}

func (tp *tape) event(name string, attrs map[string]any) {
	tp.e.Events = append(tp.e.Events, event(name, "game-9", tp.e.After.Return+1, attrs))
}

// primaryRow changes a row of the primary.
func primaryRow(change func(*Row)) func(*tape, func(int) int) bool {
	return func(tp *tape, _ func(int) int) bool {
		for i := range tp.e.Dumps[0].Rows {
			if row := &tp.e.Dumps[0].Rows[i]; row.Have > 0 {
				change(row)
				return true
			}
		}
		return false
	}
}

var mutations = []mutation{
	{"the last durable action is lost", "1", func(tp *tape, pick func(int) int) bool {
		for name, commands := range tp.carried {
			last := commands[len(commands)-1].n
			covered := func(r Record) bool { return r.What == Durable && r.Player == name && r.Seq >= last }
			if slices.ContainsFunc(tp.records, covered) {
				tp.carried[name] = commands[:len(commands)-1]
				return true
			}
		}
		return false
	}},
	{"the primary lacks what is durable", "1", func(tp *tape, _ func(int) int) bool {
		i := slices.IndexFunc(tp.records, func(r Record) bool { return r.What == Durable && r.Seq > 0 })
		if i >= 0 {
			tp.e.Dumps[0].Rows = nil
		}
		return i >= 0
	}},
	{"applied twice at once", "2", carried(1, func(c []command, i int) []command { return slices.Insert(c, i, c[i]) })},
	{"applied again at the end", "2", carried(1, func(c []command, i int) []command { return append(c, c[i]) })},
	{"twice in a log", "2", dump(func(d *Dump, i int) { d.Log[i].Player, d.Log[i].Seq = d.Log[i-1].Player, d.Log[i-1].Seq })},
	{"neighbors swapped", "3", carried(2, func(c []command, i int) []command { c[i], c[i+1] = c[i+1], c[i]; return c })},
	{"a gap", "3", carried(2, func(c []command, i int) []command { return slices.Delete(c, i, i+1) })},
	{"a gap in a log", "3", dump(func(d *Dump, i int) { d.Log = slices.Delete(d.Log, i-1, i); d.Log[i-1].Seq += 2 })},
	{"an entry at the wrong index", "3", dump(func(d *Dump, i int) { d.Log[i].Index += 3 })},
	{"an action that nobody sent", "4", carried(1, func(c []command, i int) []command { return append(c, command{1 << 40, nil}) })},
	{"a player that nobody knows", "4", always(func(tp *tape) { tp.carried["zoe"] = []command{{1, nil}} })},
	{"a payload altered in a log", "4", dump(func(d *Dump, i int) { d.Log[i].Hash++ })},
	{"malformed", "4", always(func(tp *tape) { tp.e.After.Books.Malformed = 1 })},
	{"a number for two payloads", "5", dump(func(d *Dump, i int) { d.Log[i].Hash++ })},
	{"a client uses a number again", "5", one(
		func(r *Record) bool { return r.What == Act && r.N > 1 }, func(tp *tape, i int) { tp.records[i].Seq-- },
	)},
	{"the mark fell", "6", one(
		func(r *Record) bool { return r.What == Durable && r.Seq > 0 },
		func(tp *tape, i int) { tp.add(tp.records[i], func(r *Record) { r.Seq-- }) },
	)},
	{"a mark above what was sent", "7", one(is(Durable), func(tp *tape, i int) { tp.records[i].Seq = 1 << 40 })},
	{"a row above what was sent", "7", primaryRow(func(r *Row) { r.Have = 1 << 40 })},
	{"an epoch began without what was durable", "8", one(
		func(r *Record) bool { return r.What == Durable && r.Seq > 0 },
		func(tp *tape, i int) {
			tp.add(tp.records[i], func(r *Record) { r.What, r.Seq = Reseated, r.Seq-1 })
		},
	)},
	{"two primaries in one epoch", "9", always(func(tp *tape) {
		tp.event(eventElected, map[string]any{"epoch": tp.e.Dumps[0].Epoch, "incarnation": "other"})
	})},
	{"a lower epoch taken", "9", always(func(tp *tape) {
		tp.event(eventElected, map[string]any{"epoch": 0, "incarnation": "other"})
	})},
	{"a second primary in the dumps", "9", always(func(tp *tape) { tp.e.Dumps[1].Primary = true })},
	{"an old epoch accepted", "10", dump(func(d *Dump, i int) { d.Log[i].Epoch = 0 })},
	{"an epoch above the promise accepted", "10", dump(func(d *Dump, i int) { d.Epoch = 0 })},
	{"a client hears an old epoch", "11", one(
		func(r *Record) bool { return r.Epoch > 1 },
		func(tp *tape, i int) { tp.add(tp.records[i], func(r *Record) { r.What, r.Epoch = Durable, r.Epoch-1 }) },
	)},
	{"durable with nobody in sync", "12", func(tp *tape, pick func(int) int) bool {
		for i := range tp.e.Events {
			if ev := &tp.e.Events[i]; ev.Name == eventInSync {
				*ev = event(eventInSync, ev.From, ev.At.UnixNano(), map[string]any{"members": []string{}})
			}
		}
		return one(func(r *Record) bool { return r.What == Act && r.Call > simStart+20e6 },
			func(tp *tape, i int) { tp.add(tp.records[i], func(r *Record) { r.What = Durable }) })(tp, pick)
	}},
	{"output after the end", "13", func(tp *tape, pick func(int) int) bool {
		if len(tp.e.Faults) == 0 {
			return false
		}
		return one(is(Act), func(tp *tape, i int) {
			tp.add(tp.records[i], func(r *Record) { r.What, r.Epoch, r.At = Durable, 1, r.At+11e9 })
		})(tp, pick)
	}},
	{"a member lacks what is durable", "14", func(tp *tape, _ func(int) int) bool {
		tp.e.Dumps[1].Rows = nil
		return slices.ContainsFunc(tp.records, func(r Record) bool { return r.What == Durable && r.Seq > 0 })
	}},
	{"a takeover by a stranger", "15", always(func(tp *tape) {
		tp.event(eventElected, map[string]any{"epoch": 1 << 40, "incarnation": "stranger"})
	})},
	{"an incarnation used again", "16", always(func(tp *tape) { tp.event(eventJoined, map[string]any{"incarnation": "inc-1"}) })},
	{"a takeover by the dead", "16", always(func(tp *tape) {
		tp.event(eventDown, map[string]any{"incarnation": "inc-1"})
		tp.event(eventElected, map[string]any{"epoch": 1 << 40, "incarnation": "inc-1"})
	})},
	{"logs part", "17", dump(func(d *Dump, i int) { d.Log[i].Chain++ })},
	{"another state", "18", always(func(tp *tape) { tp.e.Dumps[1].StateHash++ })},
	{"a member is behind", "18", always(func(tp *tape) { tp.e.Dumps[1].End++ })},
	{"an old attachment had an effect", "20", dump(func(d *Dump, i int) {
		d.Log[0].Attach = 1 << 40
		d.Log = append(d.Log, d.Log[0])
		d.Log[len(d.Log)-1].Attach = 1
	})},
	{"an edge kept too many", "21", always(func(tp *tape) { tp.e.Counters[counterKept] = simKept + 1 })},
	{"a client kept too many", "21", one(
		func(r *Record) bool { return r.What == Act && r.N > simKept },
		func(tp *tape, i int) { tp.records[i].Call, tp.records[i].At = simStart, simStart+1 },
	)},
	{"a client forgot", "22", func(tp *tape, pick func(int) int) bool {
		return one(is(Unsaved), func(tp *tape, i int) {
			tp.add(tp.records[i], func(r *Record) { r.What, r.N, r.Seq = Act, 1<<40, 1<<40 })
		})(tp, pick)
	}},
	{"the row is behind the state", "23", func(tp *tape, pick func(int) int) bool {
		tp.e.Dumps[0].Rows = nil
		return len(tp.carried) > 0
	}},
	{"the row is ahead of the state", "23", carried(1, func(c []command, i int) []command { return nil })},
	{"gold made", "24", always(func(tp *tape) { tp.e.After.Books.Gold++ })},
	{"an answer forgets what was durable", "25", one(
		func(r *Record) bool { return r.What == Answer && r.Applied > 1 },
		func(tp *tape, i int) {
			answer := tp.records[i]
			tp.records[i].Applied-- // all before it were durable in time, unless this says so
			for j := range tp.records {
				if r := &tp.records[j]; r.What == Act && r.Player == answer.Player && r.N == answer.N {
					r.Call, r.At = tp.e.After.Return, tp.e.After.Return
				}
			}
			tp.records[i].At = tp.e.After.Return + 1
			tp.add(answer, func(r *Record) { r.What, r.Seq, r.At = Durable, r.N-1, tp.e.After.Return-1 })
		},
	)},
	{"an answer counts one too many", "26", one(is(Answer), func(tp *tape, i int) {
		answer := tp.records[i]
		for j := range tp.records {
			if r := &tp.records[j]; r.What == Answer && r.Player == answer.Player && r.N == answer.N {
				r.Applied++
			}
		}
	})},
	{"the books count one too many", "26", carried(1, func(c []command, i int) []command { return append(c, c[i]) })},
	{"all is there, but altered", "26", func(tp *tape, pick func(int) int) bool {
		if len(tp.e.eventsOf(eventQuarantined)) > 0 {
			return false // hashes can be compared only when all is there
		}
		return carried(1, func(c []command, i int) []command { c[i].payload = []byte("other"); return c })(tp, pick)
	}},
	{"a refused action had an effect", "27", one(is(Answer), func(tp *tape, i int) {
		tp.add(tp.records[i], func(r *Record) { r.What, r.Seq, r.Code = Refused, r.N, "quarantined" })
	})},
	{"three deaths", "27", always(func(tp *tape) { tp.event(eventQuarantined, map[string]any{"attempts": 3}) })},
	{"refused, and nobody was told", "27", one(is(Refused), func(tp *tape, _ int) {
		tp.records = slices.DeleteFunc(tp.records, func(r Record) bool { return r.What == Refused || r.What == Left })
	})},
	{"refused without poison", "27", one(is(Refused), func(tp *tape, _ int) { tp.setup.Poison = false })},
	{"never durable", "28", one(is(Unsaved), func(tp *tape, i int) {
		tp.add(tp.records[i], func(r *Record) { r.What, r.N, r.Seq = Act, 1<<40, 1<<40 })
	})},
	{"durable too late", "28", one(is(Unsaved), func(tp *tape, i int) {
		tp.add(tp.records[i], func(r *Record) { r.What, r.N, r.Seq = Act, 1<<40, 1<<40 })
		tp.add(tp.records[i], func(r *Record) { r.What, r.Seq, r.At = Durable, 1<<40, r.At+60e9 })
	})},
	{"a session ended", "28", one(is(Connected), func(tp *tape, i int) { tp.add(tp.records[i], func(r *Record) { r.What = Ended }) })},
	{"a takeover without a fault", "29", always(func(tp *tape) {
		tp.e.Faults = nil
		tp.event(eventElected, map[string]any{"epoch": 1 << 40, "incarnation": "inc-1"})
	})},
	{"a roll thrown again", "rolls", one(is(Answer), func(tp *tape, i int) { tp.add(tp.records[i], func(r *Record) { r.Roll++ }) })},
	{"a roll that the game does not know", "rolls", one(is(Answer), func(tp *tape, _ int) { tp.e.Rolls = map[string][]Roll{} })},
	{"an answer to nothing", "answers", one(is(Connected), func(tp *tape, i int) {
		tp.add(tp.records[i], func(r *Record) { r.What, r.N = Answer, 1<<40 })
	})},
	{"another answer", "answers", one(is(Answer), func(tp *tape, i int) { tp.add(tp.records[i], func(r *Record) { r.Result++ }) })},
	{"a disconnect", "connection", one(is(Lost), func(tp *tape, _ int) { tp.setup.Roaming = false })},
}
