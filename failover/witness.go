package failover

import "time"

// word is what a witness said of a session, and when.
type word struct {
	session string
	reason  Reason
	at      time.Time
}

// witness weighs what observers say. Two independent ones, within
// Timing.Witness, about the session that holds the lock now, are evidence.
func (c *Candidate) witness(now time.Time, ev Witness) []CandidateCommand {
	s := ev.Suspicion
	c.words[ev.From] = word{session: s.Session, reason: s.Reason, at: now}
	h := c.view.Primary
	if c.state != Standby || c.view.Stale || h == nil || h.Session != s.Session || h.Session == c.session {
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
	c.destroyed = append(c.destroyed, now)
	clear(c.words)
	return []CandidateCommand{DestroySession{s}}
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
