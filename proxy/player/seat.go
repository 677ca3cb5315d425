package player

import (
	"github.com/reseat-proxy/reseat/buffer/fault"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// This file holds what an edge's word does to the log.

// heard keeps the highest epoch. Only the reader calls it.
func (c *Client) heard(epoch uint64) {
	if epoch > c.epoch.Load() {
		c.epoch.Store(epoch)
	}
}

func (c *Client) tail() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Tail()
}

// durable forgets the actions up to seq, and tells whether that is news. An
// edge may know of actions that this connection has not sent again yet: they
// came to it, or to the primary, by an earlier one.
func (c *Client) durable(seq uint64) (news bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if seq > c.log.Tail() {
		return false, broken(wire.CodeAckAhead, "durable up to %d, the last action is %d", seq, c.log.Tail())
	}
	if seq <= c.log.Acked() {
		return false, nil
	}
	c.wakeAct()
	return true, c.forget(seq)
}

// seat takes an edge's welcome; it returns the durable mark before. An edge
// welcomes when all that the primary has of this player is durable, so the log
// begins there: what is kept after it will be sent, again or for the first time.
func (c *Client) seat(w wire.Welcome) (before uint64, err error) {
	switch {
	case w.Version != wire.Version:
		return 0, broken(wire.CodeVersion, "version %d, this client speaks %d", w.Version, wire.Version)
	case w.Actions == 0 || w.ActionBytes == 0:
		return 0, broken(wire.CodeProtocol, "a welcome without room for actions")
	case w.Epoch < c.epoch.Load():
		return 0, errBehind // and no loss, if it knows of less than was durable
	}
	c.heard(w.Epoch)
	c.mu.Lock()
	defer c.mu.Unlock()
	before = c.log.Acked()
	if w.Durable < before {
		return 0, &ByeError{
			Code: wire.CodeLost, Text: "the region is back without actions that were durable",
			First: w.Durable + 1, Last: before,
		}
	}
	if err := c.forget(min(w.Durable, c.log.Tail())); err != nil {
		return 0, err
	}
	if fault.Bug(fault.ClientReusesSeq) && c.forget(c.log.Tail()) == nil {
		_ = c.log.Reset(w.Durable)
	}
	if w.Durable > c.log.Tail() { // an earlier life of this player used more seqs than we know of
		if err := c.log.Reset(w.Durable); err != nil {
			return 0, err
		}
	}
	if err := c.log.Rewind(w.Durable); err != nil {
		return 0, err
	}
	c.most = int(min(w.Actions, uint64(limits.Actions)))
	c.longest = int(min(w.ActionBytes, uint64(limits.ActionBytes)))
	c.token = append(c.token[:0], w.Token...)
	c.seated = true
	c.wakeAct()
	return before, nil
}

// forget drops the actions up to seq, which is at most the tail. Those that
// were not sent on this connection count as sent. The caller holds mu.
func (c *Client) forget(seq uint64) error {
	if seq > c.log.Sent() {
		if err := c.log.Rewind(seq); err != nil {
			return err
		}
	}
	return c.log.Ack(seq)
}
