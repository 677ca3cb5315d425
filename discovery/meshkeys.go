package discovery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	consul "github.com/hashicorp/consul/api"
)

// The keys of the mesh are in a folder whose name no region can have.
const (
	meshDir       = ".mesh"
	controllerKey = "controller"
	stateKey      = "state"
	seatsDir      = "seats/"
	drainDir      = "drain/"
	strikeDir     = "strike/"
)

// meshKey is a key of the mesh as a whole.
func (c *Client) meshKey(name string) string { return c.meshFolder() + name }

func (c *Client) meshFolder() string { return c.cfg.Prefix + "/" + meshDir + "/" }

// meshKeys is what the keys below a prefix say.
type meshKeys struct {
	regions    map[string]regionState // that have a key of their own
	seats      map[string]Seats       // that have a seats key
	controller *Controller            // nil: the lock is free
	state      MeshState
	stateAt    SetVersion
	draining   map[string]Drain
	strikes    map[string]Strike

	odd map[string][]string // what nobody of ours can have written, by region; "" is of none
}

// keyReader reads one answer after the other, and remembers the last: most keys are as
// they were then. It is not for concurrent use.
type keyReader struct {
	prefix string
	last   memory
}

// memory is what was read of keys whose values had to be parsed, by region.
type memory struct {
	regions map[string]remembered[regionState]
	seats   map[string]remembered[Seats]
}

// remembered is what was read of some keys.
type remembered[T any] struct {
	pairs consul.KVPairs
	value T
}

// is tells whether pairs are those that were read. The index alone does not say so: a
// restored Consul counts anew.
func (r remembered[T]) is(pairs ...*consul.KVPair) bool {
	return slices.EqualFunc(r.pairs, pairs, func(a, b *consul.KVPair) bool {
		return a.ModifyIndex == b.ModifyIndex && a.LockIndex == b.LockIndex && a.Session == b.Session && a.Key == b.Key && bytes.Equal(a.Value, b.Value)
	})
}

// maxOdd bounds what is told of oddities that are of no region.
const maxOdd = 8

// read reads keys whatever their names and values are. It never fails: what
// makes no sense is noted. In a region's own keys it counts as readRegion says, else as
//
//   - a controller's lock: held by the session that Consul names, by nobody known;
//   - seats, and the state: absent, but of that version, so that they can be replaced;
//   - a drain: one, by nobody known. The key is the fact, the value only a note;
//   - a strike: none.
func (k *keyReader) read(pairs consul.KVPairs) meshKeys {
	next := memory{
		regions: make(map[string]remembered[regionState], len(k.last.regions)),
		seats:   make(map[string]remembered[Seats], len(k.last.seats)),
	}
	m := meshKeys{regions: map[string]regionState{}, seats: map[string]Seats{}, draining: map[string]Drain{}, strikes: map[string]Strike{}, odd: map[string][]string{}}
	own := map[string]consul.KVPairs{}
	for _, pair := range pairs {
		if pair == nil || pair.ModifyIndex == 0 {
			continue
		}
		path, _ := strings.CutPrefix(pair.Key, k.prefix+"/")
		folder, key, _ := strings.Cut(path, "/")
		switch {
		case folder == meshDir:
			m.readMesh(key, pair, k.last, next)
		case !regionKey(key): // of another version, or of another prefix
		case m.named(folder, pair):
			own[folder] = append(own[folder], pair)
		}
	}
	for region, list := range own {
		seen := k.last.regions[region]
		if !seen.is(list...) {
			seen = remembered[regionState]{list, readRegion(regionKeys(k.prefix, region), list)}
		}
		next.regions[region] = seen
		state := seen.value
		m.odd[region] = append(m.odd[region], state.odd...)
		m.regions[region] = state
	}
	k.last = next
	return m
}

// named tells whether name can be one of ours, and notes it if not.
func (m *meshKeys) named(name string, pair *consul.KVPair) bool {
	if CheckName(name) == nil {
		return true
	}
	m.note("", "the key %.160q has a name in it that is none", pair.Key)
	return false
}

func (m *meshKeys) note(region, format string, args ...any) {
	if region != "" || len(m.odd[region]) < maxOdd {
		m.odd[region] = append(m.odd[region], fmt.Sprintf(format, args...))
	}
}

// readMesh reads a key of the mesh as a whole.
func (m *meshKeys) readMesh(key string, pair *consul.KVPair, last, next memory) {
	region, seats := strings.CutPrefix(key, seatsDir)
	incarnation, drain := strings.CutPrefix(key, drainDir)
	victim, strike := strings.CutPrefix(key, strikeDir)
	switch {
	case key == controllerKey && pair.Session != "":
		m.readController(pair)
	case key == stateKey:
		m.readState(pair)
	case seats && m.named(region, pair):
		m.seatsOf(region, pair, last, next)
	case drain && m.named(incarnation, pair):
		m.readDrain(incarnation, pair)
	case strike && m.named(victim, pair):
		m.readStrike(victim, pair)
	}
}

func (m *meshKeys) readController(pair *consul.KVPair) {
	var who Controller
	if read(pair, &who) != nil || who.validate() != nil || who.Session != pair.Session {
		m.note("", "the controller's lock is held by session %s, but its value %.80q is not by the holder", pair.Session, pair.Value)
		who = Controller{Session: pair.Session}
	}
	m.controller = &who
}

func (m *meshKeys) readState(pair *consul.KVPair) {
	m.stateAt = SetVersion(pair.ModifyIndex)
	var state MeshState
	if read(pair, &state) != nil || state.validate() != nil {
		m.note("", "the state of the mesh %.80q is none", pair.Value)
		return
	}
	m.state = state
}

func (m *meshKeys) seatsOf(region string, pair *consul.KVPair, last, next memory) {
	seen := last.seats[region]
	if !seen.is(pair) {
		seats, ok := readSeats(pair)
		if !ok {
			m.note(region, "the seats %.80q are none", pair.Value) // each time: it is not remembered
			m.seats[region] = seats
			return
		}
		seen = remembered[Seats]{consul.KVPairs{pair}, seats}
	}
	next.seats[region], m.seats[region] = seen, seen.value
}

func readSeats(pair *consul.KVPair) (seats Seats, ok bool) {
	if ok = read(pair, &seats) == nil && seats.validate() == nil; !ok {
		seats = Seats{}
	}
	seats.Servers = sortedSet(seats.Servers)
	seats.Version = SetVersion(pair.ModifyIndex)
	return seats, ok
}

func (m *meshKeys) readDrain(incarnation string, pair *consul.KVPair) {
	var drain Drain
	if read(pair, &drain) != nil || drain.validate() != nil {
		m.note("", "the drain of %s says %.80q", incarnation, pair.Value)
		drain = Drain{}
	}
	m.draining[incarnation] = drain
}

func (m *meshKeys) readStrike(incarnation string, pair *consul.KVPair) {
	var strike Strike
	if read(pair, &strike) != nil || strike.validate() != nil {
		m.note("", "the strike of %s says %.80q", incarnation, pair.Value)
		return
	}
	m.strikes[incarnation] = strike
}

// maxNote is the longest value of a key of the mesh.
const maxNote = 8 << 10

// read reads the JSON of a value that is not too long.
func read(pair *consul.KVPair, v any) error {
	if len(pair.Value) > maxNote {
		return fmt.Errorf("%d bytes are more than %d", len(pair.Value), maxNote)
	}
	return json.Unmarshal(pair.Value, v)
}

// members lists, for each region that there is, the registered servers that it is
// about, sorted by incarnation.
func (m *meshKeys) members(servers []Server) map[string][]Server {
	wanted := map[string][]string{}
	for _, s := range servers {
		for _, region := range s.Regions {
			wanted[region] = append(wanted[region], s.Incarnation)
		}
	}
	for region, state := range m.regions {
		wanted[region] = append(append(wanted[region], state.inSync...), state.holder.Incarnation)
	}
	for region, seats := range m.seats {
		wanted[region] = append(wanted[region], seats.Servers...)
	}
	out := make(map[string][]Server, len(wanted))
	for region, incarnations := range wanted {
		out[region] = nil
		for _, incarnation := range sortedSet(incarnations) {
			if i, ok := slices.BinarySearchFunc(servers, incarnation, byIncarnation); ok {
				out[region] = append(out[region], servers[i])
			}
		}
	}
	return out
}

func byIncarnation(s Server, incarnation string) int {
	return strings.Compare(s.Incarnation, incarnation)
}
