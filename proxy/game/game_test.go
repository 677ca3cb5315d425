package game_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// world is a World made of functions; those that are not set do nothing.
type world struct {
	apply    func(out *game.Out, a game.Action)
	snapshot func(dst []byte) []byte
	restore  func(state []byte) error
}

func (w *world) Apply(out *game.Out, a game.Action) {
	if w.apply != nil {
		w.apply(out, a)
	}
}

func (w *world) Snapshot(dst []byte) []byte {
	if w.snapshot == nil {
		return dst
	}
	return w.snapshot(dst)
}

func (w *world) Restore(state []byte) error {
	if w.restore == nil {
		return nil
	}
	return w.restore(state)
}

// diary is a World in tick style that writes down what it is told.
type diary struct {
	world
	lines []string
}

func (d *diary) note(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *diary) Tick(out *game.Out, actions []game.Action) {
	for _, a := range actions {
		d.note("%s does %s", a.Player, a.Payload)
		out.Send(a.Player, a.Payload)
	}
}
func (d *diary) Join(_ *game.Out, player string)  { d.note("%s joins", player) }
func (d *diary) Leave(_ *game.Out, player string) { d.note("%s leaves", player) }
func (d *diary) Snapshot(dst []byte) []byte       { return append(dst, strings.Join(d.lines, ", ")...) }

// run runs a game against a sidecar in a bubble of virtual time. When play
// returns, the sidecar closes the connection; run returns Run's error.
func run(t *testing.T, cfg game.Config, play func(s *sidecar)) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		ended := make(chan struct{})
		cfg.Log = slog.New(slog.DiscardHandler)
		go func() {
			defer close(ended)
			err = game.Serve(context.Background(), theirs, cfg)
		}()
		defer func() { // also when play fails: what is left running hides why
			must(ours.Close())
			<-ended
		}()
		s := greet(ours)
		s.t = t
		play(s)
	})
	return err
}

// of is a Config of one world, whatever the region.
func of(w game.World) game.Config {
	return game.Config{New: func(string) game.World { return w }}
}

func do(index, handle, seq uint64, payload string) wire.Do {
	return wire.Do{ID: 1, Index: index, Handle: handle, Seq: seq, Payload: []byte(payload)}
}

func TestHandlerOrder(t *testing.T) {
	w := &world{apply: func(out *game.Out, a game.Action) {
		out.Send(a.Player, fmt.Appendf(nil, "%s %d %s", a.Player, a.Seq, a.Payload))
		out.BroadcastUnreliable([]byte("all"))
	}}
	err := run(t, of(w), func(s *sidecar) {
		t := s.t
		require.True(t, s.host(1, "town", 100, []byte("state")).OK)
		s.send(wire.Join{ID: 1, Handle: 4, Here: true, Player: "ann"}, wire.Join{ID: 1, Handle: 5, Here: true, Player: "bob"})
		for i := uint64(1); i <= 3000; i += 2 { // more than an inbox takes
			s.send(do(100+i, 4, i, "a"), do(101+i, 5, i, "b"))
		}
		for i := uint64(1); i <= 3000; i++ {
			handle, player, payload := uint64(4), "ann", "a"
			if i%2 == 0 {
				handle, player, payload = 5, "bob", "b"
			}
			want := fmt.Sprintf("%s %d %s", player, (i-1)/2*2+1, payload)
			require.Equal(t, wire.Emit{ID: 1, Handle: handle, After: 100 + i, Reliable: true, Payload: []byte(want)}, expect[wire.Emit](s))
			require.Equal(t, wire.Emit{ID: 1, After: 100 + i, Payload: []byte("all")}, expect[wire.Emit](s))
		}
	})
	require.ErrorIs(t, err, game.ErrSidecarGone)
}

// A snapshot between two ticks does not cover what waits for the second one.
func TestTickCut(t *testing.T) {
	cfg := of(&diary{})
	cfg.Tick = time.Second
	_ = run(t, cfg, func(s *sidecar) {
		t := s.t
		require.True(t, s.host(1, "town", 10, []byte{1}).OK)
		s.send(wire.Join{ID: 1, Handle: 4, Here: true, Player: "ann"}, do(11, 4, 1, "x"), do(12, 4, 2, "y"))
		index, state := s.cut()
		require.Equal(t, uint64(10), index)
		require.Equal(t, "ann joins", string(state))

		time.Sleep(time.Second)
		s.send(do(13, 4, 3, "z"))
		for range 2 {
			require.Equal(t, uint64(12), expect[wire.Emit](s).After, "an update of a tick depends on all of its actions")
		}
		index, state = s.cut()
		require.Equal(t, uint64(12), index)
		require.Equal(t, "ann joins, ann does x, ann does y", string(state))
	})
}

// Payloads that wait for a tick are not those of later actions.
func TestTickPayloads(t *testing.T) {
	cfg := of(&diary{})
	cfg.Tick = time.Second
	_ = run(t, cfg, func(s *sidecar) {
		t := s.t
		s.host(1, "town", 0, nil)
		s.send(wire.Join{ID: 1, Handle: 4, Here: true, Player: "ann"})
		for i, payload := range []string{"a", "b", "c", "d"} {
			s.send(do(uint64(i+1), 4, uint64(i+1), payload))
			synctest.Wait() // so that the region has taken it
		}
		time.Sleep(1500 * time.Millisecond)
		for range 4 {
			expect[wire.Emit](s)
		}
		_, state := s.cut()
		require.Equal(t, "ann joins, ann does a, ann does b, ann does c, ann does d", string(state))
	})
}

func TestTickMembership(t *testing.T) {
	cfg := of(&diary{})
	cfg.Tick = time.Second
	_ = run(t, cfg, func(s *sidecar) {
		t := s.t
		s.host(1, "town", 0, nil)
		s.send(
			wire.Join{ID: 1, Handle: 4, Here: true, Player: "ann"}, wire.Join{ID: 1, Handle: 5, Here: true, Player: "bob"},
			do(1, 4, 1, "x"), do(2, 5, 1, "y"),
			wire.Leave{ID: 1, Handle: 4}, wire.Leave{ID: 1, Handle: 5},
			wire.Join{ID: 1, Handle: 6, Here: true, Player: "bob"}, // is back before the tick
		)
		time.Sleep(1500 * time.Millisecond)
		expect[wire.Emit](s) // bob's: ann is not there any more when the tick comes
		s.send(wire.Leave{ID: 1, Handle: 6})
		_, state := s.cut()
		require.Equal(t, "ann joins, bob joins, bob joins, ann does x, bob does y, ann leaves, bob leaves", string(state))
	})
}

// A player that comes by another edge has two handles for a while.
func TestTwoHandles(t *testing.T) {
	d := &diary{}
	_ = run(t, of(d), func(s *sidecar) {
		t := s.t
		s.host(1, "town", 0, nil)
		s.send(
			wire.Join{ID: 1, Handle: 4, Here: true, Player: "ann"}, wire.Join{ID: 1, Handle: 5, Here: true, Player: "ann"},
			wire.Leave{ID: 1, Handle: 4}, do(1, 5, 1, "x"),
		)
		require.Equal(t, uint64(5), expect[wire.Emit](s).Handle)
		_, state := s.cut()
		require.Equal(t, "ann joins, ann joins, ann does x", string(state))
	})
}

func TestSnapshotRestore(t *testing.T) {
	var kept []byte
	restored := 0
	w := &world{
		snapshot: func(dst []byte) []byte { return append(dst, kept...) },
		restore: func(state []byte) error {
			restored++
			kept = state
			return nil
		},
	}
	for size, restores := range map[int]int{-1: 0, 0: 1, 1: 1, wire.MaxChunk: 1, 3*wire.MaxChunk + 5: 1} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var state []byte // of a new region
			if size >= 0 {
				state = make([]byte, size)
				for i := range state {
					state[i] = byte(i * 7)
				}
			}
			kept, restored = nil, 0
			_ = run(t, of(w), func(s *sidecar) {
				t := s.t
				require.True(t, s.host(1, "town", 42, state).OK)
				for range 2 { // the second uses the first one's memory
					index, got := s.cut()
					require.Equal(t, uint64(42), index)
					require.Equal(t, len(state), len(got))
					require.True(t, string(state) == string(got))
				}
			})
			require.Equal(t, restores, restored)
		})
	}
}

func TestSnapshotTooLarge(t *testing.T) {
	w := &world{snapshot: func([]byte) []byte { return make([]byte, wire.MaxSnapshot+1) }}
	err := run(t, of(w), func(s *sidecar) {
		t := s.t
		s.host(1, "town", 0, nil)
		s.send(wire.Cut{ID: 1, N: 1})
		_, open := <-s.got
		require.False(t, open)
	})
	require.ErrorIs(t, err, game.ErrSnapshotTooLarge)
	require.ErrorContains(t, err, "town")
}

// A region whose World is busy does not hold up another one.
func TestRegions(t *testing.T) {
	cfg := game.Config{New: func(region string) game.World {
		return &world{apply: func(out *game.Out, a game.Action) {
			if region == "slow" {
				time.Sleep(time.Second)
			}
			out.Send(a.Player, []byte(region))
		}}
	}}
	_ = run(t, cfg, func(s *sidecar) {
		t := s.t
		start := time.Now()
		s.host(1, "slow", 0, nil)
		s.host(2, "fast", 0, nil)
		for id := uint64(1); id <= 2; id++ {
			s.send(wire.Join{ID: id, Handle: 9, Here: true, Player: "ann"}, wire.Do{ID: id, Index: 1, Handle: 9, Seq: 1})
		}
		require.Equal(t, "fast", string(expect[wire.Emit](s).Payload))
		require.Zero(t, time.Since(start))
		require.Equal(t, "slow", string(expect[wire.Emit](s).Payload))
	})
}

func TestBeats(t *testing.T) {
	cfg := of(&world{apply: func(_ *game.Out, a game.Action) {
		d, err := time.ParseDuration(string(a.Payload))
		must(err)
		time.Sleep(d)
	}})
	cfg.Hang = time.Second
	_ = run(t, cfg, func(s *sidecar) {
		t := s.t
		beats := func(d time.Duration) uint64 {
			before := s.beats.Load()
			time.Sleep(d)
			return s.beats.Load() - before
		}
		time.Sleep(10 * time.Millisecond) // away from the ticks of 50 ms
		require.Equal(t, uint64(50), s.hello.Beat)
		s.host(1, "town", 0, nil)
		s.send(wire.Join{ID: 1, Handle: 9, Here: true, Player: "ann"})
		require.Equal(t, uint64(20), beats(time.Second), "idle")

		s.send(do(1, 9, 1, "6s"), do(2, 9, 2, "900ms"), do(3, 9, 3, "900ms"))
		require.Equal(t, uint64(20), beats(time.Second), "not yet a hang")
		require.LessOrEqual(t, beats(time.Second), uint64(1), "a hang")
		require.Zero(t, beats(4*time.Second), "a hang")
		require.Equal(t, uint64(36), beats(1800*time.Millisecond), "busy: one call is not the other")
		require.Equal(t, uint64(60), beats(3*time.Second), "idle for longer than a hang")
	})
}

// A sidecar that does not read makes Send wait, then the region's inbox fills,
// then the game stops reading; and when it reads again, nothing is missing.
func TestBackPressure(t *testing.T) {
	const total, size = 3 * game.MaxEvents, 2 << 10
	applied := 0
	w := &world{apply: func(out *game.Out, a game.Action) {
		applied++
		out.Send(a.Player, append(a.Payload, make([]byte, size)...))
	}}
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- game.Serve(ctx, theirs, of(w)) }()
		gate := &gatedConn{Conn: ours, open: make(chan struct{})}
		s := greet(gate)
		gate.shut.Store(true)
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			s.send(wire.Host{ID: 1, New: true, Region: "town"}, wire.Join{ID: 1, Handle: 9, Here: true, Player: "ann"})
			for i := uint64(1); i <= total; i++ {
				s.send(do(i, 9, i, fmt.Sprintf("%06d", i)))
			}
		}()
		synctest.Wait()
		require.Greater(t, applied, 1)
		require.LessOrEqual(t, applied, (2*game.MaxOutbox)/size, "the outbox bounds what is made")
		select {
		case <-sent:
			t.Fatal("the game took all that was sent")
		default:
		}
		close(gate.open)
		require.True(t, expect[wire.Hosted](s).OK)
		for i := 1; i <= total; i++ {
			require.Equal(t, fmt.Sprintf("%06d", i), string(expect[wire.Emit](s).Payload[:6]))
		}
		<-sent
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestBadFrames(t *testing.T) {
	hosted := []pump.Frame{wire.Host{ID: 1, Region: "town", New: true}, wire.Join{ID: 1, Handle: 9, Here: true, Player: "ann"}}
	loading := []pump.Frame{wire.Host{ID: 1, Region: "town", Size: 4}}
	for name, c := range map[string]struct {
		first []pump.Frame
		then  pump.Frame
		want  wire.Code
	}{
		"game's own frame":       {nil, wire.Beat{N: 1}, wire.CodeUnknownType},
		"second welcome":         {nil, wire.GameWelcome{Version: wire.Version}, wire.CodeUnknownType},
		"region not hosted":      {nil, do(1, 9, 1, ""), wire.CodeProtocol},
		"cut of none":            {nil, wire.Cut{ID: 1}, wire.CodeProtocol},
		"state of none":          {nil, wire.State{ID: 1, Data: []byte{1}}, wire.CodeBadSnapshot},
		"state of a running one": {hosted, wire.State{ID: 1, Data: []byte{1}}, wire.CodeBadSnapshot},
		"new with a state":       {nil, wire.Host{ID: 1, Region: "town", New: true, Size: 1}, wire.CodeBadSnapshot},
		"state too large":        {nil, wire.Host{ID: 1, Region: "town", Size: wire.MaxSnapshot + 1}, wire.CodeTooLarge},
		"hosted twice":           {hosted, wire.Host{ID: 1, Region: "town", New: true}, wire.CodeProtocol},
		"hosted while loading":   {loading, wire.Host{ID: 1, Region: "town", New: true}, wire.CodeProtocol},
		"action while loading":   {loading, do(1, 9, 1, ""), wire.CodeProtocol},
		"chunk out of order":     {loading, wire.State{ID: 1, Offset: 2, Data: []byte{1}}, wire.CodeBadSnapshot},
		"empty chunk":            {loading, wire.State{ID: 1}, wire.CodeBadSnapshot},
		"chunk past the end":     {loading, wire.State{ID: 1, Data: make([]byte, 5)}, wire.CodeBadSnapshot},
		"unknown handle":         {hosted, do(1, 8, 1, ""), wire.CodeBadHandle},
		"leave of unknown":       {hosted, wire.Leave{ID: 1, Handle: 8}, wire.CodeBadHandle},
		"everybody's handle":     {hosted, wire.Join{ID: 1, Handle: 0, Here: true, Player: "bob"}, wire.CodeBadHandle},
		"handle of another":      {hosted, wire.Join{ID: 1, Handle: 9, Here: true, Player: "bob"}, wire.CodeBadHandle},
		"level of no name":       {hosted, wire.Mode{Level: 4, Fidelity: 250}, wire.CodeProtocol},
		"fidelity above 1":       {hosted, wire.Mode{Level: wire.LevelSevere, Fidelity: wire.Full + 1}, wire.CodeProtocol},
		"log index twice":        {append(hosted, do(1, 9, 1, "")), do(1, 9, 2, ""), wire.CodeProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(t, of(&world{}), func(s *sidecar) {
				for _, f := range append(c.first, c.then) {
					s.send(f)
				}
				for open := true; open; { // until the game hangs up
					_, open = <-s.got
				}
			})
			var broke *wire.Error
			require.ErrorAs(t, err, &broke)
			require.Equal(t, c.want.String(), broke.Code.String(), "%v", err)
			require.NotErrorIs(t, err, game.ErrSidecarGone)
		})
	}
}

func TestGreeting(t *testing.T) {
	answer := func(t *testing.T, b []byte) (err error) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			go func() {
				hello := make([]byte, 1024)
				_, _ = ours.Read(hello)
				_, _ = ours.Write(b)
			}()
			err = game.Serve(t.Context(), theirs, of(&world{}))
		})
		return err
	}
	var broke *wire.Error
	require.ErrorAs(t, answer(t, wire.GameWelcome{Version: 99, Incarnation: "i"}.Append(nil)), &broke)
	require.Equal(t, wire.CodeVersion, broke.Code)
	require.ErrorAs(t, answer(t, wire.Cut{ID: 1}.Append(nil)), &broke)
	require.Equal(t, wire.CodeNotHello, broke.Code)
	require.ErrorIs(t, answer(t, nil), game.ErrSidecarGone, "silence")
}

func TestUnhost(t *testing.T) {
	var ticks atomic.Int64
	cfg := game.Config{New: func(string) game.World { return &countdown{ticks: &ticks} }}
	_ = run(t, cfg, func(s *sidecar) {
		t := s.t
		s.host(1, "town", 0, nil)
		time.Sleep(time.Second)
		require.NotZero(t, ticks.Load())
		s.send(wire.Unhost{ID: 1})
		s.send(wire.Unhost{ID: 1}) // not hosted: nothing to do
		synctest.Wait()
		ticks.Store(0)
		time.Sleep(time.Second)
		require.Zero(t, ticks.Load(), "the region's goroutine has ended")
		require.True(t, s.host(1, "town", 0, nil).OK, "the ID is free again")
		time.Sleep(time.Second)
		require.NotZero(t, ticks.Load())
	})
}

// An ID can be given to another region at once: nothing of the old one comes
// after the new one's first word.
func TestUnhostWaits(t *testing.T) {
	w := &world{apply: func(out *game.Out, _ game.Action) {
		time.Sleep(time.Second)
		out.Broadcast([]byte("old"))
	}}
	_ = run(t, of(w), func(s *sidecar) {
		t := s.t
		s.host(1, "town", 0, nil)
		s.send(wire.Join{ID: 1, Handle: 9, Here: true, Player: "ann"}, do(1, 9, 1, ""))
		synctest.Wait()
		s.send(wire.Unhost{ID: 1}, wire.Host{ID: 1, New: true, Region: "field"})
		require.Equal(t, "old", string(expect[wire.Emit](s).Payload))
		require.True(t, expect[wire.Hosted](s).OK)
	})
}

type countdown struct {
	world
	ticks *atomic.Int64
}

func (c *countdown) Tick(*game.Out, []game.Action) { c.ticks.Add(1) }

func TestCannotHost(t *testing.T) {
	for name, c := range map[string]struct {
		make func() game.World
		want string
	}{
		"error": {func() game.World { return &world{restore: func([]byte) error { return errors.New("torn") }} }, "restore: torn"},
		"panic": {func() game.World { return &world{restore: func([]byte) error { panic("oh no") }} }, "panic: oh no"},
		"new":   {func() game.World { panic("not here") }, "panic: not here"},
		"nil":   {func() game.World { return nil }, "Config.New returned no World"},
		"long": {func() game.World {
			return &world{restore: func([]byte) error { return errors.New(strings.Repeat("é", 300)) }}
		}, "restore: " + strings.Repeat("é", 123)},
	} {
		t.Run(name, func(t *testing.T) {
			broken := true
			cfg := game.Config{New: func(string) game.World {
				if broken {
					return c.make()
				}
				return &world{}
			}}
			err := run(t, cfg, func(s *sidecar) {
				t := s.t
				require.Equal(t, wire.Hosted{ID: 1, Epoch: 1, Text: c.want}, s.host(1, "town", 0, []byte{1}))
				s.send(wire.Join{ID: 1, Handle: 9, Here: true, Player: "ann"}, do(1, 9, 1, "")) // were under way
				synctest.Wait()
				broken = false
				require.True(t, s.host(1, "town", 0, []byte{1}).OK)
			})
			require.ErrorIs(t, err, game.ErrSidecarGone)
		})
	}
}

func TestOutDrops(t *testing.T) {
	var kept *game.Out
	w := &world{apply: func(out *game.Out, a game.Action) {
		kept = out
		out.Send("nobody", nil)
		out.Send(a.Player, make([]byte, wire.MaxUpdate+1))
		out.SendUnreliable(a.Player, make([]byte, wire.MaxDatagram+1))
		out.BroadcastUnreliable(make([]byte, wire.MaxDatagram+1))
		out.Send(a.Player, make([]byte, wire.MaxUpdate))
		out.SendUnreliable(a.Player, make([]byte, wire.MaxDatagram))
	}}
	_ = run(t, of(w), func(s *sidecar) {
		t := s.t
		s.host(1, "town", 0, nil)
		s.send(wire.Join{ID: 1, Handle: 9, Here: true, Player: "ann"}, do(1, 9, 1, ""))
		require.Len(t, expect[wire.Emit](s).Payload, wire.MaxUpdate)
		require.Len(t, expect[wire.Emit](s).Payload, wire.MaxDatagram)
		s.cut()
		require.Equal(t, uint64(4), kept.Dropped())
		kept.Broadcast([]byte("late"))
		require.Equal(t, uint64(5), kept.Dropped())
		s.send(wire.Leave{ID: 1, Handle: 9}, wire.Join{ID: 1, Handle: 10, Here: true, Player: "bob"}, do(2, 10, 1, ""))
		require.Equal(t, uint64(10), expect[wire.Emit](s).Handle)
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- game.Serve(ctx, theirs, of(&countdown{ticks: new(atomic.Int64)})) }()
		s := greet(ours)
		s.host(1, "town", 0, nil)
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestConfig(t *testing.T) {
	ctx := t.Context()
	t.Setenv(game.AddressEnv, "")
	cfg := of(&world{})
	require.ErrorIs(t, game.Run(ctx, cfg), game.ErrNoAddress)
	for _, address := range []string{"localhost:80", "udp:127.0.0.1:80", "tcp:192.0.2.1:80", "tcp:127.0.0.1", "unix:", "unix"} {
		cfg.Address = address
		require.ErrorContains(t, game.Run(ctx, cfg), "neither unix:/PATH nor tcp:LOOPBACK:PORT", address)
	}
	t.Setenv(game.AddressEnv, "unix:"+t.TempDir()+"/nobody")
	cfg.Address = ""
	require.ErrorContains(t, game.Run(ctx, cfg), "is it running?")

	for want, bad := range map[string]game.Config{
		"Config.New":  {},
		"Config.Name": {New: cfg.New, Name: strings.Repeat("n", wire.MaxName+1)},
		"Config.Beat": {New: cfg.New, Beat: -1},
		"Config.Tick": {New: cfg.New, Tick: time.Microsecond},
		"Config.Hang": {New: cfg.New, Hang: time.Millisecond},
	} {
		require.ErrorContains(t, game.Run(ctx, bad), want)
	}
}

// A panic in Apply ends the process. The test is its own victim.
func TestPanicKills(t *testing.T) {
	if os.Getenv("GAME_TEST_VICTIM") == "" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPanicKills$")
		cmd.Env = append(os.Environ(), "GAME_TEST_VICTIM=1")
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%s", out)
		require.Contains(t, string(out), "panic: half an action")
		return
	}
	w := &world{apply: func(*game.Out, game.Action) { panic("half an action") }}
	_ = run(t, of(w), func(s *sidecar) {
		s.host(1, "town", 0, nil)
		s.send(wire.Join{ID: 1, Handle: 9, Here: true, Player: "ann"}, do(1, 9, 1, ""))
		synctest.Wait()
	})
}
