package history

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// maxLine bounds a line: names are short and all else is numbers.
const maxLine = 64 << 10

// The files of a run's directory with records.
const (
	opsPrefix = "ops-"
	opsSuffix = ".jsonl"
)

// Read reads records, in any order, from one or more writers. A line that is
// not whole is an error: a client that died has recorded nothing to judge by.
func Read(from ...io.Reader) (*History, error) {
	players := map[string]*folder{}
	for _, r := range from {
		if err := read(r, players); err != nil {
			return nil, err
		}
	}
	h := &History{}
	for _, f := range players {
		p, err := f.fold()
		if err != nil {
			return nil, err
		}
		h.Players = append(h.Players, p)
	}
	slices.SortFunc(h.Players, func(a, b *Player) int { return cmp.Compare(a.Name, b.Name) })
	return h, nil
}

// ReadDir reads all files that [Create] made in dir.
func ReadDir(dir string) (*History, error) {
	names, err := filepath.Glob(filepath.Join(dir, opsPrefix+"*"+opsSuffix))
	if err == nil && len(names) == 0 {
		err = os.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("history: no records in %s: %w", dir, err)
	}
	readers := make([]io.Reader, 0, len(names))
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		defer f.Close()
		readers = append(readers, f)
	}
	return Read(readers...)
}

func read(from io.Reader, players map[string]*folder) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxLine)
	lines.Split(wholeLines)
	for n := 1; lines.Scan(); n++ {
		var r Record
		err := json.Unmarshal(lines.Bytes(), &r)
		if err == nil {
			err = r.check()
		}
		if err != nil {
			return fmt.Errorf("history: line %d: %w", n, err)
		}
		f := players[r.Player]
		if f == nil {
			f = &folder{Player: Player{Name: r.Player}}
			players[r.Player] = f
		}
		f.add(r)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

var errTorn = errors.New("the last line is torn")

// wholeLines splits like bufio.ScanLines, and takes no line without an end.
func wholeLines(data []byte, atEOF bool) (advance int, line []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, errTorn
	}
	return 0, nil, nil
}

// check refuses what no client can have recorded.
func (r *Record) check() error {
	switch r.What {
	case Act:
		if r.N == 0 || r.Seq == 0 || r.Call > r.At {
			return errors.New("an action without numbers, or taken before it was wanted")
		}
	case Answer, Durable, Connected, Held, Reseated, Lost, Resumed, Refused, Full, Room, Unsaved, Left, Ended:
	default:
		return fmt.Errorf("unknown record %q", r.What)
	}
	if r.Player == "" || r.At <= 0 || r.Call < 0 {
		return errors.New("a record of nobody, or before time began")
	}
	return nil
}

// folder collects one player's records.
type folder struct {
	Player
	answers []Record
}

func (f *folder) add(r Record) {
	switch r.What {
	case Act:
		f.Ops = append(f.Ops, Op{
			Player: r.Player, Edge: r.Edge, N: r.N, Seq: r.Seq, Kind: r.Kind, Hash: r.Hash, Chain: r.Chain,
			Call: r.Call, Sent: r.At,
		})
	case Answer:
		f.answers = append(f.answers, r)
	case Durable:
		f.Marks = append(f.Marks, r)
	default:
		f.News = append(f.News, r)
	}
}

// fold puts the records together. An answer may be recorded before its action:
// the client library tells of it from another goroutine.
func (f *folder) fold() (*Player, error) {
	p := &f.Player
	slices.SortFunc(p.Ops, func(a, b Op) int { return cmp.Compare(a.N, b.N) })
	for i := 1; i < len(p.Ops); i++ {
		if p.Ops[i].N == p.Ops[i-1].N {
			return nil, fmt.Errorf("history: %s recorded its action %d twice", p.Name, p.Ops[i].N)
		}
	}
	byTime := func(a, b Record) int { return cmp.Compare(a.At, b.At) }
	slices.SortStableFunc(p.Marks, byTime)
	slices.SortStableFunc(p.News, byTime)
	slices.SortStableFunc(f.answers, byTime)
	for _, r := range f.answers {
		reply := Reply{At: r.At, Result: r.Result, Applied: r.Applied, Roll: r.Roll, Epoch: r.Epoch}
		switch o := p.op(r.N); {
		case o == nil:
			p.Strays = append(p.Strays, r)
		case o.Replied == 0:
			o.Replied, o.Reply = r.At, reply
		default:
			o.Again = append(o.Again, reply)
		}
	}
	p.settle()
	return p, nil
}
