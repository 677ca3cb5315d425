package wire

import "time"

// Role says who opens a region stream.
type Role uint64

// The roles of a region stream's opener.
const (
	RoleEdge   Role = 1
	RoleBackup Role = 2 // its game applies the log as it comes
	RoleStore  Role = 3 // a backup whose game cannot: it keeps snapshots and log
)

// Backup tells whether the role is that of a backup of either kind.
func (r Role) Backup() bool { return r == RoleBackup || r == RoleStore }

// Open starts a region stream from Incarnation to To; whoever listens at that
// address and is somebody else refuses it. Epoch is the highest that the sender
// has heard of. Session is a backup's session in Consul, to which a primary can give
// the lock; may be empty.
type Open struct {
	Version     uint64
	Role        Role
	Region      string
	Incarnation string
	To          string
	Epoch       uint64
	Session     string
}

func (f *Open) fields(c *codec) {
	c.version(&f.Version)
	c.role(&f.Role)
	c.name(&f.Region)
	c.name(&f.Incarnation)
	c.name(&f.To)
	c.uint(&f.Epoch)
	c.place(&f.Session)
}

// Opened answers Open. Serving tells whether this sidecar serves the region at Epoch.
type Opened struct {
	Version     uint64
	Incarnation string
	Epoch       uint64
	Serving     bool
}

func (f *Opened) fields(c *codec) {
	c.version(&f.Version)
	c.name(&f.Incarnation)
	c.uint(&f.Epoch)
	c.bool(&f.Serving)
}

// Elected tells that the sender holds the region's lock at Epoch. The receiver
// refuses lower epochs from now on and answers with an Offer. Trace is the W3C
// traceparent of the failover, opaque here; empty: it is not traced.
type Elected struct {
	Epoch uint64
	Trace string
}

func (f *Elected) fields(c *codec) {
	c.uint(&f.Epoch)
	c.text(&f.Trace)
}

// Offer names the newest snapshot that the sender keeps (SnapEpoch 0: none).
type Offer struct {
	Epoch     uint64
	SnapEpoch uint64
	SnapIndex uint64
	Size      uint64
}

func (f *Offer) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.SnapEpoch)
	c.uint(&f.SnapIndex)
	c.uint(&f.Size)
}

// Fetch asks for an offered snapshot, on a snapshot stream.
type Fetch struct {
	Epoch     uint64
	SnapEpoch uint64
	SnapIndex uint64
}

func (f *Fetch) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.SnapEpoch)
	c.uint(&f.SnapIndex)
}

// Serving is the word on which edges switch: restored, log applied, ready. Trace is
// that of Elected.
type Serving struct {
	Epoch     uint64
	Protected bool
	Trace     string
}

func (f *Serving) fields(c *codec) {
	c.uint(&f.Epoch)
	c.bool(&f.Protected)
	c.text(&f.Trace)
}

// Down tells that the sender serves this region no longer. Micros is for how long it
// has been as good as silent: since the game said something last, or since actions
// were held back.
type Down struct {
	Epoch  uint64
	Reason Code
	Micros uint64
}

func (f *Down) fields(c *codec) {
	c.uint(&f.Epoch)
	c.code(&f.Reason)
	c.uint(&f.Micros)
}

// Silent is Micros as a duration, of which an hour is believed at the most.
func (f *Down) Silent() time.Duration {
	return time.Duration(min(f.Micros, uint64(time.Hour/time.Microsecond))) * time.Microsecond //nolint:gosec // bounded
}

// Free tells a backup that Consul has freed the lock with which the sender led the
// region, ahead of Consul's own news of it. Heir: for this backup, by a planned
// hand-over; else for whoever is first in turn. Next is not 0 when it is this backup's
// already, in that epoch: the in-sync set had the version Before, and has the version
// After, without the sender if he has Left it; Trace is the traceparent of the hand-over.
type Free struct {
	Epoch  uint64
	Heir   bool
	Next   uint64
	Before uint64
	After  uint64
	Left   bool
	Trace  string
}

func (f *Free) fields(c *codec) {
	c.uint(&f.Epoch)
	c.bool(&f.Heir)
	c.uint(&f.Next)
	c.uint(&f.Before)
	c.uint(&f.After)
	c.bool(&f.Left)
	c.text(&f.Trace)
}

// Attach binds a player of this edge to Handle, which is chosen by the edge, is
// not 0 and is unique on the stream. Number is the attach number (0: a new
// session, give me the next). Durable is the highest durable mark that the
// player or the edge has seen. Show is the hash of the resume token that the
// player showed (empty: none), Next that of the token he is to be given; both
// are SHA-256.
type Attach struct {
	Epoch   uint64
	Handle  uint64
	Number  uint64
	Durable uint64
	Player  string
	Show    []byte // <= MaxToken
	Next    []byte // <= MaxToken
}

func (f *Attach) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Handle)
	c.uint(&f.Number)
	c.uint(&f.Durable)
	c.name(&f.Player)
	c.token(&f.Show)
	c.token(&f.Next)
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

func (f *Attached) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Handle)
	c.uint(&f.Number)
	c.uint(&f.Have)
	c.uint(&f.Durable)
}

// Detach tells that the player has left this edge.
type Detach struct {
	Epoch  uint64
	Handle uint64
	Reason Code
}

func (f *Detach) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Handle)
	c.code(&f.Reason)
}

// Action is a player's action on its way to the primary. Suspect means that it
// was on its way to a primary that died, and may have been what killed it.
type Action struct {
	Epoch   uint64
	Handle  uint64
	Seq     uint64
	Suspect bool
	Payload []byte
}

func (f *Action) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Handle)
	c.uint(&f.Seq)
	c.bool(&f.Suspect)
	c.rest(&f.Payload, MaxAction)
}

// Gap tells that the primary got an action above Have+1 and applied nothing. What
// follows Have is to be sent again.
type Gap struct {
	Epoch  uint64
	Handle uint64
	Have   uint64
}

func (f *Gap) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Handle)
	c.uint(&f.Have)
}

// Acked tells that the player's actions up to Seq are durable.
type Acked struct {
	Epoch  uint64
	Handle uint64
	Seq    uint64
}

func (f *Acked) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Handle)
	c.uint(&f.Seq)
}

// Output is an update for one player, or for all of the region (Handle 0).
type Output struct {
	Epoch    uint64
	Handle   uint64
	Reliable bool
	Payload  []byte
}

func (f *Output) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Handle)
	c.bool(&f.Reliable)
	c.rest(&f.Payload, MaxUpdate)
}

// Confirm tells that the sender keeps the snapshot of Epoch that has all outcomes
// up to Index, or a newer one. (There may be several with one SnapIndex: what is
// no action changes a snapshot too.)
type Confirm struct {
	Epoch uint64
	Index uint64
}

func (f *Confirm) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Index)
}

// Suspect is a witness's word: the holder of Session looked dead to it.
type Suspect struct {
	Epoch       uint64
	Reason      Code
	Session     string
	Incarnation string
}

func (f *Suspect) fields(c *codec) {
	c.uint(&f.Epoch)
	c.code(&f.Reason)
	c.name(&f.Session)
	c.name(&f.Incarnation)
}

// Stale refuses a frame of a lower epoch; Epoch is the highest that the sender promised.
type Stale struct{ Epoch uint64 }

func (f *Stale) fields(c *codec) { c.uint(&f.Epoch) }

// Reject refuses an attach (Seq 0) or an action of one player. With CodeLost it
// refuses an attach, and Seq is the first durable action that is missing.
type Reject struct {
	Epoch  uint64
	Handle uint64
	Seq    uint64
	Reason Code
	Text   string
}

func (f *Reject) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Handle)
	c.uint(&f.Seq)
	c.code(&f.Reason)
	c.text(&f.Text)
}
