package wire

import (
	"reflect"
	"strconv"
)

// Link is one direction of a connection, named by the end that reads: it says
// which frames may come, and how large they may be.
type Link uint8

// The links. LinkRegion is read by both ends of a region stream.
const (
	LinkPlayer   Link = iota // an edge reads from a player
	LinkEdge                 // a player reads from an edge
	LinkRegion               // edge, backup and sidecar read from each other
	LinkSnapshot             // whoever gets a snapshot reads it
	LinkGame                 // a sidecar reads from its game
	LinkSidecar              // a game reads from its sidecar
	links                    // how many there are
)

func (l Link) String() string {
	return [links]string{"player", "edge", "region", "snapshot", "game", "sidecar"}[l]
}

// frame is what all frames have in common behind their concrete methods.
type frame interface{ fields(c *codec) }

// entry is what a reader must know of a type before it has a whole frame.
type entry struct {
	frame frame       // a zero one; nil: no such type
	on    [links]bool // the links that it belongs to
	max   int         // the most that type and fields can take, in bytes
}

func on(f frame, at ...Link) entry {
	c := codec{mode: measuring, size: 1} // every type is one byte
	f.fields(&c)
	e := entry{frame: f, max: c.size}
	for _, l := range at {
		e.on[l] = true
	}
	return e
}

var registry = [...]entry{
	TypeHello:      on(new(Hello), LinkPlayer),
	TypeWelcome:    on(new(Welcome), LinkEdge),
	TypeAct:        on(new(Act), LinkPlayer),
	TypeDurable:    on(new(Durable), LinkEdge),
	TypeUpdate:     on(new(Update), LinkEdge),
	TypeHold:       on(new(Hold), LinkEdge),
	TypeReseated:   on(new(Reseated), LinkEdge),
	TypePressure:   on(new(Pressure), LinkEdge),
	TypeRefused:    on(new(Refused), LinkEdge),
	TypeProtection: on(new(Protection), LinkEdge),
	TypeBye:        on(new(Bye), LinkPlayer, LinkEdge),
	TypeMode:       on(new(Mode), LinkEdge, LinkSidecar),
	TypeMoved:      on(new(Moved), LinkEdge),
	TypeSpare:      on(new(Spare), LinkPlayer),

	TypeOpen:     on(new(Open), LinkRegion),
	TypeOpened:   on(new(Opened), LinkRegion),
	TypeElected:  on(new(Elected), LinkRegion),
	TypeOffer:    on(new(Offer), LinkRegion),
	TypeFetch:    on(new(Fetch), LinkRegion),
	TypeServing:  on(new(Serving), LinkRegion),
	TypeDown:     on(new(Down), LinkRegion),
	TypeAttach:   on(new(Attach), LinkRegion),
	TypeAttached: on(new(Attached), LinkRegion),
	TypeDetach:   on(new(Detach), LinkRegion),
	TypeAction:   on(new(Action), LinkRegion),
	TypeGap:      on(new(Gap), LinkRegion),
	TypeAcked:    on(new(Acked), LinkRegion),
	TypeOutput:   on(new(Output), LinkRegion),
	TypeConfirm:  on(new(Confirm), LinkRegion),
	TypeSuspect:  on(new(Suspect), LinkRegion),
	TypeStale:    on(new(Stale), LinkRegion),
	TypeReject:   on(new(Reject), LinkRegion),
	TypeRecord:   on(new(Record), LinkRegion),
	TypeHave:     on(new(Have), LinkRegion),
	TypeTruncate: on(new(Truncate), LinkRegion),
	TypeCommit:   on(new(Commit), LinkRegion),
	TypeGuard:    on(new(Guard), LinkRegion),
	TypePulse:    on(new(Pulse), LinkRegion),
	TypeLoad:     on(new(Load), LinkRegion),
	TypeDepart:   on(new(Depart), LinkRegion),
	TypeEnter:    on(new(Enter), LinkRegion),
	TypeEntered:  on(new(Entered), LinkRegion),
	TypeDeparted: on(new(Departed), LinkRegion),
	TypeFree:     on(new(Free), LinkRegion),

	TypeSnapshot: on(new(SnapshotHead), LinkSnapshot),
	TypeChunk:    on(new(Chunk), LinkSnapshot),

	TypeGameHello:   on(new(GameHello), LinkGame),
	TypeGameWelcome: on(new(GameWelcome), LinkSidecar),
	TypeBeat:        on(new(Beat), LinkGame),
	TypeHost:        on(new(Host), LinkSidecar),
	TypeState:       on(new(State), LinkGame, LinkSidecar),
	TypeHosted:      on(new(Hosted), LinkGame),
	TypeUnhost:      on(new(Unhost), LinkSidecar),
	TypeJoin:        on(new(Join), LinkSidecar),
	TypeLeave:       on(new(Leave), LinkSidecar),
	TypeDo:          on(new(Do), LinkSidecar),
	TypeCut:         on(new(Cut), LinkSidecar),
	TypeCutDone:     on(new(CutDone), LinkGame),
	TypeEmit:        on(new(Emit), LinkGame),
	TypePromote:     on(new(Promote), LinkSidecar),
	TypeOutcome:     on(new(Outcome), LinkGame, LinkSidecar),
	TypeDone:        on(new(Done), LinkGame),
	TypeTransfer:    on(new(Transfer), LinkGame),
	TypeArrive:      on(new(Arrive), LinkSidecar),
}

// largest is the length of the largest frame of each link.
var largest = func() (max [links]int) {
	for _, e := range registry {
		for l := range links {
			if e.on[l] && e.max > max[l] {
				max[l] = e.max
			}
		}
	}
	return max
}()

// lookup returns the entry of a type, nil if it does not belong to the link.
func lookup(t Type, l Link) *entry {
	if t >= Type(len(registry)) || !registry[t].on[l] {
		return nil
	}
	return &registry[t]
}

// String is the name of the frame's struct.
func (t Type) String() string {
	if t < Type(len(registry)) && registry[t].frame != nil {
		return reflect.TypeOf(registry[t].frame).Elem().Name()
	}
	return "type_0x" + strconv.FormatUint(uint64(t), 16)
}
