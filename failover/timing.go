package failover

import (
	"errors"
	"fmt"
	"time"
)

// Timing holds the durations that the machines decide by. Zero fields take the
// defaults of DefaultTiming.
type Timing struct {
	// Report is how often an edge repeats a suspicion while it stands. It must
	// be shorter than Witness, or reports of two observers never meet.
	Report time.Duration
	// Witness is how long a witness's word counts. Two different words within
	// it are evidence. It must exceed the idle time of a link, because one
	// observer may learn by refusal at once what another learns by silence.
	Witness time.Duration
	// MinEpoch protects a young primary from silence (a restore may keep it
	// busy): before an epoch is that old, silence alone does not depose its
	// holder. Refusals and the holder's own word do.
	MinEpoch time.Duration
	// Window and Limit bound how many sessions one candidate destroys: at most
	// Limit within Window. What lies beyond is left to Consul's own check.
	Window time.Duration
	Limit  int
	// Stagger is the delay between candidates of adjacent rank. It should
	// exceed the time of one transaction, so that the second does not race the
	// first, and is what a take-over costs when the first candidate is dead.
	Stagger time.Duration
	// Retry is the delay before a claim that failed for want of Consul is tried
	// again.
	Retry time.Duration
	// Offers is how long a new primary waits for the offers of its edges, when
	// some of them do not answer.
	Offers time.Duration
	// Grace is how long a new primary waits for a member of the in-sync set whose
	// link does not stand, before it takes it out.
	Grace time.Duration
	// Lag is how long a member may leave a record unacknowledged before it is
	// taken out. Durability waits for as long; it should exceed what the pauses of
	// a healthy process take.
	Lag time.Duration
	// Recoveries is how many regions may be recovering while others of a lower
	// score, that have failed too, wait; MaxWait is how long they wait at the most.
	Recoveries int
	MaxWait    time.Duration
	// Yield is how long a primary that hands over holds actions back, until
	// everything is durable; if that is not enough it goes on serving, and tries again
	// after as long again as a lock stays reserved for the heir.
	Yield time.Duration
	// Heir is by how much later others claim a lock than an heir who is named and
	// there. It should exceed what a busy machine takes to hear that the lock is free:
	// who is faster than the heir has to hand over again.
	Heir time.Duration
	// Reserve is how long a lock that was handed over is left to others before the
	// one that did so takes it back.
	Reserve time.Duration
}

// DefaultTiming suits links with 300 ms idle time and a Consul nearby.
func DefaultTiming() Timing {
	return Timing{
		Report:   100 * time.Millisecond,
		Witness:  time.Second,
		MinEpoch: time.Second,
		Window:   10 * time.Second,
		Limit:    3,
		Stagger:  15 * time.Millisecond,
		Retry:    200 * time.Millisecond,
		Offers:   250 * time.Millisecond,
		Grace:    300 * time.Millisecond,
		Lag:      400 * time.Millisecond,

		Recoveries: 4,
		MaxWait:    500 * time.Millisecond,
		Yield:      250 * time.Millisecond,
		Heir:       100 * time.Millisecond,
		Reserve:    time.Second,
	}
}

// Validate checks the durations against each other.
func (t Timing) Validate() error {
	var errs []error
	for _, d := range []struct {
		name string
		v    time.Duration
	}{
		{"report", t.Report},
		{"witness", t.Witness},
		{"min_epoch", t.MinEpoch},
		{"window", t.Window},
		{"stagger", t.Stagger},
		{"retry", t.Retry},
		{"offers", t.Offers},
		{"grace", t.Grace},
		{"lag", t.Lag},
		{"max_wait", t.MaxWait},
		{"yield", t.Yield},
		{"heir", t.Heir},
		{"reserve", t.Reserve},
	} {
		if d.v <= 0 {
			errs = append(errs, fmt.Errorf("timing %s is %v: it must be positive", d.name, d.v))
		}
	}
	if t.Report >= t.Witness {
		errs = append(errs, fmt.Errorf("timing report (%v) must be shorter than witness (%v), or two reports never meet", t.Report, t.Witness))
	}
	if t.Recoveries < 1 {
		errs = append(errs, fmt.Errorf("timing recoveries is %d: it must be at least 1", t.Recoveries))
	}
	if t.Limit < 1 {
		errs = append(errs, fmt.Errorf("timing limit is %d: it must be at least 1", t.Limit))
	}
	return errors.Join(errs...)
}

// ClaimDelay is how long a candidate of that rank waits before it claims a free lock.
func (t Timing) ClaimDelay(rank int) time.Duration { return time.Duration(rank) * t.Stagger }
