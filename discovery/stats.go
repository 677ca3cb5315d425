package discovery

import "sync/atomic"

// Kind is a kind of failed call, as counted in Stats and told by UnavailableError.
type Kind uint8

// The kinds of failed calls.
const (
	KindNetwork Kind = iota // no connection, or it broke
	KindTimeout             // no answer in time
	KindServer              // a 5xx answer, "No cluster leader" above all
	KindLimit               // 429: too many requests or connections
	KindGarbled             // an empty, cut-off or unreadable answer
	KindAccess              // 403, or an answer with things left out
	KindOther               // an answer that this package does not expect
	kinds
)

// String is the kind's name, as used in logs and as metric label.
func (k Kind) String() string {
	return [...]string{"network", "timeout", "server", "limit", "garbled", "access", "other", "unknown"}[min(k, kinds)]
}

// Stats is a snapshot of a Client's counters.
type Stats struct {
	Watches  int64             // watches that run now
	Blocking int64             // blocking queries that are open now; each holds a connection
	Calls    uint64            // calls made, blocking queries included
	Resets   uint64            // times that a watch forgot its index because Consul's went down
	Errors   map[string]uint64 // failed calls by kind; every kind is present
}

// counters are the live values behind Stats.
type counters struct {
	watches, blocking atomic.Int64
	calls, resets     atomic.Uint64
	errors            [kinds]atomic.Uint64
}

func (c *counters) snapshot() Stats {
	s := Stats{
		Watches:  c.watches.Load(),
		Blocking: c.blocking.Load(),
		Calls:    c.calls.Load(),
		Resets:   c.resets.Load(),
		Errors:   make(map[string]uint64, kinds),
	}
	for k := range kinds {
		s.Errors[k.String()] = c.errors[k].Load()
	}
	return s
}
