package wire

// Type is the kind of a frame. Types are grouped by the link they travel on;
// a reader refuses a type that does not belong to its link.
type Type uint64

// Frames between a player and an edge.
const (
	TypeHello      Type = 0x01 // player -> edge: first frame
	TypeWelcome    Type = 0x02 // edge -> player: the session is seated
	TypeAct        Type = 0x03 // player -> edge
	TypeDurable    Type = 0x04 // edge -> player
	TypeUpdate     Type = 0x05 // edge -> player, stream or datagram
	TypeHold       Type = 0x06 // edge -> player: no primary serves, actions are kept
	TypeReseated   Type = 0x07 // edge -> player: a new primary serves
	TypePressure   Type = 0x08 // edge -> player: the log is full, or has room again
	TypeRefused    Type = 0x09 // edge -> player: one action was refused, its seq is used up
	TypeProtection Type = 0x0a // edge -> player: durability of the region changed
	TypeBye        Type = 0x0b // both: the session ends, and why
	TypeMode       Type = 0x0c // edge -> player, and sidecar -> game: at which level the mesh works
	TypeMoved      Type = 0x0d // edge -> player: another region, the same session
	TypeSpare      Type = 0x0e // player -> edge: first frame in place of a Hello, which may follow
)

// Frames on a region stream: between an edge (or a backup) and a sidecar. One
// stream carries one region. Every frame after Open carries the epoch.
const (
	TypeOpen     Type = 0x20 // edge or backup -> sidecar: first frame
	TypeOpened   Type = 0x21 // sidecar -> edge
	TypeElected  Type = 0x22 // sidecar -> edge: I hold the lock of this epoch; hold, and offer
	TypeOffer    Type = 0x23 // edge -> sidecar: the newest snapshot that I keep
	TypeFetch    Type = 0x24 // sidecar -> edge: send me that one
	TypeServing  Type = 0x25 // sidecar -> edge: switch to me
	TypeDown     Type = 0x26 // sidecar -> edge: I stop serving, and why
	TypeAttach   Type = 0x27 // edge -> sidecar
	TypeAttached Type = 0x28 // sidecar -> edge
	TypeDetach   Type = 0x29 // edge -> sidecar
	TypeAction   Type = 0x2a // edge -> sidecar
	TypeGap      Type = 0x2b // sidecar -> edge: nothing applied, resend after Have
	TypeAcked    Type = 0x2c // sidecar -> edge: durable up to Seq
	TypeOutput   Type = 0x2d // sidecar -> edge: an update for one player or for all
	TypeConfirm  Type = 0x2e // edge -> sidecar: I keep that snapshot
	TypeSuspect  Type = 0x2f // edge or backup -> backup: a witness of silence or refusal
	TypeStale    Type = 0x30 // both: refused, I have promised a higher epoch
	TypeReject   Type = 0x31 // sidecar -> edge: a player's attach or action is refused
	TypeRecord   Type = 0x32 // primary -> backup: one record of the region log
	TypeHave     Type = 0x33 // backup -> primary: my log's end
	TypeTruncate Type = 0x34 // primary -> backup: cut your log to what we have in common
	TypeCommit   Type = 0x35 // primary -> backup: what is durable, and what the game has survived
	TypeGuard    Type = 0x36 // sidecar -> edge: whether durable actions survive any one process
	TypePulse    Type = 0x37 // both: do you hear me in this epoch?
	TypeLoad     Type = 0x3a // sidecar -> edge: how much the region has to do
	TypeDepart   Type = 0x3b // sidecar -> edge: a player goes to another region
	TypeEnter    Type = 0x3c // edge -> sidecar: an Attach of a player who comes from another region
	TypeEntered  Type = 0x3d // sidecar -> edge: he is here, with all that he has
	TypeDeparted Type = 0x3e // edge -> sidecar: he is there
	TypeFree     Type = 0x3f // sidecar -> backup: Consul has freed my lock of this epoch
)

// Frames on a snapshot stream, which is unidirectional and carries one snapshot.
const (
	TypeSnapshot Type = 0x38 // first frame: which one, and how large
	TypeChunk    Type = 0x39 // the bytes, in order
)

// Frames between a sidecar and its game, on a unix socket or loopback TCP.
const (
	TypeGameHello   Type = 0x40 // game -> sidecar: first frame
	TypeGameWelcome Type = 0x41 // sidecar -> game
	TypeBeat        Type = 0x42 // game -> sidecar
	TypeHost        Type = 0x43 // sidecar -> game: be primary of a region, from this state
	TypeState       Type = 0x44 // both: a chunk of a state announced by Host or CutDone
	TypeHosted      Type = 0x45 // game -> sidecar: the region runs
	TypeUnhost      Type = 0x46 // sidecar -> game: forget the region
	TypeJoin        Type = 0x47 // sidecar -> game
	TypeLeave       Type = 0x48 // sidecar -> game
	TypeDo          Type = 0x49 // sidecar -> game: apply an action
	TypeCut         Type = 0x4a // sidecar -> game: a snapshot, please
	TypeCutDone     Type = 0x4b // game -> sidecar: its head, State chunks follow
	TypeEmit        Type = 0x4c // game -> sidecar: an update
	TypePromote     Type = 0x4d // sidecar -> game: a standby region is primary from now on
	TypeOutcome     Type = 0x4e // both: what actions came to, to be applied in their stead
	TypeDone        Type = 0x4f // game -> sidecar: actions up to an index are applied
	TypeTransfer    Type = 0x50 // game -> sidecar: a player has left for another region
	TypeArrive      Type = 0x51 // sidecar -> game: a player comes from another region
)
