package wire

// GameHello introduces a game to its sidecar. Beat is the interval of its
// heartbeats in milliseconds. Standby tells that it can host a region as a
// backup: apply what the primary has applied, in silence.
type GameHello struct {
	Version uint64
	Name    string
	Beat    uint64
	PID     uint64
	Standby bool
}

func (f *GameHello) fields(c *codec) {
	c.version(&f.Version)
	c.name(&f.Name)
	c.uint(&f.Beat)
	c.uint(&f.PID)
	c.bool(&f.Standby)
}

// GameWelcome answers GameHello.
type GameWelcome struct {
	Version     uint64
	Incarnation string
}

func (f *GameWelcome) fields(c *codec) {
	c.version(&f.Version)
	c.name(&f.Incarnation)
}

// Beat is a heartbeat; N counts up.
type Beat struct{ N uint64 }

func (f *Beat) fields(c *codec) { c.uint(&f.N) }

// Host makes the game primary of a region, which it knows by ID from now on, or
// its Standby until Promote. Size bytes of State follow; New means that there is
// no state: a new world. Index is the log index that the state covers.
type Host struct {
	ID      uint64
	Epoch   uint64
	Index   uint64
	New     bool
	Standby bool
	Size    uint64
	Region  string
}

func (f *Host) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.Epoch)
	c.uint(&f.Index)
	c.bool(&f.New)
	c.bool(&f.Standby)
	c.uint(&f.Size)
	c.name(&f.Region)
}

// State is a chunk of the state that Host or CutDone announced.
type State struct {
	ID     uint64
	Offset uint64
	Data   []byte // <= MaxChunk
}

func (f *State) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.Offset)
	c.rest(&f.Data, MaxChunk)
}

// Hosted answers Host and Promote: the region runs (OK), or Text says why it
// cannot. Outcomes tells that it can apply outcomes in place of actions, Arrivals
// that it takes in players of other regions.
type Hosted struct {
	ID       uint64
	Epoch    uint64
	OK       bool
	Outcomes bool
	Arrivals bool
	Text     string
}

func (f *Hosted) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.Epoch)
	c.bool(&f.OK)
	c.bool(&f.Outcomes)
	c.bool(&f.Arrivals)
	c.text(&f.Text)
}

// Unhost makes the game forget the region.
type Unhost struct{ ID uint64 }

func (f *Unhost) fields(c *codec) { c.uint(&f.ID) }

// Join tells the game what Do, Leave and Emit call a player. Here tells that the
// player is attached, and not only that something of his is to be applied; his
// actions up to Applied are in the game's state or on their way to it. It may be
// repeated.
type Join struct {
	ID      uint64
	Handle  uint64
	Applied uint64
	Here    bool
	Player  string
}

func (f *Join) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.Handle)
	c.uint(&f.Applied)
	c.bool(&f.Here)
	c.name(&f.Player)
}

// Leave tells the game that a player is no longer attached.
type Leave struct {
	ID     uint64
	Handle uint64
	Reason Code
}

func (f *Leave) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.Handle)
	c.code(&f.Reason)
}

// Do makes the game apply an action. Index is its place in the region log: 1, 2,
// 3 ….
type Do struct {
	ID      uint64
	Index   uint64
	Handle  uint64
	Seq     uint64
	Payload []byte
}

func (f *Do) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.Index)
	c.uint(&f.Handle)
	c.uint(&f.Seq)
	c.rest(&f.Payload, MaxAction)
}

// Cut asks for a snapshot. N is echoed in CutDone.
type Cut struct {
	ID uint64
	N  uint64
}

func (f *Cut) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.N)
}

// CutDone is a snapshot's head: everything up to log index Index, and nothing
// after it, is in the Size bytes of State that follow. Micros is how long the
// cut kept the game from its work, in microseconds.
type CutDone struct {
	ID     uint64
	N      uint64
	Index  uint64
	Micros uint64
	Size   uint64
}

func (f *CutDone) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.N)
	c.uint(&f.Index)
	c.uint(&f.Micros)
	c.uint(&f.Size)
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

func (f *Emit) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.Handle)
	c.uint(&f.After)
	c.bool(&f.Reliable)
	c.rest(&f.Payload, MaxUpdate)
}

// Promote makes a standby region primary. Updates go out from here on.
type Promote struct {
	ID    uint64
	Epoch uint64
}

func (f *Promote) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.Epoch)
}

// Outcome is what the actions with log indexes From..To came to: an opaque
// delta of the game's. From a game it says so; to a game it is to be applied
// instead of them. From = To+1 means that no action caused it, and that it comes
// after To.
type Outcome struct {
	ID      uint64
	From    uint64
	To      uint64
	Payload []byte // <= MaxOutcome
}

func (f *Outcome) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.From)
	c.uint(&f.To)
	c.rest(&f.Payload, MaxOutcome)
}

// Done tells that the game has applied all actions up to log index Index, and
// has sent all updates and outcomes that they caused.
type Done struct {
	ID    uint64
	Index uint64
}

func (f *Done) fields(c *codec) {
	c.uint(&f.ID)
	c.uint(&f.Index)
}
