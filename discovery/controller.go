package discovery

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	consul "github.com/hashicorp/consul/api"
)

// LeadMesh makes session the holder of the controller's lock, and who, completed
// with session, the lock's value, in one transaction. It returns false if another
// session holds it, and may be repeated by who holds it already. The lock is free
// when the session falls, and after ResignMesh.
//
// Errors: ErrSession if Consul does not know session; ErrUnavailable, after which
// the outcome is unknown; AccessError.
func (c *Client) LeadMesh(ctx context.Context, session string, who Controller) (won bool, err error) {
	who.Session = session
	if err := who.validate(); err != nil {
		return false, err
	}
	if session == "" {
		return false, fmt.Errorf("%w: its ID is empty", ErrSession)
	}
	value, err := write("controller", who)
	if err != nil {
		return false, err
	}
	o := c.meshOp("lead the mesh")
	res, err := c.transact(ctx, o, consul.TxnOps{
		kv(consul.KVTxnOp{Verb: consul.KVLock, Key: c.meshKey(controllerKey), Value: value, Session: session}),
	})
	if err != nil || len(res.Errors) == 0 {
		return err == nil, err
	}
	why, err := c.txnReasons(o, res.Errors)
	switch {
	case err != nil:
		return false, err
	case strings.Contains(why[0], "lock is already held"), strings.Contains(why[0], "lock delay"):
		return false, nil
	case strings.Contains(why[0], "session"):
		return false, fmt.Errorf("%w: %s", ErrSession, session)
	}
	return false, fmt.Errorf("discovery: %s: %s", o.name, why)
}

// ResignMesh gives the controller's lock up, and leaves no value in it.
// ErrDeposed if session does not hold it.
func (c *Client) ResignMesh(ctx context.Context, session string) error {
	if session == "" {
		return fmt.Errorf("%w: no session", ErrDeposed)
	}
	o := c.meshOp("resign from the mesh")
	res, err := c.transact(ctx, o, consul.TxnOps{
		kv(consul.KVTxnOp{Verb: consul.KVUnlock, Key: c.meshKey(controllerKey), Session: session}),
	})
	if err != nil || len(res.Errors) == 0 {
		return err
	}
	if _, err := c.txnReasons(o, res.Errors); err != nil {
		return err
	}
	return fmt.Errorf("%w: session %s is not the controller's", ErrDeposed, session)
}

// PutSeats replaces region's seats of version s.Version (0: there are none) by s,
// as long as session holds the controller's lock. It returns the new version.
//
// Errors: ErrDeposed if session does not hold the lock; ErrRaced if the seats are
// of another version; ErrUnavailable, after which the outcome is unknown;
// AccessError; ErrName and others for seats that would not be read.
func (c *Client) PutSeats(ctx context.Context, session, region string, s Seats) (SetVersion, error) {
	if err := CheckName(region); err != nil {
		return 0, fmt.Errorf("discovery: region: %w", err)
	}
	if err := s.validate(); err != nil {
		return 0, err
	}
	s.Servers = append([]string{}, sortedSet(s.Servers)...) // [] and not null
	return c.asController(ctx, "put seats of "+region, session, seatsDir+region, s.Version, s)
}

// DropSeats deletes region's seats of version from, as long as session holds the
// controller's lock. Seats that are gone already are no error, whatever from is.
// Errors are those of PutSeats.
func (c *Client) DropSeats(ctx context.Context, session, region string, from SetVersion) error {
	if err := CheckName(region); err != nil {
		return fmt.Errorf("discovery: region: %w", err)
	}
	_, err := c.asHolder(ctx, c.meshOp("drop seats of "+region), c.meshKey(controllerKey), session, consul.KVTxnOp{
		Verb: consul.KVDeleteCAS, Key: c.meshKey(seatsDir + region), Index: uint64(from),
	})
	return err
}

// PutMeshState replaces the state of the mesh of version from (0: there is none)
// by s, as long as session holds the controller's lock. It returns the new
// version. Errors are those of PutSeats.
func (c *Client) PutMeshState(ctx context.Context, session string, s MeshState, from SetVersion) (SetVersion, error) {
	if err := s.validate(); err != nil {
		return 0, err
	}
	return c.asController(ctx, "put the state of the mesh", session, stateKey, from, s)
}

// asController writes a key of the mesh as the holder of the controller's lock.
func (c *Client) asController(ctx context.Context, what, session, key string, from SetVersion, v any) (SetVersion, error) {
	value, err := write(key, v)
	if err != nil {
		return 0, err
	}
	return c.asHolder(ctx, c.meshOp(what), c.meshKey(controllerKey), session, consul.KVTxnOp{
		Verb: consul.KVCAS, Key: c.meshKey(key), Index: uint64(from), Value: value,
	})
}

// SetDrain says that the server of that incarnation is to be emptied. It needs no
// session and replaces what was said before.
func (c *Client) SetDrain(ctx context.Context, incarnation string, d Drain) error {
	if err := d.validate(); err != nil {
		return err
	}
	value, err := write("drain", d)
	if err != nil {
		return err
	}
	return c.mark(ctx, "drain ", drainDir, incarnation, consul.KVTxnOp{Verb: consul.KVSet, Value: value})
}

// ClearDrain takes it back. That nobody had said so is no error. A sidecar that ends
// leaves its own, so that its end is seen to be planned; the controller clears those
// that are left over (Mesh.Leftovers).
func (c *Client) ClearDrain(ctx context.Context, incarnation string) error {
	return c.mark(ctx, "do not drain ", drainDir, incarnation, consul.KVTxnOp{Verb: consul.KVDelete})
}

// SetStrike asks the server of that incarnation to do harm to itself, if it allows
// that, or takes it back (nil). It is for tests.
func (c *Client) SetStrike(ctx context.Context, incarnation string, s *Strike) error {
	if s == nil {
		return c.mark(ctx, "spare ", strikeDir, incarnation, consul.KVTxnOp{Verb: consul.KVDelete})
	}
	if err := s.validate(); err != nil {
		return err
	}
	value, err := write("strike", s)
	if err != nil {
		return err
	}
	return c.mark(ctx, "strike ", strikeDir, incarnation, consul.KVTxnOp{Verb: consul.KVSet, Value: value})
}

// mark changes a key that says something of one server.
func (c *Client) mark(ctx context.Context, what, dir, incarnation string, change consul.KVTxnOp) error {
	if err := CheckName(incarnation); err != nil {
		return fmt.Errorf("discovery: incarnation: %w", err)
	}
	change.Key = c.meshKey(dir + incarnation)
	o := op{what + incarnation, keyRight(c.meshKey(dir), "write")}
	res, err := c.transact(ctx, o, consul.TxnOps{kv(change)})
	if err != nil || len(res.Errors) == 0 {
		return err
	}
	why, err := c.txnReasons(o, res.Errors)
	if err != nil {
		return err
	}
	return fmt.Errorf("discovery: %s: %s", o.name, why)
}

func (c *Client) meshOp(name string) op { return op{name, keyRight(c.meshFolder(), "write")} }

// write is the JSON of a value that is not too long to be read.
func write(what string, v any) ([]byte, error) {
	value, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("discovery: %s: %w", what, err)
	}
	if len(value) > maxNote {
		return nil, fmt.Errorf("discovery: %s: %d bytes are more than %d", what, len(value), maxNote)
	}
	return value, nil
}
