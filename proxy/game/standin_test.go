package game_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// standIn plays a sidecar for an example: it hosts one region, sends actions
// ("player what"), prints so many updates, then a snapshot, and goes away. It
// returns the address that it listens on.
func standIn(updates int, actions ...string) (address string) {
	dir, err := os.MkdirTemp("", "game")
	must(err)
	ln, err := new(net.ListenConfig).Listen(context.Background(), "unix", filepath.Join(dir, "sidecar"))
	must(err)
	go func() {
		defer os.RemoveAll(dir)
		defer ln.Close()
		conn, err := ln.Accept()
		must(err)
		defer conn.Close()
		s := greet(conn)
		s.host(1, "town", 0, nil)
		names := s.play(actions)
		for range updates {
			u := expect[wire.Emit](s)
			fmt.Printf("to %s: %s\n", names[u.Handle], u.Payload)
		}
		index, state := s.cut()
		fmt.Printf("snapshot of %d actions: %s\n", index, state)
	}()
	return "unix:" + ln.Addr().String()
}

// play sends actions, each player's first one after a join, and returns the
// names of the handles.
func (s *sidecar) play(actions []string) map[uint64]string {
	handles, names := map[string]uint64{}, map[uint64]string{0: "all"}
	seqs := map[string]uint64{}
	for i, action := range actions {
		player, what, _ := strings.Cut(action, " ")
		if handles[player] == 0 {
			h := uint64(len(handles) + 1)
			handles[player], names[h] = h, player
			s.send(wire.Join{ID: 1, Handle: h, Here: true, Player: player})
		}
		seqs[player]++
		s.send(wire.Do{
			ID: 1, Index: uint64(i + 1), Handle: handles[player],
			Seq: seqs[player], Payload: []byte(what),
		})
	}
	return names
}
