package buffer

// Kind is what a record of the region log says.
type Kind uint8

// The kinds of records. All numbers not named are 0, all payloads empty.
const (
	// KindSeal is the first record of an epoch.
	KindSeal Kind = 1 + iota
	// KindAction is the action Seq of player ID, with its payload. Number is 1
	// when it is suspect: it was in flight when a primary died; and Carried when it
	// came with him from another region.
	KindAction
	// KindOutcome is what the actions at indexes Seq..Number came to: Payload is
	// applied in their stead. Seq = Number+1: no action caused it, and it comes
	// after Number.
	KindOutcome
	// KindAttach gives player ID the attach number Number. Payload is the
	// player's name and the hashes of his tokens; see AppendAttach.
	KindAttach
	// KindMark says that the suspect action Seq of player ID is about to be
	// applied, or was when the game died, for the Number-th time. With ID 0 it says
	// that suspects are being tried from here on (Number 1), or that all of them
	// were survived (Number 0).
	KindMark
	// KindQuarantine says that the action Seq of player ID is never applied
	// again; its seq is used up. Number is its index, 0 if it is not in the log.
	// Of an arrival, Seq is that of Record.Trial.
	KindQuarantine
	// KindDepart says that player ID has left for another region, in the call with
	// the actions at indexes Seq..Number (as of a KindOutcome, which it is, too, if
	// its Payload says so). Payload is an AppendDeparture. Actions of his that stand
	// between Seq and it, and are above the parcel's Have, are not applied: they go
	// along.
	KindDepart
	// KindArrive says that player ID comes from another region, where his actions up
	// to Seq were applied. The game is given it, as an action. Number is 1 when it is
	// suspect. Payload is an AppendArrival.
	KindArrive
	// KindDelivered says that what player ID took along on his Number-th transfer has
	// arrived: it is not kept any more.
	KindDelivered
	kinds
)

// Carried is the Number of an action that came with its player from another region.
const Carried = 2

// Valid tells whether k is a kind of record.
func (k Kind) Valid() bool { return 0 < k && k < kinds }

// Input tells whether the game is given records of this kind.
func (k Kind) Input() bool { return k == KindAction || k == KindArrive }

var kindNames = [kinds]string{"none", "seal", "action", "outcome", "attach", "mark", "quarantine", "depart", "arrive", "delivered"}

// String is the kind's name.
func (k Kind) String() string {
	if k < kinds {
		return kindNames[k]
	}
	return "unknown"
}

// Record is one entry of a region log.
type Record struct {
	Epoch   uint64 // of the primary that wrote it
	Kind    Kind
	ID      uint64
	Seq     uint64
	Number  uint64
	Payload []byte
}

// Chained folds r into the hash of all records before it. Two logs with one hash
// at an index agree up to there. FNV-1a: it guards against errors, not malice.
func (r *Record) Chained(chain uint64) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	chain = (chain ^ offset) * prime
	for _, v := range [...]uint64{r.Epoch, uint64(r.Kind), r.ID, r.Seq, r.Number, uint64(len(r.Payload))} {
		chain = (chain ^ v) * prime
	}
	for _, b := range r.Payload {
		chain = (chain ^ uint64(b)) * prime
	}
	return chain
}

// Attachment is the payload of a KindAttach.
type Attachment struct {
	Player string
	Token  []byte // hash of the resume token that was shown, empty: none
	Next   []byte // hash of the one that was given
}

// AppendAttach encodes a: name, token and next, each behind a byte that says its
// length. Fields of more than 255 bytes do not pass the wire.
func AppendAttach(dst []byte, a Attachment) []byte {
	for _, field := range [][]byte{[]byte(a.Player), a.Token, a.Next} {
		dst = append(append(dst, byte(len(field))), field...)
	}
	return dst
}

// ParseAttach decodes a payload; false when it is malformed. The result does not
// alias it.
func ParseAttach(payload []byte) (a Attachment, ok bool) {
	var fields [3][]byte
	for i := range fields {
		if len(payload) == 0 || int(payload[0]) >= len(payload) {
			return Attachment{}, false
		}
		n := 1 + int(payload[0])
		fields[i], payload = payload[1:n], payload[n:]
	}
	if len(payload) > 0 || len(fields[0]) == 0 {
		return Attachment{}, false
	}
	return Attachment{string(fields[0]), clone(fields[1]), clone(fields[2])}, true
}

// clone makes no bytes nil.
func clone(b []byte) []byte { return append([]byte(nil), b...) }
