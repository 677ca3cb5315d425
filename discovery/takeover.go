package discovery

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	consul "github.com/hashicorp/consul/api"
)

// Grant is what a take-over won: the region, until the session falls or a
// higher epoch exists.
type Grant struct {
	Epoch      uint64
	LockModify uint64 // ModifyIndex of the lock key

	// The in-sync set that the take-over was checked against, for ChangeInSync.
	InSync        []string
	InSyncKnown   bool
	InSyncVersion SetVersion
}

// TakeOver makes session the holder of region's lock, and h, completed with
// session and epoch, the lock's value. It reads the keys consistently and then
// does all of this in one transaction, or nothing:
//
//	lock <region>/lock with session
//	cas  <region>/epoch to the highest epoch that the keys or floor tell of, plus 1
//	check that <region>/insync is as it was read
//
// floor is the highest epoch that the caller has heard of anywhere, so that a
// Consul that was restored or wiped cannot run the epoch backwards.
//
// Errors: HeldError (ErrHeld) if another session holds the lock; ErrNotInSync if
// a set is published and h.Incarnation is not in it; ErrSession if Consul does
// not know session; ErrRaced if keys changed meanwhile; ErrUnavailable, after
// which the outcome is unknown and TakeOver may be repeated; AccessError.
func (c *Client) TakeOver(ctx context.Context, region, session string, h Holder, floor uint64) (Grant, error) {
	if err := checkNames(region, h.Incarnation); err != nil {
		return Grant{}, err
	}
	k := c.keys(region)
	now, err := c.readNow(ctx, "take over "+region, k)
	if err != nil {
		return Grant{}, err
	}
	if len(now.odd) > 0 {
		c.log.Warn("odd keys in consul", "region", region, "what", oddities(now.odd))
	}
	if now.session != "" && now.session != session {
		return Grant{}, &HeldError{Region: region, Holder: now.holder}
	}
	if now.inSyncKnown && !slices.Contains(now.inSync, h.Incarnation) {
		return Grant{}, fmt.Errorf("%w: region %s has %v, not %s", ErrNotInSync, region, now.inSync, h.Incarnation)
	}
	last := max(now.epoch, floor)
	if last >= maxEpoch {
		return Grant{}, fmt.Errorf("%w: region %s is at %d", ErrEpoch, region, last)
	}
	h.Session, h.Epoch = session, last+1
	return c.take(ctx, region, k, h, now)
}

// take is the transaction of TakeOver.
func (c *Client) take(ctx context.Context, region string, k keys, h Holder, now regionState) (Grant, error) {
	value, err := json.Marshal(h)
	if err != nil {
		return Grant{}, fmt.Errorf("discovery: holder: %w", err)
	}
	guard := consul.KVTxnOp{Verb: consul.KVCheckNotExists, Key: k.inSync}
	if now.inSyncKnown {
		guard = consul.KVTxnOp{Verb: consul.KVCheckIndex, Key: k.inSync, Index: uint64(now.inSyncIndex)}
	}
	o := op{"take over " + region, c.keyRight(k, "write")}
	res, err := c.transact(ctx, o, consul.TxnOps{
		kv(consul.KVTxnOp{Verb: consul.KVLock, Key: k.lock, Value: value, Session: h.Session}),
		kv(consul.KVTxnOp{
			Verb: consul.KVCAS, Key: k.epoch, Index: now.epochIndex,
			Value: strconv.AppendUint(nil, h.Epoch, 10),
		}),
		kv(guard),
	})
	if err != nil {
		return Grant{}, err
	}
	if len(res.Errors) > 0 {
		return Grant{}, c.takeRefused(o, region, h.Session, res.Errors)
	}
	return Grant{
		Epoch: h.Epoch, LockModify: modified(res, k.lock),
		InSync: now.inSync, InSyncKnown: now.inSyncKnown, InSyncVersion: now.inSyncIndex,
	}, nil
}

// takeRefused translates the rollback of a take-over, whose operations are
// lock, epoch, set. When several failed, the lock's reason is the one to tell.
func (c *Client) takeRefused(o op, region, session string, errs consul.TxnErrors) error {
	why, err := c.txnReasons(o, errs)
	if err != nil {
		return err
	}
	switch lock := why[0]; {
	case strings.Contains(lock, "lock is already held"):
		return &HeldError{Region: region}
	case strings.Contains(lock, "lock delay"):
		return &HeldError{Region: region, Delay: true}
	case strings.Contains(lock, "session"):
		return fmt.Errorf("%w: %s", ErrSession, session)
	case lock != "":
		return fmt.Errorf("discovery: take over %s: %s", region, lock)
	}
	return fmt.Errorf("%w: take over %s: %s", ErrRaced, region, why)
}

// Release gives region's lock up, for a planned hand-over: it is free at once
// and the session lives on. ErrDeposed if session does not hold it.
func (c *Client) Release(ctx context.Context, region, session string) error {
	if err := CheckName(region); err != nil {
		return fmt.Errorf("discovery: region: %w", err)
	}
	k := c.keys(region)
	o := op{"release " + region, c.keyRight(k, "write")}
	res, err := c.transact(ctx, o, consul.TxnOps{
		kv(consul.KVTxnOp{Verb: consul.KVUnlock, Key: k.lock, Session: session}),
	})
	if err != nil || len(res.Errors) == 0 {
		return err
	}
	if _, err := c.txnReasons(o, res.Errors); err != nil {
		return err
	}
	return fmt.Errorf("%w: session %s does not hold %s", ErrDeposed, session, region)
}

// DestroySession ends the session with that ID, and frees its locks: a
// witness's act. IDs are unique, so it cannot hurt whoever came next. A session
// that is gone already is no error.
func (c *Client) DestroySession(ctx context.Context, id string) error {
	if id == "" {
		return fmt.Errorf("%w: its ID is empty", ErrSession)
	}
	return c.call(ctx, op{"destroy session", sessionRight}, func(ctx context.Context) error {
		_, err := c.calls.Session().Destroy(id, (&consul.WriteOptions{}).WithContext(ctx))
		return err
	})
}

// sessionRight is needed on the node whose session it is.
const sessionRight = `session_prefix "" { policy = "write" }, or that of the one node`

func checkNames(region, incarnation string) error {
	if err := CheckName(region); err != nil {
		return fmt.Errorf("discovery: region: %w", err)
	}
	if err := CheckName(incarnation); err != nil {
		return fmt.Errorf("discovery: incarnation: %w", err)
	}
	return nil
}
