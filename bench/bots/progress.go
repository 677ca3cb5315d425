package bots

import "slices"

// Progress is where the crowd is now.
type Progress struct {
	Players int    `json:"players"`
	Sent    uint64 `json:"sent"`    // actions
	Durable uint64 `json:"durable"` // actions
	Ended   int    `json:"ended"`   // players whose session is over
	Moves

	Regions map[string]Comeback `json:"regions"` // by name
}

// Comeback is how many of a region play on after the open fault.
type Comeback struct {
	Players int   `json:"players"`
	Back    int   `json:"back"`
	BackAt  int64 `json:"back_at"` // when the last of them could
}

// Whole tells whether all play on.
func (c Comeback) Whole() bool { return c.Back == c.Players }

// Progress looks at all bots.
func (c *Crowd) Progress() Progress {
	fault := c.fault()
	p := Progress{Players: len(c.bots), Moves: Moves{On: map[string]int{}}, Regions: map[string]Comeback{}}
	for _, b := range c.bots {
		b.progress(&p, fault)
	}
	return p
}

// fault is when the open window began; 0 if there is none.
func (c *Crowd) fault() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.open(); w != nil {
		return w.From
	}
	return 0
}

// progress adds this bot to p.
func (b *bot) progress(p *Progress, fault int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.Sent += b.ledger.Sent
	p.Durable += uint64(b.settled)
	b.moves(&p.Moves, fault)
	if b.ended() {
		p.Ended++
	}
	r := p.Regions[b.crew.region]
	r.Players++
	if back := b.back(fault); back > 0 {
		r.Back++
		r.BackAt = max(r.BackAt, back)
	}
	p.Regions[b.crew.region] = r
}

// back is when the bot could play on after a fault: it has heard of a new
// primary, and all that it had wanted to do until then is durable; or else
// something is that it wanted to do after the fault. 0: not yet, or there is no
// fault. mu is held.
func (b *bot) back(fault int64) (at int64) {
	if fault == 0 {
		return 0
	}
	seated := b.seated()
	for _, a := range slices.Backward(b.samples) {
		switch {
		case seated > fault && a.Intended <= seated:
			if a.Durable == 0 {
				return at
			}
			return max(seated, a.Durable)
		case a.Intended < fault:
			return at
		case a.Durable != 0:
			at = a.Durable
		}
	}
	if seated > fault && at == 0 {
		return seated // it has not wanted anything yet
	}
	return at
}

// seated is when the client was told last that another primary serves; 0: never. mu
// is held.
func (b *bot) seated() int64 {
	if len(b.seats) == 0 {
		return 0
	}
	return b.seats[len(b.seats)-1]
}
