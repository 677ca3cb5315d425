package discovery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	consul "github.com/hashicorp/consul/api"
)

// readNow reads a region's keys as one consistent cut. It is a transaction and
// not a listing because a listing leaves out, without a word, what the token may
// not read; a transaction then has fewer results than operations.
func (c *Client) readNow(ctx context.Context, what string, k keys) (regionState, error) {
	o := op{what + ": read keys", keyRight(k.dir, "read")}
	ops := consul.TxnOps{
		kv(consul.KVTxnOp{Verb: consul.KVGetOrEmpty, Key: k.lock}),
		kv(consul.KVTxnOp{Verb: consul.KVGetOrEmpty, Key: k.epoch}),
		kv(consul.KVTxnOp{Verb: consul.KVGetOrEmpty, Key: k.inSync}),
	}
	res, err := c.transact(ctx, o, ops)
	if err != nil {
		return regionState{}, err
	}
	if len(res.Errors) > 0 {
		why, err := c.txnReasons(o, res.Errors)
		if err != nil {
			return regionState{}, err
		}
		return regionState{}, fmt.Errorf("discovery: %s: %s", o.name, why)
	}
	if len(res.Results) != len(ops) {
		return regionState{}, c.fault(KindAccess, &AccessError{Op: o.name, Right: o.right, Silent: true})
	}
	var pairs consul.KVPairs
	for i, r := range res.Results {
		if r == nil || r.KV == nil || r.KV.Key != ops[i].KV.Key {
			return regionState{}, c.garbled(o)
		}
		pairs = append(pairs, r.KV)
	}
	return readRegion(k, pairs), nil
}

// transact runs ops. A transaction that was rolled back is no error here; the
// reasons are in the answer, for txnReasons.
func (c *Client) transact(ctx context.Context, o op, ops consul.TxnOps) (*consul.TxnResponse, error) {
	var res *consul.TxnResponse
	x, err := c.exchange(ctx, o, func(ctx context.Context) (err error) {
		q := (&consul.QueryOptions{RequireConsistent: true}).WithContext(ctx)
		_, res, _, err = c.calls.Txn().Txn(ops, q)
		return err
	})
	if err != nil {
		return nil, err
	}
	if x.status == http.StatusConflict && len(res.Errors) == 0 || x.status == http.StatusOK && res.Results == nil {
		return nil, c.garbled(o) // an empty list is another thing: see readNow
	}
	return res, nil
}

// modified is the index of a key after a transaction, 0 if the answer has none:
// a token that may write a key may read it too, and so see it in the answer.
func modified(res *consul.TxnResponse, key string) uint64 {
	for _, r := range slices.Backward(res.Results) {
		if r != nil && r.KV != nil && r.KV.Key == key {
			return r.KV.ModifyIndex
		}
	}
	return 0
}

func kv(o consul.KVTxnOp) *consul.TxnOp { return &consul.TxnOp{KV: &o} }

// garbled is for an answer that can be read but lacks what it must have.
func (c *Client) garbled(o op) error {
	return c.fault(KindGarbled, &UnavailableError{Op: o.name, Kind: KindGarbled, Err: errIncomplete})
}

var errIncomplete = errors.New("incomplete answer")

// complete returns errIncomplete for a list that Consul does not write: it has no
// holes, and an empty one is [] and not null.
func complete[T any](list []*T) error {
	if list == nil || slices.Contains(list, nil) {
		return errIncomplete
	}
	return nil
}

// reasons why a transaction was rolled back, by operation.
type reasons map[int]string

func (r reasons) String() string {
	return strings.Join(slices.Sorted(maps.Values(r)), "; ")
}

// txnReasons returns the reasons, or an AccessError if one of them is a missing right.
func (c *Client) txnReasons(o op, errs consul.TxnErrors) (reasons, error) {
	why := make(reasons, len(errs))
	for _, e := range errs {
		if e == nil {
			continue
		}
		if strings.Contains(e.What, "Permission denied") {
			return nil, c.fault(KindAccess, &AccessError{Op: o.name, Right: o.right, Detail: e.What})
		}
		why[e.OpIndex] = e.What
	}
	return why, nil
}

// keyRight is the ACL rule that the keys below dir need.
func keyRight(dir, policy string) string {
	return `key_prefix "` + dir + `" { policy = "` + policy + `" }`
}
