package wire

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

func (f *Hello) fields(c *codec) {
	c.version(&f.Version)
	c.name(&f.Region)
	c.name(&f.Player)
	c.uint(&f.Durable)
	c.uint(&f.Tail)
	c.token(&f.Token)
}

// Spare asks for nothing yet: the player is at another edge, and will say Hello here
// should that one die. Until then neither side says anything.
type Spare struct {
	Version uint64
}

func (f *Spare) fields(c *codec) {
	c.version(&f.Version)
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

func (f *Welcome) fields(c *codec) {
	c.version(&f.Version)
	c.uint(&f.Epoch)
	c.uint(&f.Durable)
	c.bool(&f.Protected)
	c.uint(&f.Actions)
	c.uint(&f.ActionBytes)
	c.uint(&f.AgeMillis)
	c.token(&f.Token)
}

// Act is one action. Seq is 1, 2, 3 … for this player for ever.
type Act struct {
	Seq     uint64
	Payload []byte // <= MaxAction
}

func (f *Act) fields(c *codec) {
	c.uint(&f.Seq)
	c.rest(&f.Payload, MaxAction)
}

// Durable tells that every action up to Seq is safe, and may be forgotten.
type Durable struct {
	Epoch uint64
	Seq   uint64
}

func (f *Durable) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Seq)
}

// Update carries opaque bytes of the game.
type Update struct {
	Epoch   uint64
	Payload []byte // <= MaxUpdate; in a datagram <= MaxDatagram
}

func (f *Update) fields(c *codec) {
	c.uint(&f.Epoch)
	c.rest(&f.Payload, MaxUpdate)
}

// Hold tells that no primary serves; actions are kept.
type Hold struct {
	Epoch  uint64
	Reason Code
}

func (f *Hold) fields(c *codec) {
	c.uint(&f.Epoch)
	c.code(&f.Reason)
}

// Reseated tells that the primary of Epoch serves, and has this player's actions
// up to Applied.
type Reseated struct {
	Epoch   uint64
	Applied uint64
}

func (f *Reseated) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Applied)
}

// Pressure tells that the edge has stopped (On) or goes on reading this player's
// stream. Kept is how many actions it keeps for him.
type Pressure struct {
	On   bool
	Kept uint64
}

func (f *Pressure) fields(c *codec) {
	c.bool(&f.On)
	c.uint(&f.Kept)
}

// Refused tells that the action Seq was not applied and never will be; its seq is
// used up.
type Refused struct {
	Epoch  uint64
	Seq    uint64
	Reason Code
	Text   string // <= MaxText
}

func (f *Refused) fields(c *codec) {
	c.uint(&f.Epoch)
	c.uint(&f.Seq)
	c.code(&f.Reason)
	c.text(&f.Text)
}

// Protection tells whether durable actions survive the loss of any one process.
type Protection struct {
	Epoch     uint64
	Protected bool
}

func (f *Protection) fields(c *codec) {
	c.uint(&f.Epoch)
	c.bool(&f.Protected)
}

// Bye ends the session. First..Last are the seqs that are not durable (0, 0: none).
// RetryMillis is how long one who was not let in should wait before he asks again
// (0: nothing is said of that).
type Bye struct {
	Reason      Code
	First       uint64
	Last        uint64
	RetryMillis uint64
	Text        string // <= MaxText
}

func (f *Bye) fields(c *codec) {
	c.code(&f.Reason)
	c.uint(&f.First)
	c.uint(&f.Last)
	c.uint(&f.RetryMillis)
	c.text(&f.Text)
}
