package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	consul "github.com/hashicorp/consul/api"

	"github.com/reseat-proxy/reseat/buffer/fault"
)

// Grant is what a take-over won: the region, until the session falls or a
// higher epoch exists.
type Grant struct {
	Epoch      uint64
	LockModify uint64 // ModifyIndex of the lock key
	Yielded    bool   // the holder before it gave the lock up in good order (see Release)

	// The in-sync set as it is after the take-over, for ChangeInSync: the one that
	// the candidate was in, less the holder before it unless that gave the lock up in
	// good order. Unknown means that the region is cold (see InSync).
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
//	check that <region>/insync is as it was read, delete it, and set it, less the
//	     holder before, so that it has a new version
//	     or check that it is still not there
//
// The holder before is the incarnation in the lock's value, if it is another one:
// who was deposed comes back as a new incarnation and never counts as the old
// one, and one that stayed in the set would hold up every durable action until
// the new primary had taken it out in a transaction of its own. The same
// incarnation may take over again with another session, and stays in the set; so
// does one that gave the lock up in good order, which has all that the candidate has
// and goes on as its backup: a planned move is nobody's loss.
//
// floor is the highest epoch that the caller has heard of anywhere, so that a
// Consul that was restored or wiped cannot run the epoch backwards.
//
// Errors: HeldError (ErrHeld) if another session holds the lock; ErrNotInSync if
// a set is published and h.Incarnation is not in it, whoever it was that held the
// lock before; ErrSession if Consul does
// not know session; ErrRaced if keys changed meanwhile; ErrUnavailable, after
// which the outcome is unknown and TakeOver may be repeated; AccessError.
func (c *Client) TakeOver(ctx context.Context, region, session string, h Holder, floor uint64) (Grant, error) {
	if err := checkNames(region, h.Incarnation); err != nil {
		return Grant{}, err
	}
	now, err := c.readNow(ctx, "take over "+region, c.keys(region))
	if err != nil {
		return Grant{}, err
	}
	if len(now.odd) > 0 {
		c.log.Warn("odd keys in consul", "region", region, "what", oddities(now.odd))
	}
	return c.takeOver(ctx, region, session, h, floor, now)
}

// TakeOverFrom is TakeOver without the read: the transaction is made of what v says,
// and checks that Consul says the same. If it does not, or if v says too little, it
// reads after all. The lock may be free for all that v knows; yielded is the word of
// its holder that he gives it up in good order.
func (c *Client) TakeOverFrom(ctx context.Context, v View, yielded bool, session string, h Holder, floor uint64) (Grant, error) {
	now, known := v.state(yielded)
	if !known || fault.Bug(fault.LockIndexAsEpoch) || checkNames(v.Region, h.Incarnation) != nil {
		return c.TakeOver(ctx, v.Region, session, h, floor)
	}
	grant, err := c.takeOver(ctx, v.Region, session, h, floor, now)
	if errors.Is(err, ErrRaced) || errors.Is(err, ErrNotInSync) { // it is not as we knew it any more
		return c.TakeOver(ctx, v.Region, session, h, floor)
	}
	return grant, err
}

// takeOver decides by what the keys said, and takes the lock if they still do.
func (c *Client) takeOver(ctx context.Context, region, session string, h Holder, floor uint64, now regionState) (Grant, error) {
	if now.session != "" && now.session != session {
		return Grant{}, &HeldError{Region: region, Holder: now.holder}
	}
	if now.inSyncKnown && !slices.Contains(now.inSync, h.Incarnation) && !fault.Bug(fault.TakeOverByNonMember) {
		return Grant{}, fmt.Errorf("%w: region %s has %v, not %s", ErrNotInSync, region, now.inSync, h.Incarnation)
	}
	if now.yielded {
		now.last = "" // nobody leaves
	}
	last := max(now.epoch, floor)
	if fault.Bug(fault.LockIndexAsEpoch) {
		last = now.locks
	}
	if last >= maxEpoch {
		return Grant{}, fmt.Errorf("%w: region %s is at %d", ErrEpoch, region, last)
	}
	h.Session, h.Epoch = session, last+1
	return c.take(ctx, region, c.keys(region), h, now, "")
}

// take is the transaction of TakeOver, and with the session of a giver that of
// HandOver.
func (c *Client) take(ctx context.Context, region string, k keys, h Holder, now regionState, giver string) (Grant, error) {
	value, err := writeHolder(h)
	if err != nil {
		return Grant{}, err
	}
	set := []*consul.TxnOp{kv(consul.KVTxnOp{Verb: consul.KVCheckNotExists, Key: k.inSync})}
	members := now.inSync
	if now.inSyncKnown {
		members = without(now.inSync, now.last, h.Incarnation)
		set = renew(k.inSync, now.inSyncIndex, members)
	}
	o := op{"take over " + region, keyRight(k.dir, "write")}
	ops := consul.TxnOps{
		kv(consul.KVTxnOp{Verb: consul.KVLock, Key: k.lock, Value: value, Session: h.Session}),
		kv(consul.KVTxnOp{
			Verb: consul.KVCAS, Key: k.epoch, Index: now.epochIndex,
			Value: strconv.AppendUint(nil, h.Epoch, 10),
		}),
	}
	ops = append(ops, set...)
	if giver != "" { // comes first, and takeRefused knows
		ops = append(consul.TxnOps{kv(consul.KVTxnOp{Verb: consul.KVUnlock, Key: k.lock, Value: value, Session: giver})}, ops...)
	}
	res, err := c.transact(ctx, o, ops)
	if err != nil {
		return Grant{}, err
	}
	if len(res.Errors) > 0 {
		return Grant{}, c.takeRefused(o, region, h.Session, giver, res.Errors)
	}
	return Grant{
		Epoch: h.Epoch, LockModify: modified(res, k.lock), Yielded: now.yielded,
		InSync: members, InSyncKnown: now.inSyncKnown, InSyncVersion: SetVersion(modified(res, k.inSync)),
	}, nil
}

// renew writes a set and gives it a new version, also when nobody leaves: a change that
// an earlier time as primary has sent, and that arrives now, is of another version. To
// write what is there would be no write for Consul, so it is deleted before.
func renew(key string, version SetVersion, members []string) []*consul.TxnOp {
	return []*consul.TxnOp{
		kv(consul.KVTxnOp{Verb: consul.KVCheckIndex, Key: key, Index: uint64(version)}),
		kv(consul.KVTxnOp{Verb: consul.KVDelete, Key: key}),
		kv(consul.KVTxnOp{Verb: consul.KVSet, Key: key, Value: writeSet(members)}),
	}
}

// writeHolder is the lock's value for h.
func writeHolder(h Holder) ([]byte, error) {
	value, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("discovery: holder: %w", err)
	}
	if len(value) > maxHolder {
		return nil, fmt.Errorf("discovery: holder: %d bytes are more than %d", len(value), maxHolder)
	}
	return value, nil
}

// without is set less who leaves it: last, if anybody, unless that is the candidate.
func without(set []string, last, candidate string) []string {
	if last == "" || last == candidate {
		return set
	}
	return slices.DeleteFunc(slices.Clone(set), func(member string) bool { return member == last })
}

// takeRefused translates the rollback of a take-over, whose operations are
// lock, epoch, set, behind the giver's unlock if there is one. When several failed, the
// lock's reason is the one to tell.
func (c *Client) takeRefused(o op, region, session, giver string, errs consul.TxnErrors) error {
	why, err := c.txnReasons(o, errs)
	if err != nil {
		return err
	}
	at := 0
	if giver != "" {
		if why[0] != "" {
			return fmt.Errorf("%w: session %s does not hold %s", ErrDeposed, giver, region)
		}
		at = 1
	}
	switch lock := why[at]; {
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
// and the session lives on. The lock's value stays, as it does when a session
// falls, so that the next TakeOver knows who held it, and says that it was given up
// in good order. ErrDeposed if session does not hold it.
func (c *Client) Release(ctx context.Context, region, session string) error {
	if err := CheckName(region); err != nil {
		return fmt.Errorf("discovery: region: %w", err)
	}
	k := c.keys(region)
	o := op{"release " + region, keyRight(k.dir, "write")}
	now, err := c.readNow(ctx, o.name, k)
	if err != nil {
		return err
	}
	if session == "" || now.session != session {
		return fmt.Errorf("%w: session %s does not hold %s", ErrDeposed, session, region)
	}
	value := now.lockValue
	if now.holder.Incarnation != "" {
		now.holder.Yielded = true
		if value, err = writeHolder(now.holder); err != nil {
			return err
		}
	}
	return c.unlock(ctx, o, region, session, value)
}

// ReleaseFrom is Release without the read, for the holder whom v shows. If that is not
// session, it reads after all.
func (c *Client) ReleaseFrom(ctx context.Context, v View, session string) error {
	if v.Primary == nil || session == "" || v.Primary.Session != session || v.Primary.Incarnation == "" || CheckName(v.Region) != nil {
		return c.Release(ctx, v.Region, session)
	}
	h := *v.Primary
	h.Yielded = true
	value, err := writeHolder(h)
	if err != nil {
		return err
	}
	return c.unlock(ctx, op{"release " + v.Region, keyRight(c.keys(v.Region).dir, "write")}, v.Region, session, value)
}

// HandOver gives the lock of the region that v shows from session, which holds it, to
// the session in heir, for a planned hand-over: one transaction does what ReleaseFrom
// and the heir's TakeOverFrom do, and nobody ever sees the lock free. Floor is as in
// TakeOver. The transaction is made of what v says.
//
// Errors: ErrDeposed if session does not hold the lock; ErrNotInSync if heir is not in
// the in-sync set that v shows, or if there is none; ErrSession if Consul does not know
// the heir's session; ErrRaced if keys have changed since v, or if v says too little:
// release it then; ErrUnavailable, after which the outcome is unknown; AccessError.
func (c *Client) HandOver(ctx context.Context, v View, session string, heir Holder, leaves bool, floor uint64) (Grant, error) {
	if err := checkNames(v.Region, heir.Incarnation); err != nil {
		return Grant{}, err
	}
	now, known := v.state(true)
	switch {
	case v.Primary == nil || session == "" || v.Primary.Session != session:
		return Grant{}, fmt.Errorf("%w: session %s does not hold %s", ErrDeposed, session, v.Region)
	case !known:
		return Grant{}, fmt.Errorf("%w: hand over %s: too little is known of it", ErrRaced, v.Region)
	case !now.inSyncKnown || !slices.Contains(now.inSync, heir.Incarnation):
		return Grant{}, fmt.Errorf("%w: region %s has %v, not %s", ErrNotInSync, v.Region, now.inSync, heir.Incarnation)
	case max(now.epoch, floor) >= maxEpoch:
		return Grant{}, fmt.Errorf("%w: region %s is at %d", ErrEpoch, v.Region, max(now.epoch, floor))
	}
	now.last, heir.Given = "", true
	if leaves {
		now.last = v.Primary.Incarnation
	}
	heir.Epoch = max(now.epoch, floor) + 1
	return c.take(ctx, v.Region, c.keys(v.Region), heir, now, session)
}

// unlock frees a lock that session holds, and leaves a value.
func (c *Client) unlock(ctx context.Context, o op, region, session string, value []byte) error {
	k := c.keys(region)
	res, err := c.transact(ctx, o, consul.TxnOps{ // an unlock writes the value, too
		kv(consul.KVTxnOp{Verb: consul.KVUnlock, Key: k.lock, Session: session, Value: value}),
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
