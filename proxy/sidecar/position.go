package sidecar

// Position says where a region stands at this sidecar: for status pages, and for
// checks from outside.
type Position struct {
	Incarnation string
	Promised    uint64 // the highest epoch heard of
	Epoch       uint64 // the last one of ours, 0: none
	Leading     bool   // our log is the region's
	Serving     bool   // and the game has the region
	Barred      bool   // it may be in the in-sync set for a log that it has no more
	Base        uint64 // records up to here were trimmed
	Commit      uint64 // records up to here are durable
	End         uint64 // the last record
	Chain       uint64 // hash over the records up to At
	At          uint64
}

// Position returns where a region stands, with the hash over its log up to at, or
// to Commit if that is 0. It is false between two incarnations, and when the log
// does not have at.
func (s *Sidecar) Position(name string, at uint64) (Position, bool) {
	l := s.life.Load()
	if l == nil {
		return Position{}, false
	}
	r := l.region(name)
	if r == nil {
		return Position{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := Position{
		Incarnation: l.id, Promised: r.promised, Epoch: r.epoch, Leading: r.leading, Serving: r.serving, Barred: r.barred,
		Base: r.base(), Commit: r.commit, End: r.end(), At: at,
	}
	if at == 0 {
		p.At = p.Commit
	}
	if p.At < p.Base || p.At > p.End {
		return p, false
	}
	p.Chain = r.records.ChainAt(p.At)
	return p, true
}
