package peers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
)

// entrySize is that of an action in a journal: player and seq.
const entrySize = 8

// journal is the file of all that a game has applied. It outlives the process,
// though not the machine: nothing is synced.
type journal struct{ file *os.File }

func openJournal(path string) (journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return journal{}, fmt.Errorf("peers: journal: %w", err)
	}
	return journal{f}, nil
}

// add writes an action in one call, which the kernel does not mix with others. It may
// be called from any goroutine.
func (j journal) add(a action) error {
	var entry [entrySize]byte
	binary.BigEndian.PutUint32(entry[:], a.Player)
	binary.BigEndian.PutUint32(entry[4:], a.Seq)
	if _, err := j.file.Write(entry[:]); err != nil {
		return fmt.Errorf("peers: journal: %w", err)
	}
	return nil
}

func (j journal) close() error { return j.file.Close() }

// readJournal returns what a game has applied, in that order. One that never began
// has applied nothing.
func readJournal(path string) ([]action, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("peers: journal: %w", err)
	}
	if len(text)%entrySize != 0 {
		return nil, fmt.Errorf("peers: journal: %s ends within an action", path)
	}
	out := make([]action, 0, len(text)/entrySize)
	for ; len(text) > 0; text = text[entrySize:] {
		out = append(out, action{binary.BigEndian.Uint32(text), binary.BigEndian.Uint32(text[4:])})
	}
	return out, nil
}
