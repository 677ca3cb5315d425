package history

import "slices"

// checkRolls: a roll that a player was told may differ neither from one told
// later nor from the game's final state. Without output commit only an answer
// that came when its action was durable is final.
func checkRolls(r *run, f *findings) {
	told := false
	for _, p := range r.h.Players {
		final := map[uint64]uint64{}
		for _, roll := range r.e.Rolls[p.Name] {
			final[roll.N] = roll.Value
		}
		for i := range p.Ops {
			o := &p.Ops[i]
			var before uint64
			for _, a := range o.replies() {
				told = told || a.Roll != 0
				if !r.final(o, a) {
					continue
				}
				if before != 0 && a.Roll != before {
					f.say("%s: action %d threw %d, and later %d", p.Name, o.N, before, a.Roll)
				}
				before = a.Roll
				if r.e.Rolls != nil && a.Roll != final[o.N] {
					f.say("%s: action %d threw %d, but the game says %d", p.Name, o.N, a.Roll, final[o.N])
				}
			}
		}
	}
	if r.e.Rolls == nil && !told {
		f.lacks("the game threw nothing")
	}
}

// final tells whether an answer may not be taken back.
func (r *run) final(o *Op, a Reply) bool {
	return r.setup.Strict || o.Durable != 0 && o.Durable <= a.At
}

// checkAnswers: answers are to actions that the client knows, and the same
// action is answered in the same way.
func checkAnswers(r *run, f *findings) {
	for _, p := range r.h.Players {
		for _, s := range p.Strays {
			f.say("%s: an answer to action %d, which it never sent", p.Name, s.N)
		}
		for i := range p.Ops {
			o := &p.Ops[i]
			if o.Replied != 0 && o.Replied < o.Call {
				f.say("%s: the answer to action %d came before the action", p.Name, o.N)
			}
			for _, a := range o.Again {
				if r.final(o, o.Reply) && (a.Applied != o.Reply.Applied || a.Result != o.Reply.Result) {
					f.say("%s: action %d was answered with result %d and count %d, then with %d and %d",
						p.Name, o.N, o.Reply.Result, o.Reply.Applied, a.Result, a.Applied)
				}
			}
		}
	}
}

// checkConnection: where only servers fail, no player loses its connection.
func checkConnection(r *run, f *findings) {
	if r.setup.Roaming {
		f.lacks("players were meant to lose their connections")
		return
	}
	for _, p := range r.h.Players {
		for _, news := range p.News {
			if news.What == Lost {
				f.say("%s: lost its connection: %s", p.Name, news.Code)
			}
		}
	}
}

// checkRefused is promise 27.
func checkRefused(r *run, f *findings) {
	told := map[slot]bool{}
	for _, p := range r.h.Players {
		for _, news := range p.News {
			if news.What == Refused {
				told[slot{p.Name, news.Seq}] = true
				r.refusal(p, news, f)
			}
		}
	}
	for _, ev := range r.e.eventsOf(eventQuarantined) {
		if n := ev.Number("attempts"); n > maxDeaths {
			f.say("%d servers died of seq %d of %s", n, ev.Number("seq"), ev.Text("player"))
		}
		if o := r.quarantined(ev); o != nil && !told[slot{o.Player, o.Seq}] && !r.players[o.Player].told(Left) {
			f.say("%s: action %d was refused, but nobody told the client", o.Player, o.N)
		}
	}
}

// refusal judges one that a client was told of.
func (r *run) refusal(p *Player, news Record, f *findings) {
	o := p.bySeq(news.Seq)
	if o == nil {
		f.say("%s: seq %d was refused, but never sent", p.Name, news.Seq)
		return
	}
	switch {
	case !r.setup.Poison:
		f.say("%s: action %d was refused: %s", p.Name, o.N, news.Code)
	case news.Code == "":
		f.say("%s: action %d was refused without a reason", p.Name, o.N)
	}
	if j := r.accounts[p.Name]; j.Has(o.N) || o.Replied != 0 {
		f.say("%s: action %d was refused, but had an effect", p.Name, o.N)
	}
}

// maxDeaths is how many servers a poison action may kill.
const maxDeaths = 2

// checkSettled is promise 28. Being refused is an end, too, and so is leaving.
func checkSettled(r *run, f *findings) {
	healed, within := r.e.healed(), int64(r.setup.Within)
	for _, p := range r.h.Players {
		for i := range p.Ops {
			o := &p.Ops[i]
			from := max(o.Call, healed)
			switch {
			case r.wasRefused(o):
			case o.Durable == 0 && p.told(Left):
			case o.Durable == 0:
				f.say("%s: action %d is not durable at the end", p.Name, o.N)
			case o.Durable > from+within:
				f.say("%s: action %d became durable only %d ms after the last fault", p.Name, o.N, (o.Durable-from)/1e6)
			}
		}
		if i := slices.IndexFunc(p.News, func(n Record) bool { return n.What == Ended }); i >= 0 {
			f.say("%s: the session ended: %s", p.Name, p.News[i].Code)
		}
	}
}
