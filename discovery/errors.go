package discovery

import (
	"errors"
	"fmt"
)

// Errors of this package, for errors.Is. Those that carry more are wrapped in a
// type of their own: AccessError, HeldError, UnavailableError.
var (
	// ErrUnavailable: Consul did not answer, or not in a way that decides
	// anything (no leader, too many requests, a cut-off body). A write may
	// nevertheless have happened.
	ErrUnavailable = errors.New("discovery: consul is unavailable")
	// ErrAccess: Consul refuses, or silently hides, what this token asks for.
	ErrAccess = errors.New("discovery: consul refuses access")
	// ErrHeld: another session holds the region's lock.
	ErrHeld = errors.New("discovery: the lock is held")
	// ErrSession: the session is not, or no longer, known to Consul.
	ErrSession = errors.New("discovery: no such session")
	// ErrSessionLost: Consul says for certain that the registration's session is gone.
	ErrSessionLost = errors.New("discovery: the session is lost")
	// ErrNotInSync: an in-sync set is published and the candidate is not in it.
	ErrNotInSync = errors.New("discovery: not in the in-sync set")
	// ErrRaced: someone else changed a key between the read and the transaction.
	ErrRaced = errors.New("discovery: another change came first")
	// ErrDeposed: the session does not hold the lock (any more), of the region or of
	// the controller.
	ErrDeposed = errors.New("discovery: deposed")
	// ErrName: a name that cannot be part of a key.
	ErrName = errors.New("discovery: bad name")
	// ErrEpoch: no epoch is left above the floor.
	ErrEpoch = errors.New("discovery: epochs are used up")
	// ErrTooManyWatches: one more watch would take connections that others need.
	ErrTooManyWatches = errors.New("discovery: too many watches")
)

// AccessError tells which right the token lacks. It is an ErrAccess.
type AccessError struct {
	Op     string // what was tried
	Right  string // the rule to add to the token's policy
	Silent bool   // Consul did not refuse but left things out of its answer
	Detail string // Consul's own words, may be empty
}

func (e *AccessError) Error() string {
	how := "was refused"
	if e.Silent {
		how = "was answered with things left out"
	}
	s := fmt.Sprintf("discovery: %s %s by consul: the token needs %s", e.Op, how, e.Right)
	if e.Detail != "" {
		s += " (" + e.Detail + ")"
	}
	return s
}

// Is makes every AccessError an ErrAccess.
func (e *AccessError) Is(target error) bool { return target == ErrAccess }

// HeldError tells who holds the lock. It is an ErrHeld.
type HeldError struct {
	Region string
	Holder Holder // what is known: zero if it won the race a moment ago
	Delay  bool   // nobody holds it, but a lock delay of an earlier holder runs
}

func (e *HeldError) Error() string {
	switch {
	case e.Delay:
		return fmt.Sprintf("discovery: the lock of region %s is in its lock delay", e.Region)
	case e.Holder.Incarnation == "":
		return fmt.Sprintf("discovery: the lock of region %s is held by another", e.Region)
	}
	return fmt.Sprintf("discovery: the lock of region %s is held by %s in epoch %d",
		e.Region, e.Holder.Incarnation, e.Holder.Epoch)
}

// Is makes every HeldError an ErrHeld.
func (e *HeldError) Is(target error) bool { return target == ErrHeld }

// UnavailableError tells why Consul gave no usable answer. It is an ErrUnavailable.
type UnavailableError struct {
	Op   string // what was tried
	Kind Kind   // what went wrong
	Err  error  // the cause
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("discovery: %s: consul is unavailable (%s): %v", e.Op, e.Kind, e.Err)
}

// Is makes every UnavailableError an ErrUnavailable.
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }
