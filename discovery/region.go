package discovery

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	consul "github.com/hashicorp/consul/api"

	"github.com/reseat-proxy/reseat/buffer/fault"
)

// Holder is who holds a region's lock: the value of the lock key.
type Holder struct {
	Incarnation string `json:"incarnation"`
	Address     string `json:"address"` // host:port of its sidecar's link
	Epoch       uint64 `json:"epoch"`

	// Session is the one that holds the lock. TakeOver writes it into the value
	// too, so that a reader knows a value that the holder did not write.
	Session string `json:"session"`

	// Yielded: this holder has given the lock up in good order. All that it had taken
	// was durable then, and nothing was under way.
	Yielded bool `json:"yielded,omitempty"`

	// Given: the holder before this one has passed the lock on to it, in good order,
	// by HandOver.
	Given bool `json:"given,omitempty"`

	// Trace is the traceparent of the failover that made it primary, may be empty.
	Trace string `json:"trace,omitempty"`
}

// SetVersion is the version of an in-sync set; 0 means that none is published.
type SetVersion uint64

// maxEpoch is the highest epoch that can travel in a frame.
const maxEpoch = 1<<62 - 1

// Bounds of what is taken from a key, and written to it. Consul lets anybody
// write 512 KB; that must not come into a View, a log line or an error.
const (
	maxHolder  = 4 << 10 // bytes
	maxMembers = 64
)

// keys of one region.
type keys struct{ dir, lock, epoch, inSync string }

func (c *Client) keys(region string) keys { return regionKeys(c.cfg.Prefix, region) }

func regionKeys(prefix, region string) keys {
	dir := prefix + "/" + region + "/"
	return keys{dir: dir, lock: dir + lockKey, epoch: dir + epochKey, inSync: dir + inSyncKey}
}

// The names of a region's keys.
const (
	lockKey   = "lock"
	epochKey  = "epoch"
	inSyncKey = "insync"
)

func regionKey(name string) bool { return name == lockKey || name == epochKey || name == inSyncKey }

// regionState is what the keys of a region say.
type regionState struct {
	epoch      uint64 // the highest that any key tells of
	epochIndex uint64 // of the epoch key, 0 if absent

	session   string // that holds the lock, empty if it is free
	holder    Holder // with at least its Session if the lock is held
	last      string // incarnation that holds or last held the lock, empty if that is not known
	yielded   bool   // the lock is free, and was given up in good order
	lockIndex uint64 // of the lock key, 0 if absent
	locks     uint64 // how often Consul says it was taken; only for a seeded bug
	lockValue []byte // as it is

	inSync      []string // sorted
	inSyncKnown bool
	inSyncIndex SetVersion

	odd []string // what nobody of ours can have written
}

// readRegion reads keys whatever their values are. It never fails: a value that
// makes no sense is noted and counts as
//
//   - lock: held by the session that Consul names, by nobody known;
//   - epoch: absent, so that the next one comes from the floor of the candidate;
//   - insync: published and empty, so that nobody takes over on a guess.
func readRegion(k keys, pairs consul.KVPairs) regionState {
	var s regionState
	for _, pair := range pairs {
		if pair == nil || pair.ModifyIndex == 0 {
			continue // an absent key, as a transaction shows it
		}
		switch pair.Key {
		case k.lock:
			s.readLock(pair)
		case k.epoch:
			s.readEpoch(pair)
		case k.inSync:
			s.readInSync(pair)
		}
	}
	return s
}

func (s *regionState) readLock(pair *consul.KVPair) {
	s.session, s.lockIndex, s.lockValue = pair.Session, pair.ModifyIndex, pair.Value
	h, ours := readHolder(pair.Value)
	if fault.Bug(fault.LockIndexAsEpoch) {
		s.locks = pair.LockIndex
	}
	s.epoch = max(s.epoch, h.Epoch) // a former holder's epoch counts as well
	if s.session == "" {
		if ours {
			s.last, s.yielded = h.Incarnation, h.Yielded
		}
		return
	}
	if !ours || h.Session != pair.Session {
		s.note("the lock is held by session %s, but its value %.80q is not by the holder", pair.Session, pair.Value)
		h = Holder{Session: pair.Session}
	}
	s.holder, s.last = h, h.Incarnation
}

// readHolder reads a lock's value, and tells whether one of ours can have written
// it. If not, its epoch is zero or one that counts nevertheless.
func readHolder(value []byte) (h Holder, ours bool) {
	if len(value) > maxHolder || json.Unmarshal(value, &h) != nil || h.Epoch > maxEpoch {
		return Holder{}, false
	}
	return h, CheckName(h.Incarnation) == nil
}

func (s *regionState) readEpoch(pair *consul.KVPair) {
	s.epochIndex = pair.ModifyIndex
	n, err := strconv.ParseUint(string(pair.Value), 10, 64)
	if err != nil || n > maxEpoch {
		s.note("the epoch %.80q is not a number below 2^62", pair.Value)
		return
	}
	s.epoch = max(s.epoch, n)
}

func (s *regionState) readInSync(pair *consul.KVPair) {
	s.inSyncKnown, s.inSyncIndex = true, SetVersion(pair.ModifyIndex)
	var members []string
	if err := json.Unmarshal(pair.Value, &members); err != nil || checkSet(members) != nil {
		s.note("the in-sync set %.80q is not a list of incarnations", pair.Value)
		return
	}
	s.inSync = sortedSet(members)
}

func (s *regionState) note(format string, args ...any) {
	s.odd = append(s.odd, fmt.Sprintf(format, args...))
}

// checkSet tells whether members may be published.
func checkSet(members []string) error {
	if len(members) > maxMembers {
		return fmt.Errorf("discovery: in-sync set: %d members are more than %d", len(members), maxMembers)
	}
	for _, m := range members {
		if err := CheckName(m); err != nil {
			return fmt.Errorf("discovery: in-sync set: %w", err)
		}
	}
	return nil
}

// sortedSet returns members in order, each once.
func sortedSet(members []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(members)))
}

func oddities(odd []string) string { return strings.Join(odd, "; ") }
