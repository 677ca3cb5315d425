package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/bench/judge"
	"github.com/reseat-proxy/reseat/bench/world"
)

// lagNoted is how late the players' schedule may run before the reader is told.
const lagNoted = 50 * time.Millisecond

// Table draws a report for people, at most 80 columns wide.
func (s *Screen) Table(r Report) {
	s.Line("")
	s.stalls(r)
	s.Line("")
	s.promises(r)
	s.Line("")
	s.closing(r)
}

// stalls is the upper table.
func (s *Screen) stalls(r Report) {
	s.Line("%s", s.paint(bold, fmt.Sprintf("%-10s%8s%11s%10s%10s%10s%12s", "stall", "rounds", "in flight", "p50", "p99", "max", "reply p99")))
	row := func(name, rounds, inFlight string, durable, reply judge.Spread) {
		s.Line("%-10s%8s%11s%10s%10s%10s%12s", name, rounds, inFlight,
			millis(durable.P50), millis(durable.P99), millis(durable.Max), millis(reply.P99))
	}
	for _, f := range r.Faults {
		if f.Durable.N == 0 {
			s.Line("%-10s%8s%11s  %s", f.Fault, grouped(f.Rounds), "0", s.paint(dim, "of those that failed nobody led a region"))
			continue
		}
		row(f.Fault, grouped(f.Rounds), grouped(f.InFlight), f.Durable, f.Reply)
		if f.Others != nil {
			who := "the " + plural(f.Durable.N, "player") + " of the regions that had to move"
			if f.Edge {
				who = "the " + plural(f.Durable.N, "player") + " of that edge, who resumed at another"
			}
			s.Line("%s", s.paint(dim, "  ^ "+who+";"))
			s.Line("%s", s.paint(dim, fmt.Sprintf("    the others waited for %s at most", millis(f.Others.Max))))
		}
	}
	row("no fault", "", "", r.QuietDurable, r.QuietReply)
	s.Line("%s", s.paint(dim, "Stall: each player's longest wait, from the fault until an action is durable;"))
	s.Line("%s", s.paint(dim, "nothing is subtracted. No fault: each action, from intended to durable."))
	if r.Settings.OutputCommit == "none" {
		s.Line("%s", s.paint(dim, "Replies did not wait until their action was durable (output commit none)."))
	}
	if len(r.Alone) > 0 {
		s.Line("%s", s.paint(dim, list(r.Alone)+": one server was left alone, which its players were told;"))
		s.Line("%s", s.paint(dim, "what it had shown last could be rolled again."))
	}
	if n := r.unexplained(); n > 0 {
		s.Line("%s", s.paint(dim, "Players were reseated "+plural(n, "time")+" more than the faults explain."))
	}
	if r.LagMax > lagNoted {
		s.Line("%s", s.paint(dim, fmt.Sprintf("This machine was busy, it woke a player %s late: that is in these figures.", millis(r.LagMax))))
	}
}

// promises is the lower table: what must be 0, and what must not change.
func (s *Screen) promises(r Report) {
	v := r.Verdict
	count := func(name string, n uint64) { s.Line("%-22s%12s", name, grouped(n)) }
	zero := func(name string, n uint64) {
		s.Line("%-22s%12s  %s", name, grouped(n), s.check(n == 0))
	}
	count("actions sent", v.Sent)
	s.Line("%-22s%12s  %s", "durable", grouped(v.Durable), s.check(v.Durable == v.Sent))
	zero("lost", v.Lost+v.Skipped)
	zero("applied twice", v.Doubled)
	zero("out of order", v.Reordered)
	zero("disconnects", r.Dropped())
	if _, edges := r.struck(); edges > 0 {
		s.Line("%-22s%12s  %s  of %s", "resumed elsewhere", grouped(v.Resumes), s.check(v.Resumes == v.Disconnects),
			plural(v.Disconnects-r.Dropped(), "player")+" on dead edges")
	}
	count("rolls seen", v.Rolls)
	if r.Settings.OutputCommit == "none" || len(r.Alone) > 0 {
		count("rolled again", v.Rerolled)
	} else {
		zero("rolled again", v.Rerolled)
	}
	for _, rare := range []struct {
		name string
		n    uint64
	}{
		{"refused", v.Refused},
		{"altered (players)", v.Altered},
		{"invented", v.Invented},
		{"malformed", v.Malformed},
		{"wrong durable marks", v.Fell},
		{"stray answers", v.Strays},
		{"sessions ended", v.Ended},
	} {
		if rare.n > 0 {
			zero(rare.name, rare.n)
		}
	}
	s.Line("%-22s%12s  %s  %s", "gold before", grouped(v.Before.Gold), " ", "items "+itemsOf(v.Before))
	s.Line("%-22s%12s  %s  %s  %s", "gold after", grouped(v.After.Gold),
		s.check(v.Before.Gold == v.After.Gold), "items "+itemsOf(v.After), s.check(v.Before.Items == v.After.Items))
	moved, planned := r.moved()
	s.Line("%-22s%12s  %s", "failovers (epochs)", grouped(r.Epochs), s.check(r.Epochs >= uint64(moved)))
	if planned > 0 {
		count("of them planned", uint64(planned))
	}
	if moved > 0 && !r.Settings.Page {
		s.Line("%-22s%12s  %s", "to a hot backup", grouped(r.Hot), s.check(r.Hot == moved))
	}
}

func itemsOf(t world.Totals) string {
	kinds := make([]string, 0, world.Kinds)
	for _, n := range t.Items {
		kinds = append(kinds, grouped(n))
	}
	return strings.Join(kinds, " + ")
}

func (s *Screen) check(good bool) string {
	if good {
		return s.paint(green, markDone)
	}
	return s.paint(red, markFault)
}

// closing is the last word.
func (s *Screen) closing(r Report) {
	if !r.OK {
		s.Line("%s", s.paint(red, fmt.Sprintf("The promises were not kept, or not put to the test (%s, seed %d):", r.faultNames(), r.Settings.Seed)))
		for _, p := range r.Problems {
			s.Line("  %s", s.paint(red, p))
		}
		return
	}
	servers, edges := r.struck()
	_, planned := r.moved()
	var what []string
	if servers > 0 {
		what = append(what, plural(servers, "game server"))
	}
	fate := "nobody was disconnected"
	if edges > 0 {
		what = append(what, plural(edges, "edge"))
		fate = plural(r.Verdict.Resumes, "player") + " resumed at another edge"
	}
	where := ""
	if n := len(r.Settings.Regions); n > 1 {
		where = " in " + plural(n, "region")
	}
	done := []string{}
	if len(what) > 0 {
		done = append(done, list(what)+" failed")
	}
	if planned > 0 {
		done = append(done, plural(planned, "region")+" moved as planned")
	}
	if len(done) == 0 {
		done = append(done, "nothing failed")
	}
	s.Line("%s", s.paint(green, fmt.Sprintf("%s under %s%s, who made %s:",
		list(done), plural(r.Verdict.Players, "player"), where, plural(r.Trades, "trade"))))
	s.Line("%s", s.paint(green, fate+", nothing was lost and nothing was done twice."))
}
