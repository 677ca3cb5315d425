package discovery

import (
	"context"
	"encoding/json"
	"fmt"

	consul "github.com/hashicorp/consul/api"
)

// InSync is what is published about who has every durable action of a region.
//
// Known is false when nothing is: the region is cold. No backup holds state, a
// take-over restores from the snapshots that the edges keep, and any candidate
// may do it. Known with Members: only they may take over; the primary is one of
// them itself. Known without Members, also when the key cannot be read: nobody
// may, until a person forces it (ForceOpen).
type InSync struct {
	Members []string // sorted incarnations
	Version SetVersion
	Known   bool
}

// InSync reads region's in-sync set consistently.
func (c *Client) InSync(ctx context.Context, region string) (InSync, error) {
	if err := CheckName(region); err != nil {
		return InSync{}, fmt.Errorf("discovery: region: %w", err)
	}
	now, err := c.readNow(ctx, "in-sync set of "+region, c.keys(region))
	if err != nil {
		return InSync{}, err
	}
	return now.set(), nil
}

func (s regionState) set() InSync {
	return InSync{Members: s.inSync, Version: s.inSyncIndex, Known: s.inSyncKnown}
}

// ChangeInSync replaces region's in-sync set of version from (0: none is
// published) by the incarnations to, as long as session holds the region's lock.
// They are at most 64, and the primary belongs to them. An empty set is one:
// nobody may take over then. It returns the new version.
//
// Errors: ErrDeposed if session does not hold the lock; ErrRaced if the set is
// not of version from; ErrUnavailable, after which the outcome is unknown;
// AccessError.
func (c *Client) ChangeInSync(ctx context.Context, region, session string, from SetVersion, to []string) (SetVersion, error) {
	if err := checkSet(to); err != nil {
		return 0, err
	}
	return c.changeSet(ctx, "change", region, session, consul.KVTxnOp{
		Verb: consul.KVCAS, Index: uint64(from), Value: writeSet(to),
	})
}

// ClearInSync makes region cold: it deletes the in-sync set of version from, as
// long as session holds the region's lock. From then on anybody may take over
// with a snapshot from the edges, so call it when that has become as good as a
// backup: when they hold one that covers all that was promised.
//
// A set that is gone already is no error, whatever from is, so that it may be
// repeated when the outcome is unknown. Errors are those of ChangeInSync.
func (c *Client) ClearInSync(ctx context.Context, region, session string, from SetVersion) error {
	_, err := c.changeSet(ctx, "clear", region, session, consul.KVTxnOp{Verb: consul.KVDeleteCAS, Index: uint64(from)})
	return err
}

// changeSet changes region's in-sync set as the holder of its lock.
func (c *Client) changeSet(ctx context.Context, what, region, session string, change consul.KVTxnOp) (SetVersion, error) {
	if err := CheckName(region); err != nil {
		return 0, fmt.Errorf("discovery: region: %w", err)
	}
	k := c.keys(region)
	change.Key = k.inSync
	return c.asHolder(ctx, op{what + " in-sync set of " + region, keyRight(k.dir, "write")}, k.lock, session, change)
}

// asHolder makes a change in one transaction with the check that session holds
// lock. It returns the version of what was changed.
func (c *Client) asHolder(ctx context.Context, o op, lock, session string, change consul.KVTxnOp) (SetVersion, error) {
	if session == "" { // check-session would take a free lock for ours
		return 0, fmt.Errorf("%w: no session", ErrDeposed)
	}
	res, err := c.transact(ctx, o, consul.TxnOps{
		kv(consul.KVTxnOp{Verb: consul.KVCheckSession, Key: lock, Session: session}), kv(change),
	})
	if err != nil {
		return 0, err
	}
	if len(res.Errors) == 0 {
		return SetVersion(modified(res, change.Key)), nil
	}
	why, err := c.txnReasons(o, res.Errors)
	if err != nil {
		return 0, err
	}
	if reason, ok := why[0]; ok {
		return 0, fmt.Errorf("%w: session %s: %s", ErrDeposed, session, reason)
	}
	return 0, fmt.Errorf("%w: %s: %s", ErrRaced, o.name, why)
}

// ForceOpen is what a person does when nobody who is alive may take region over:
// it deletes the in-sync set, so that anybody may, and durable actions that only
// its members had are lost. It does so only while the lock is free, in one
// transaction with the check that it has stayed so, and returns what the set was.
// A region without a set is open already, which is no error.
//
// Errors: HeldError (ErrHeld) if somebody holds the lock; ErrRaced if keys
// changed meanwhile, to be looked at before it is tried again; ErrUnavailable,
// after which the outcome is unknown and ForceOpen may be repeated; AccessError.
func (c *Client) ForceOpen(ctx context.Context, region string) (InSync, error) {
	if err := CheckName(region); err != nil {
		return InSync{}, fmt.Errorf("discovery: region: %w", err)
	}
	k := c.keys(region)
	o := op{"force open " + region, keyRight(k.dir, "write")}
	now, err := c.readNow(ctx, o.name, k)
	if err != nil {
		return InSync{}, err
	}
	if now.session != "" {
		return InSync{}, &HeldError{Region: region, Holder: now.holder}
	}
	if !now.inSyncKnown {
		return InSync{}, nil
	}
	free := consul.KVTxnOp{Verb: consul.KVCheckIndex, Key: k.lock, Index: now.lockIndex}
	if now.lockIndex == 0 {
		free = consul.KVTxnOp{Verb: consul.KVCheckNotExists, Key: k.lock}
	}
	res, err := c.transact(ctx, o, consul.TxnOps{
		kv(free),
		kv(consul.KVTxnOp{Verb: consul.KVDeleteCAS, Key: k.inSync, Index: uint64(now.inSyncIndex)}),
	})
	if err != nil {
		return InSync{}, err
	}
	if len(res.Errors) > 0 {
		why, err := c.txnReasons(o, res.Errors)
		if err != nil {
			return InSync{}, err
		}
		return InSync{}, fmt.Errorf("%w: %s: %s", ErrRaced, o.name, why)
	}
	c.log.Warn("in-sync set deleted by force: anybody may take over",
		"region", region, "was", now.inSync, "version", uint64(now.inSyncIndex))
	return now.set(), nil
}

// writeSet is the value of the in-sync key for members.
func writeSet(members []string) []byte {
	value, _ := json.Marshal(append([]string{}, sortedSet(members)...)) // [] and not null; strings always marshal
	return value
}
