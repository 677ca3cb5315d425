package discovery

import (
	"context"
	"encoding/json"
	"fmt"

	consul "github.com/hashicorp/consul/api"
)

// InSync is a published in-sync set.
type InSync struct {
	Members []string // sorted incarnations
	Version SetVersion
	Known   bool // false: none is published
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
	return InSync{Members: now.inSync, Version: now.inSyncIndex, Known: now.inSyncKnown}, nil
}

// ChangeInSync replaces region's in-sync set of version from (0: none is
// published) by the incarnations to, as long as session holds the region's lock.
// An empty set is one: nobody may take over then. It returns the new version.
//
// Errors: ErrDeposed if session does not hold the lock; ErrRaced if the set is
// not of version from; ErrUnavailable, after which the outcome is unknown;
// AccessError.
func (c *Client) ChangeInSync(ctx context.Context, region, session string, from SetVersion, to []string) (SetVersion, error) {
	if err := CheckName(region); err != nil {
		return 0, fmt.Errorf("discovery: region: %w", err)
	}
	if session == "" { // check-session would take a free lock for ours
		return 0, fmt.Errorf("%w: no session", ErrDeposed)
	}
	if err := checkSet(to); err != nil {
		return 0, err
	}
	value, err := json.Marshal(append([]string{}, sortedSet(to)...)) // [] and not null
	if err != nil {
		return 0, fmt.Errorf("discovery: in-sync set: %w", err)
	}
	k := c.keys(region)
	o := op{"change in-sync set of " + region, c.keyRight(k, "write")}
	res, err := c.transact(ctx, o, consul.TxnOps{
		kv(consul.KVTxnOp{Verb: consul.KVCheckSession, Key: k.lock, Session: session}),
		kv(consul.KVTxnOp{Verb: consul.KVCAS, Key: k.inSync, Index: uint64(from), Value: value}),
	})
	if err != nil {
		return 0, err
	}
	if len(res.Errors) > 0 {
		return 0, c.changeRefused(o, session, res.Errors)
	}
	return SetVersion(modified(res, k.inSync)), nil
}

// changeRefused translates the rollback of a change, whose operations are
// session, set.
func (c *Client) changeRefused(o op, session string, errs consul.TxnErrors) error {
	why, err := c.txnReasons(o, errs)
	if err != nil {
		return err
	}
	if reason, ok := why[0]; ok {
		return fmt.Errorf("%w: session %s: %s", ErrDeposed, session, reason)
	}
	return fmt.Errorf("%w: %s: %s", ErrRaced, o.name, why)
}
