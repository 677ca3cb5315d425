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
	return listen(func(s *sidecar) {
		s.host(1, "town", 0, nil)
		names := s.play(actions)
		s.printUpdates(updates, names)
		s.printSnapshot()
	})
}

// degradedStandIn tells at which level the mesh works, hosts a region, prints so many
// updates, and goes away.
func degradedStandIn(mode wire.Mode, updates int) (address string) {
	return listen(func(s *sidecar) {
		s.send(mode)
		s.host(1, "town", 0, nil)
		s.printUpdates(updates, map[uint64]string{0: "all"})
	})
}

// borderStandIn hosts two regions, sends actions to the first, in which the last of
// them lets a player go, prints the updates and what he takes along, gives him to the
// second, prints its update and a snapshot of the first, and goes away.
func borderStandIn(from, to string, actions ...string) (address string) {
	return listen(func(s *sidecar) {
		s.host(1, from, 0, nil)
		s.host(2, to, 0, nil)
		names := s.play(actions)
		s.printUpdates(len(actions)-1, names)
		left := expect[wire.Transfer](s)
		fmt.Printf("%s goes to %s with %s\n", left.Player, left.Region, left.Payload)
		s.send(
			wire.Join{ID: 2, Handle: 1, Player: left.Player},
			wire.Arrive{ID: 2, Index: 1, Handle: 1, Payload: left.Payload},
		)
		s.printUpdates(1, names)
		s.printSnapshot()
	})
}

// standbyStandIn hosts a standby, sends outcomes, prints a snapshot, promotes
// the standby, lets ann in, prints an update, and goes away.
func standbyStandIn(outcomes ...string) (address string) {
	return listen(func(s *sidecar) {
		s.send(wire.Host{ID: 1, New: true, Standby: true, Region: "town"})
		expect[wire.Hosted](s)
		for i, delta := range outcomes {
			n := uint64(i + 1)
			s.send(wire.Outcome{ID: 1, From: n, To: n, Payload: []byte(delta)})
		}
		s.printSnapshot()
		s.send(wire.Promote{ID: 1, Epoch: 2})
		expect[wire.Hosted](s)
		fmt.Println("promoted")
		s.send(wire.Join{ID: 1, Handle: 1, Here: true, Player: "ann"})
		s.printUpdates(1, map[uint64]string{1: "ann"})
	})
}

// listen plays a sidecar for one game.
func listen(play func(s *sidecar)) (address string) {
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
		play(greet(conn))
	}()
	return "unix:" + ln.Addr().String()
}

func (s *sidecar) printUpdates(count int, names map[uint64]string) {
	for range count {
		u := expect[wire.Emit](s)
		fmt.Printf("to %s: %s\n", names[u.Handle], u.Payload)
	}
}

func (s *sidecar) printSnapshot() {
	index, state := s.cut()
	fmt.Printf("snapshot of %d actions: %s\n", index, state)
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
