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
)

// Hello asks for a session. Tail is the highest seq that this client has ever
// used (0: it remembers none) and Durable its durable mark; actions between
// the two are still with the client and will be sent again. Token is the resume
// token of the last Welcome, empty for a first join.
type Hello struct {
	Version uint64
	Region  string // <= MaxName
	Player  string // <= MaxName
	Durable uint64
	Tail    uint64
	Token   []byte // <= MaxToken
}

// Welcome seats a session. All actions up to Durable are safe; the client
// sends what it keeps after Durable, in order, then new ones.
type Welcome struct {
	Version     uint64
	Epoch       uint64
	Durable     uint64
	Protected   bool
	Actions     uint64 // how many actions the edge keeps for this player
	ActionBytes uint64 // the longest payload
	AgeMillis   uint64 // how long an action is kept while no primary serves
	Token       []byte // for the next Hello; single use
}

// Act is one action. Seq is 1, 2, 3 … for this player for ever.
type Act struct {
	Seq     uint64
	Payload []byte // <= MaxAction
}

// Durable: every action up to Seq is safe, and may be forgotten.
type Durable struct {
	Epoch uint64
	Seq   uint64
}

// Update carries opaque bytes of the game.
type Update struct {
	Epoch   uint64
	Payload []byte // <= MaxUpdate; in a datagram <= MaxDatagram
}

// Hold: no primary serves; actions are kept.
type Hold struct {
	Epoch  uint64
	Reason Code
}

// Reseated: the primary of Epoch serves, and has this player's actions up to Applied.
type Reseated struct {
	Epoch   uint64
	Applied uint64
}

// Pressure: the edge has stopped (On) or goes on reading this player's stream.
type Pressure struct {
	On   bool
	Kept uint64
}

// Refused: the action Seq was not applied and never will be; its seq is used up.
type Refused struct {
	Epoch  uint64
	Seq    uint64
	Reason Code
	Text   string // <= MaxText
}

// Protection tells whether durable actions survive the loss of any one process.
type Protection struct {
	Epoch     uint64
	Protected bool
}

// Bye ends the session. First..Last are the seqs that are not durable (0, 0: none).
type Bye struct {
	Reason Code
	First  uint64
	Last   uint64
	Text   string // <= MaxText
}

// Role says who opens a region stream.
type Role uint64

// The roles of a region stream's opener.
const (
	RoleEdge   Role = 1
	RoleBackup Role = 2
)

// Open starts a region stream. Epoch is the highest that the sender has heard of.
type Open struct {
	Version     uint64
	Role        Role
	Region      string
	Incarnation string
	Epoch       uint64
}

// Opened answers Open. Serving tells whether this sidecar serves the region at Epoch.
type Opened struct {
	Version     uint64
	Incarnation string
	Epoch       uint64
	Serving     bool
}

// Elected: the sender holds the region's lock at Epoch. The receiver refuses
// lower epochs from now on and answers with an Offer.
type Elected struct{ Epoch uint64 }

// Offer names the newest snapshot that the sender keeps (SnapEpoch 0: none).
type Offer struct {
	Epoch     uint64
	SnapEpoch uint64
	SnapIndex uint64
	Size      uint64
}

// Fetch asks for an offered snapshot, on a snapshot stream.
type Fetch struct {
	Epoch     uint64
	SnapEpoch uint64
	SnapIndex uint64
}

// Serving is the word on which edges switch: restored, log applied, ready.
type Serving struct {
	Epoch     uint64
	Protected bool
}

// Down: the sender serves this region no longer.
type Down struct {
	Epoch  uint64
	Reason Code
}

// Attach binds a player of this edge to Handle, which is chosen by the edge, is
// not 0 and is unique on the stream. Number is the attach number (0: a new
// session, give me the next). Durable is the highest durable mark that the
// player or the edge has seen.
type Attach struct {
	Epoch   uint64
	Handle  uint64
	Number  uint64
	Durable uint64
	Player  string
}

// Attached answers Attach: the primary has the player's actions up to Have, and
// those up to Durable are durable.
type Attached struct {
	Epoch   uint64
	Handle  uint64
	Number  uint64
	Have    uint64
	Durable uint64
}

// Detach: the player has left this edge.
type Detach struct {
	Epoch  uint64
	Handle uint64
	Reason Code
}

// Action is a player's action on its way to the primary.
type Action struct {
	Epoch   uint64
	Handle  uint64
	Seq     uint64
	Payload []byte
}

// Gap: the primary got an action above Have+1. It applied nothing.
type Gap struct {
	Epoch  uint64
	Handle uint64
	Have   uint64
}

// Acked: the player's actions up to Seq are durable.
type Acked struct {
	Epoch  uint64
	Handle uint64
	Seq    uint64
}

// Output is an update for one player, or for all of the region (Handle 0).
type Output struct {
	Epoch    uint64
	Handle   uint64
	Reliable bool
	Payload  []byte
}

// Confirm: the sender keeps the snapshot (Epoch, Index) and nothing older.
type Confirm struct {
	Epoch uint64
	Index uint64
}

// Suspect is a witness's word: the holder of Session looked dead to it.
type Suspect struct {
	Epoch       uint64
	Reason      Code
	Session     string
	Incarnation string
}

// Stale refuses a frame of a lower epoch; Epoch is the highest that the sender promised.
type Stale struct{ Epoch uint64 }

// Reject refuses an attach (Seq 0) or an action of one player.
type Reject struct {
	Epoch  uint64
	Handle uint64
	Seq    uint64
	Reason Code
	Text   string
}

// SnapshotHead announces a snapshot of Size bytes (see AppendSnapshot) whose
// CRC-32C is Sum. Epoch is the sender's, as in every frame; the snapshot's own
// epoch and index are SnapEpoch and SnapIndex.
type SnapshotHead struct {
	Epoch     uint64
	Region    string
	SnapEpoch uint64
	SnapIndex uint64
	Size      uint64
	Sum       uint64
}

// Chunk is the next part of a snapshot or state.
type Chunk struct {
	Offset uint64
	Data   []byte // <= MaxChunk
}

// GameHello introduces a game to its sidecar. Beat is the interval of its
// heartbeats in milliseconds.
type GameHello struct {
	Version uint64
	Name    string
	Beat    uint64
	PID     uint64
}

// GameWelcome answers GameHello.
type GameWelcome struct {
	Version     uint64
	Incarnation string
}

// Beat is a heartbeat; N counts up.
type Beat struct{ N uint64 }

// Host makes the game primary of a region, which it knows by ID from now on.
// Size bytes of State follow; New means that there is no state: a new world.
// Index is the log index that the state covers.
type Host struct {
	ID     uint64
	Epoch  uint64
	Index  uint64
	New    bool
	Size   uint64
	Region string
}

// State is a chunk of the state that Host or CutDone announced.
type State struct {
	ID     uint64
	Offset uint64
	Data   []byte // <= MaxChunk
}

// Hosted: the region runs, or Text says why it cannot.
type Hosted struct {
	ID    uint64
	Epoch uint64
	OK    bool
	Text  string
}

// Unhost: the region is no longer here.
type Unhost struct{ ID uint64 }

// Join: a player is attached. It may be repeated after a failover. Handle is
// what Do, Leave and Emit call the player.
type Join struct {
	ID      uint64
	Handle  uint64
	Applied uint64
	Player  string
}

// Leave: a player is no longer attached.
type Leave struct {
	ID     uint64
	Handle uint64
	Reason Code
}

// Do: apply an action. Index is its place in the region log: 1, 2, 3 ….
type Do struct {
	ID      uint64
	Index   uint64
	Handle  uint64
	Seq     uint64
	Payload []byte
}

// Cut asks for a snapshot. N is echoed in CutDone.
type Cut struct {
	ID uint64
	N  uint64
}

// CutDone is a snapshot's head: everything up to log index Index, and nothing
// after it, is in the Size bytes of State that follow.
type CutDone struct {
	ID    uint64
	N     uint64
	Index uint64
	Size  uint64
}

// Emit is an update for one player, or for all of the region (Handle 0). After
// is the log index that a reliable update depends on.
type Emit struct {
	ID       uint64
	Handle   uint64
	After    uint64
	Reliable bool
	Payload  []byte
}
