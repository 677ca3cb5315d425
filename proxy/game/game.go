// Package game seats a game server behind Reseat: players stay in the game when
// this process dies, because another one takes over with the same state.
//
// A game is a [World] per region, made by [Config].New, and one call:
//
//	func main() {
//		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
//		defer stop()
//		err := game.Run(ctx, game.Config{
//			New: func(region string) game.World { return &arena{} },
//		})
//		if err != nil {
//			log.Fatal(err) // the supervisor starts the process again
//		}
//	}
//
// Start it as "reseat sidecar -- ./my-game": the sidecar sets $RESEAT_GAME to
// the address of its local socket, which is all that Run needs to know.
//
// # What a World must do
//
// A World changes only by the actions that it is given, one at a time and in
// order. On request it writes its whole state down (Snapshot), and a World just
// made by Config.New reads such a state back (Restore). After a failover the new
// process restores the newest snapshot and is given the actions after it again,
// so nothing that players were told may depend on what is outside of the state.
//
// Actions come in one of two styles:
//
//   - Handler style: Apply is called for each action as it arrives.
//   - Tick style: a World that is also a [Ticker] gets all that has arrived once
//     per Config.Tick, in the order of arrival, and never a call of Apply. A
//     snapshot is then taken between ticks, and covers what a finished Tick was
//     given: that may trail what has arrived.
//
// A World that is also a [Joiner] is told who is there. In tick style a player's
// Join comes before the Tick with its first action, and its Leave after the Tick
// with its last; but an action that was under way may come after the Leave.
//
// # Standby
//
// The backups of a region may be hosted as standbys: a process with a World of
// its own, which is restored once and is then given what the primary has
// applied. At a failover it goes on from there at once, instead of restoring a
// snapshot first. The World does not notice: its calls are the same, but Out is
// silent, and nobody joins or leaves until the process is promoted. A game whose
// actions have effects outside of the World sets Config.NoStandby.
//
// A standby must come to the same state as its primary. A World that depends on
// nothing but its state and its actions does. One that rolls dice, looks at the
// clock or ranges over a map does not, and has to commit outcomes.
//
// # Outcomes
//
// A game that rolls dice commits what it rolled. A World that is an [Outcomer]
// calls [Out.Commit] in Apply or Tick with a description of all that the call
// has changed. Standbys, and the process that takes over, are given this outcome
// in ApplyOutcome, and not the actions that it came from: nothing is rolled
// twice. Actions without an outcome are applied again as actions, so a World may
// commit for one kind of action, and not for another that is deterministic.
//
// In tick style an outcome stands for all actions of its tick. Time is not
// replicated: a standby ticks by its own clock, with the actions that have come
// meanwhile. That is enough for a World to which it makes no difference how its
// actions are spread over ticks, and how many ticks there are. Any other should
// commit an outcome in each tick that changes something. Its Tick is then not
// called by time on a standby, only ApplyOutcome; actions that come without an
// outcome, because their tick had committed none, are given to a Tick of their
// own.
//
// # Borders
//
// A region ends somewhere. A World lets a player who crosses the border go with
// [Out.Transfer], and says what he takes along; a World that is an [Arriver] takes
// him in. It need not be in the same process, or on the same machine. The player's
// connection stays, his actions go on there, and whatever dies meanwhile, what he
// takes along is in one of the two regions, once.
//
// # What a player must know
//
// Reliable updates wait in this process until their action is safe. When it
// dies, those that wait are lost, while the actions are not: the standby has
// applied them already, in silence. So Join is called again for everybody who is
// there after a failover: send there what the player must know to go on, as when
// it had just come.
//
// # Degraded mode
//
// When too much fails at once, the mesh gives something up until it has recovered.
// Edges leave out a share of the unreliable updates, and let no newcomers in when it
// is worst; what is reliable is never left out. A game may do less, too: it asks
// [Out.Fidelity] for the share that is left, or is a [Leveler], which is told when it
// changes. The interval of ticks stays what Config.Tick says.
//
// # Goroutines
//
// Each region has a goroutine, on which all calls of its World are made, one at
// a time: a World needs no lock. Several regions may be in one process; they run
// beside each other. Waiting actions are bounded (1024 or 256 KiB per region);
// when a region is slower than its players, Run stops reading from the sidecar,
// the players' buffers fill, and they are told to wait. Nothing is dropped.
//
// # Death
//
// A panic in Apply, Tick, ApplyOutcome, Arrive, Join, Leave, Level or Snapshot is not
// recovered. The process dies, and that is what failover is for: state that has seen half an action
// must not go on. A panic in Config.New or Restore is recovered, because
// nothing runs yet, and reported to the sidecar as a region that this process
// cannot host; an error of Restore likewise.
//
// Run beats every Config.Beat while the game is alive. A call that takes longer
// than Config.Hang stops the beats until it returns; the sidecar then declares
// the process hung and another one takes over.
package game

import (
	"context"
)

// World is the state of one region and what actions do to it. Its methods are
// called one at a time, from one goroutine.
type World interface {
	// Apply carries out one action.
	Apply(out *Out, a Action)

	// Snapshot appends the whole state to dst and returns it, as append does.
	// Players wait meanwhile: take milliseconds. At most 16 MiB.
	Snapshot(dst []byte) []byte

	// Restore sets the state to what a Snapshot has written, in a World that
	// Config.New has just made. It may keep state. A new region, which has no
	// state yet, is not restored.
	Restore(state []byte) error
}

// Ticker is a World that is driven by time. Tick is called every Config.Tick,
// with the actions that have arrived since the last one: often none. The slice
// and the payloads are valid until the call returns. A tick that takes longer
// than Config.Tick delays the next one; ticks are not made up for.
type Ticker interface {
	Tick(out *Out, actions []Action)
}

// Outcomer is a World that commits outcomes, see [Out.Commit].
type Outcomer interface {
	// ApplyOutcome does what the call did that committed delta, without Out and
	// without chance. delta is valid until it returns. An error ends Run, since
	// the World may have changed in part.
	ApplyOutcome(delta []byte) error
}

// Joiner is a World that wants to know who is there. Who is there is no part of
// the state: standbys do not hear of it, and after a failover everybody who
// stayed joins again. What Join and Leave change beyond that must be committed,
// or it is not on the standbys.
type Joiner interface {
	// Join: the player is there. It may be repeated without a Leave between.
	Join(out *Out, player string)
	// Leave: the player is gone.
	Leave(out *Out, player string)
}

// Action is an input of a player.
type Action struct {
	Player  string
	Seq     uint64 // 1, 2, 3 … for that player for ever
	Payload []byte // valid until the call returns
}

// Run connects to the sidecar and serves the regions that it hands out. It
// returns nil when ctx is canceled, and otherwise the reason why it cannot go
// on: [ErrNoAddress], [ErrSidecarGone], [ErrSnapshotTooLarge], [ErrOutcome],
// [ErrOutcomeTooLarge], [ErrArriver], a *[wire.Error] when the sidecar breaks the
// protocol, or an error of dialing. All its goroutines are gone then; it waits for
// calls of the World in progress.
//
// The process should exit when Run returns: its regions have been taken over.
//
// [wire.Error]: https://pkg.go.dev/github.com/reseat-proxy/reseat/proxy/wire#Error
func Run(ctx context.Context, cfg Config) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	conn, err := cfg.Dial(ctx)
	switch {
	case err == nil:
		return serve(ctx, conn, cfg)
	case ctx.Err() != nil:
		return nil //nolint:nilerr // being stopped while dialing is no failure
	}
	return err
}
