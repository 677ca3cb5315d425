package history

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// Writer writes records, one per line. Bots write while they play: a record
// costs a lock and a copy into a buffer, and no memory. It is safe for
// concurrent use; one file for all bots of a process is enough.
type Writer struct {
	mu   sync.Mutex
	out  *bufio.Writer
	line []byte
	err  error // the first one
	file io.Closer
}

// bufferSize holds some 400 records.
const bufferSize = 64 << 10

// NewWriter writes to w, which Close does not close.
func NewWriter(w io.Writer) *Writer { return &Writer{out: bufio.NewWriterSize(w, bufferSize)} }

// Create writes to the file of a run's directory that [ReadDir] will read. name
// tells it from the files of other processes: "bots-1".
func Create(dir, name string) (*Writer, error) {
	f, err := os.Create(filepath.Join(dir, opsPrefix+name+opsSuffix))
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	w := NewWriter(f)
	w.file = f
	return w, nil
}

// Write adds a record. An error is kept for Close: a bot has better things to do.
func (w *Writer) Write(r Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return
	}
	w.line = r.append(w.line[:0])
	_, w.err = w.out.Write(w.line)
}

// Close writes what is buffered, and returns the first error of all.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.out.Flush(); w.err == nil {
		w.err = err
	}
	if w.file != nil {
		if err := w.file.Close(); w.err == nil {
			w.err = err
		}
		w.file = nil
	}
	if w.err != nil {
		return fmt.Errorf("history: the record is not complete: %w", w.err)
	}
	return nil
}
