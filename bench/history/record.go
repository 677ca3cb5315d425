package history

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/reseat-proxy/reseat/bench/world"
)

// What is the kind of a record.
type What string

// The kinds of records, and the fields that they use besides What, Player, Edge
// and At.
const (
	Act       What = "act"       // the client took an action: N, Seq, Kind, Hash, Chain, Call
	Answer    What = "answer"    // the game answered action N: Result, Applied, Roll, Epoch
	Durable   What = "durable"   // all up to Seq is durable: Seq, Epoch
	Connected What = "connected" // joined
	Held      What = "held"      // no primary serves: Code
	Reseated  What = "reseated"  // the primary of Epoch serves and has applied up to Seq
	Lost      What = "lost"      // the connection failed: Code
	Resumed   What = "resumed"   // on Edge
	Refused   What = "refused"   // Seq was not applied and never will be: Code
	Full      What = "full"      // the edge has stopped taking actions
	Room      What = "room"      // it takes them again
	Unsaved   What = "unsaved"   // at the end, First to Last are not durable; 0, 0: all is
	Left      What = "left"      // the client left for good, with what may have been on its way
	Ended     What = "ended"     // the session ended against its will: Code
)

// Record is one thing that happened to a client, and one line of a file. Fields
// that a kind does not use are 0.
type Record struct {
	What   What   `json:"w"`
	Player string `json:"p"`
	Edge   string `json:"e,omitempty"`  // name or address of the edge, when known
	At     int64  `json:"at,omitempty"` // when the client knew; of an act: when the client library had taken it

	N     uint64     `json:"n,omitempty"`   // the client's own count: 1, 2, 3 …
	Seq   uint64     `json:"seq,omitempty"` // the player library's number
	Epoch uint64     `json:"ep,omitempty"`  // 0: not told
	Kind  world.Kind `json:"k,omitempty"`
	Hash  uint64     `json:"h,omitempty,string"`  // [HashOf] the payload
	Chain uint64     `json:"ch,omitempty,string"` // world.Chain over the payloads 1..N
	Call  int64      `json:"call,omitempty"`      // when the client wanted it, before it waited for room

	Result  world.Result `json:"res,omitempty"`
	Applied uint64       `json:"ap,omitempty"`  // commands of this player that the game has carried out; 0: not told
	Roll    uint64       `json:"rol,omitempty"` // what the game threw for the action; 0: nothing

	Code  string `json:"code,omitempty"`
	First uint64 `json:"first,omitempty"`
	Last  uint64 `json:"last,omitempty"`
}

// HashOf is the hash of one payload.
func HashOf(payload []byte) uint64 { return world.Chain(0, payload) }

// append encodes r as a line, the way json.Marshal would, without allocating.
func (r *Record) append(dst []byte) []byte {
	dst = text(dst, `{"w":`, string(r.What))
	dst = text(dst, `,"p":`, r.Player)
	dst = optional(dst, `,"e":`, r.Edge)
	dst = signed(dst, `,"at":`, r.At)
	dst = unsigned(dst, `,"n":`, r.N)
	dst = unsigned(dst, `,"seq":`, r.Seq)
	dst = unsigned(dst, `,"ep":`, r.Epoch)
	dst = unsigned(dst, `,"k":`, uint64(r.Kind))
	dst = quoted(dst, `,"h":"`, r.Hash)
	dst = quoted(dst, `,"ch":"`, r.Chain)
	dst = signed(dst, `,"call":`, r.Call)
	dst = unsigned(dst, `,"res":`, uint64(r.Result))
	dst = unsigned(dst, `,"ap":`, r.Applied)
	dst = unsigned(dst, `,"rol":`, r.Roll)
	dst = optional(dst, `,"code":`, r.Code)
	dst = unsigned(dst, `,"first":`, r.First)
	dst = unsigned(dst, `,"last":`, r.Last)
	return append(dst, "}\n"...)
}

func unsigned(dst []byte, key string, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return strconv.AppendUint(append(dst, key...), v, 10)
}

// quoted writes a hash as a string: most readers of JSON would round it.
func quoted(dst []byte, key string, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return append(strconv.AppendUint(append(dst, key...), v, 10), '"')
}

func signed(dst []byte, key string, v int64) []byte {
	if v == 0 {
		return dst
	}
	return strconv.AppendInt(append(dst, key...), v, 10)
}

func optional(dst []byte, key, s string) []byte {
	if s == "" {
		return dst
	}
	return text(dst, key, s)
}

func text(dst []byte, key, s string) []byte {
	dst = append(dst, key...)
	if plain(s) {
		dst = append(dst, '"')
		dst = append(dst, s...)
		return append(dst, '"')
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("history: a string cannot be written: %v", err)) // json.Marshal takes every string
	}
	return append(dst, quoted...)
}

// plain tells whether s needs no escaping.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
