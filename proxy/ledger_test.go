package proxy_test

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/reseat-proxy/reseat/proxy/game"
)

// ledger is a world that counts each player's actions and answers each with
// the count: a lost, doubled or reordered action shows in the answer.
type ledger struct {
	mu     sync.Mutex
	counts map[string]uint64
}

func (l *ledger) Apply(out *game.Out, a game.Action) {
	l.mu.Lock()
	l.counts[a.Player]++
	n := l.counts[a.Player]
	l.mu.Unlock()
	out.Send(a.Player, fmt.Appendf(nil, "%d", n))
	out.BroadcastUnreliable([]byte("tick"))
	if string(a.Payload) == "shout" {
		out.Broadcast(make([]byte, 8<<10))
	}
}

// tickLedger is the same game in ticks.
type tickLedger struct{ *ledger }

func (l tickLedger) Tick(out *game.Out, actions []game.Action) {
	for _, a := range actions {
		l.Apply(out, a)
	}
}

func (l *ledger) Snapshot(dst []byte) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, n := range l.counts {
		dst = binary.AppendUvarint(dst, uint64(len(p)))
		dst = append(dst, p...)
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

func (l *ledger) Restore(state []byte) error {
	for len(state) > 0 {
		n, k := binary.Uvarint(state)
		p := string(state[k : k+int(n)])
		state = state[k+int(n):]
		c, k := binary.Uvarint(state)
		state = state[k:]
		l.counts[p] = c
	}
	return nil
}
