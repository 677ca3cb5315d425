package failover

import "time"

// word is what a witness said of a session, and when.
type word struct {
	session string
	reason  Reason
	at      time.Time
}

// sentence is what two witnesses have told against a session, and when it is our turn to
// act on it.
type sentence struct {
	Suspicion
	at time.Time
}

// witness weighs what observers say. Two independent ones, within
// Timing.Witness, about the session that holds the lock now, are evidence. Who is to
// claim the lock first acts on it at once, the others in their turn: to end a session that
// is gone is a write for Consul like any other, and comes before the take-over.
func (c *Candidate) witness(now time.Time, ev Witness) []CandidateCommand {
	s := ev.Suspicion
	c.words[ev.From] = word{session: s.Session, reason: s.Reason, at: now}
	h := c.view.Primary
	if c.state != Standby || c.view.Stale || h == nil || h.Session != s.Session || h.Session == c.session || c.sentence.Session == s.Session {
		return nil
	}
	count, refused := 0, false
	for _, w := range c.words {
		if w.session == s.Session && now.Sub(w.at) <= c.timing.Witness {
			count++
			refused = refused || w.reason == ReasonRefused
		}
	}
	if count < 2 || (!refused && now.Sub(c.since) < c.timing.MinEpoch) || !c.mayDestroy(now) {
		return nil
	}
	c.sentence = sentence{s, now.Add(c.timing.ClaimDelay(c.rank()))}
	clear(c.words)
	return c.execute(now)
}

// execute destroys a session when our turn has come, unless another has done it.
func (c *Candidate) execute(now time.Time) []CandidateCommand {
	s, h := c.sentence, c.view.Primary
	switch {
	case s.Session == "":
		return nil
	case c.view.Stale || h == nil || h.Session != s.Session:
		c.sentence = sentence{}
		return nil
	case now.Before(s.at):
		return []CandidateCommand{WakeAt{s.at}}
	}
	c.sentence = sentence{}
	c.destroyed = append(c.destroyed, now)
	return []CandidateCommand{DestroySession{s.Suspicion}}
}

func (c *Candidate) mayDestroy(now time.Time) bool {
	recent := c.destroyed[:0]
	for _, t := range c.destroyed {
		if now.Sub(t) < c.timing.Window {
			recent = append(recent, t)
		}
	}
	c.destroyed = recent
	return len(recent) < c.timing.Limit
}
