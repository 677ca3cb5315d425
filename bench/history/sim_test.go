package history

import (
	"fmt"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/world"
)

// sim plays a game behind a correct proxy: a primary with a log, backups that
// have a prefix of it, players who keep what is not durable and send it again.
type sim struct {
	*tape
	pick    func(n int) int // 0 … n-1
	now     int64
	players []*figure

	epoch     uint64
	primary   string
	set       []string // backups in sync
	lives     int
	log       []entry
	committed int // entries that everybody has
}

type figure struct {
	name   string
	edge   int
	attach uint64
	acts   []Record
	cmds   []command
	poison map[uint64]bool // by seq
	counts []uint64        // of the actions up to n+1 that are no poison
	have   uint64          // last seq in the log
	mark   uint64          // heard
	mail   []Record        // on its way to the client, in order
}

type entry struct {
	who    *figure
	seq    uint64
	epoch  uint64
	attach uint64
	roll   uint64
}

const (
	simStart = int64(1_000_000_000_000)
	simKept  = 10
)

func newSim(players int, pick func(n int) int) *sim {
	s := &sim{pick: pick, now: simStart, tape: &tape{
		setup:   Setup{Name: "sim", Strict: true, Roaming: true, Poison: true, Kept: simKept, Lag: time.Millisecond},
		e:       &Evidence{Region: "demo", Counters: map[string]uint64{}, Rolls: map[string][]Roll{}},
		carried: map[string][]command{},
	}}
	for range 3 {
		s.set = append(s.set, s.join())
	}
	s.elect()
	s.e.Started = s.now
	for i := range players {
		f := &figure{name: fmt.Sprintf("bot-%d", i+1), attach: 1, poison: map[uint64]bool{}}
		s.players = append(s.players, f)
		s.record(f, Record{What: Connected})
	}
	return s
}

func (s *sim) tick() int64 { s.now += 1_000_000; return s.now }

func (s *sim) event(name, from string, attrs map[string]any) {
	s.e.Events = append(s.e.Events, event(name, from, s.tick(), attrs))
}

func (s *sim) record(f *figure, r Record) {
	r.Player, r.Edge, r.At = f.name, fmt.Sprintf("edge-%d", f.edge), s.tick()
	s.records = append(s.records, r)
}

func (s *sim) join() string {
	s.lives++
	inc := fmt.Sprintf("inc-%d", s.lives)
	s.event(eventJoined, fmt.Sprintf("game-%d", s.lives%3), map[string]any{"incarnation": inc})
	return inc
}

// elect makes a backup the primary.
func (s *sim) elect() {
	i := s.pick(len(s.set))
	s.primary = s.set[i]
	s.epoch++
	s.event(eventElected, s.primary, map[string]any{"epoch": s.epoch, "incarnation": s.primary, "region": "demo"})
	s.set = slices.Delete(s.set, i, i+1)
	s.event(eventInSync, s.primary, map[string]any{"members": s.set})
	s.event(eventServing, s.primary, map[string]any{"epoch": s.epoch})
}

// act sends a command, if the client may keep one more.
func (s *sim) act(f *figure) {
	n := uint64(len(f.acts)) + 1
	if n > f.mark+simKept {
		return
	}
	c := world.Command{Kind: world.Sell, N: n, Count: uint64(s.pick(50))}
	payload := c.Append(nil)
	r := Record{What: Act, N: n, Seq: n, Kind: c.Kind, Hash: HashOf(payload), Chain: HashOf(payload), Call: s.now}
	if n > 1 {
		r.Chain = world.Chain(f.acts[n-2].Chain, payload)
	}
	if s.pick(40) == 1 {
		f.poison[n] = true
	}
	f.counts = append(f.counts, n-uint64(len(f.poison)))
	f.acts, f.cmds = append(f.acts, r), append(f.cmds, command{n, payload})
	s.record(f, r)
}

// deliver gives the primary the next action that it does not have.
func (s *sim) deliver(f *figure) {
	if f.have < uint64(len(f.acts)) {
		f.have++
		s.log = append(s.log, entry{f, f.have, s.epoch, f.attach, uint64(1 + s.pick(1000))})
	}
}

// replicate makes all of the log durable and tells the players.
func (s *sim) replicate() {
	for ; s.committed < len(s.log); s.committed++ {
		e := s.log[s.committed]
		f := e.who
		if f.poison[e.seq] {
			s.quarantine(e)
			f.mail = append(f.mail, Record{What: Refused, Seq: e.seq, Code: "quarantined"})
		} else {
			f.mail = append(f.mail, s.answer(e))
		}
		if s.pick(3) > 0 {
			f.mail = append(f.mail, Record{What: Durable, Seq: e.seq, Epoch: s.epoch})
		}
	}
}

func (s *sim) quarantine(e entry) {
	s.event(eventQuarantined, s.primary, map[string]any{"player": e.who.name, "seq": e.seq, "attempts": 2})
}

func (s *sim) answer(e entry) Record {
	return Record{What: Answer, N: e.seq, Result: world.Done, Applied: e.who.counts[e.seq-1], Roll: e.roll, Epoch: s.epoch}
}

// hear brings a client the next of its mail.
func (s *sim) hear(f *figure) {
	if len(f.mail) > 0 {
		r := f.mail[0]
		f.mail = f.mail[1:]
		if r.What == Durable {
			f.mark = max(f.mark, r.Seq)
		}
		s.record(f, r)
	}
}

// crash kills the primary. The next one has at least all that is durable.
func (s *sim) crash() {
	s.e.Faults = append(s.e.Faults, Fault{Name: "kill", Target: s.primary, At: s.tick()})
	s.event(eventDown, s.primary, map[string]any{"incarnation": s.primary})
	s.log = s.log[:s.committed+s.pick(len(s.log)-s.committed+1)]
	s.elect()
	for _, f := range s.players {
		f.have = 0
		f.mail = append(f.mail, Record{What: Held, Code: "refused"})
	}
	for _, e := range s.log {
		e.who.have = e.seq
		if s.committed > 0 && e.epoch < s.epoch && s.pick(10) == 0 && !e.who.poison[e.seq] {
			e.who.mail = append(e.who.mail, s.answer(e)) // again, perhaps; strict: only when durable
		}
	}
	for ; s.committed < len(s.log); s.committed++ { // the new primary seals its log with the others
		if e := s.log[s.committed]; e.who.poison[e.seq] {
			s.quarantine(e)
		}
	}
	for _, f := range s.players {
		f.mail = append(f.mail, Record{What: Reseated, Epoch: s.epoch, Seq: f.have})
		f.mail = append(f.mail, Record{What: Durable, Epoch: s.epoch, Seq: f.have})
		for seq := range f.have + 1 {
			if f.poison[seq] {
				f.mail = append(f.mail, Record{What: Refused, Seq: seq, Code: "quarantined"})
			}
		}
	}
	s.set = append(s.set, s.join())
	s.event(eventInSync, s.primary, map[string]any{"members": s.set})
}

// roam loses a client's connection, with all mail that was on its way.
func (s *sim) roam(f *figure) {
	s.record(f, Record{What: Lost, Code: "silence"})
	f.edge = 1 - f.edge
	f.attach++
	s.record(f, Record{What: Resumed})
	f.mail = slices.DeleteFunc(f.mail, func(r Record) bool { return r.What != Refused })
	var durable uint64
	for _, e := range s.log[:s.committed] {
		if e.who == f {
			durable = e.seq
		}
	}
	f.mail = append(f.mail, Record{What: Durable, Epoch: s.epoch, Seq: durable})
}

// play does one thing.
func (s *sim) play() {
	f := s.players[s.pick(len(s.players))]
	switch p := s.pick(100); {
	case p < 35:
		s.act(f)
	case p < 65:
		s.deliver(f)
	case p < 80:
		s.hear(f)
	case p < 93:
		s.replicate()
	case p < 96:
		s.roam(f)
	case p < 98:
		s.crash()
	}
}

// finish lets everything settle, and closes the books. leaver leaves before
// that, if not nil: what it sent last may have happened or not.
func (s *sim) finish(leaver *figure) *tape {
	for _, f := range s.players {
		for f != leaver && f.have < uint64(len(f.acts)) {
			s.deliver(f)
		}
	}
	s.replicate()
	for _, f := range s.players {
		if f == leaver {
			s.record(f, Record{What: Left})
			continue
		}
		f.mail = append(f.mail, Record{What: Durable, Epoch: s.epoch, Seq: f.have})
		for len(f.mail) > 0 {
			s.hear(f)
		}
		s.record(f, Record{What: Unsaved})
	}
	s.e.Ended = s.now
	s.e.Before = &Audit{Call: simStart, Return: simStart + 1}
	s.e.After = &Audit{Call: s.tick(), Return: s.tick()}
	s.close()
	return s.tape
}

// close writes down what the game and the replicas have.
func (s *sim) close() {
	primary := Dump{From: s.primary, Incarnation: s.primary, Primary: true, Epoch: s.epoch, StateHash: 77}
	primary.End, primary.Commit = uint64(len(s.log)), uint64(s.committed)
	var chain uint64
	for i, e := range s.log {
		c := e.who.cmds[e.seq-1]
		chain = world.Chain(chain, c.payload)
		primary.Log = append(primary.Log, Entry{
			Index: uint64(i) + 1, Epoch: e.epoch, Player: e.who.name, Attach: e.attach, Seq: e.seq,
			Hash: HashOf(c.payload), Chain: chain,
		})
		if !e.who.poison[e.seq] {
			s.carried[e.who.name] = append(s.carried[e.who.name], c)
			s.e.Rolls[e.who.name] = append(s.e.Rolls[e.who.name], Roll{e.seq, e.roll})
		}
	}
	for _, f := range s.players {
		primary.Rows = append(primary.Rows, Row{Player: f.name, Attach: f.attach, Have: f.have, Applied: f.have, Durable: f.have})
	}
	s.e.Dumps = append(s.e.Dumps, primary)
	for _, inc := range s.set {
		d := primary
		d.From, d.Incarnation, d.Primary, d.InSync = inc, inc, false, true
		d.Log, d.Rows = slices.Clone(d.Log), slices.Clone(d.Rows)
		s.e.Dumps = append(s.e.Dumps, d)
	}
}

// played is a run of so many steps.
func played(players, steps int, leaves bool, pick func(n int) int) *tape {
	s := newSim(players, pick)
	for range steps {
		s.play()
	}
	var leaver *figure
	if leaves {
		leaver = s.players[pick(players)]
	}
	return s.finish(leaver)
}
