package demo

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// Screen is where a person watches: lines, and below them one that changes. On
// anything but a terminal there is no such line and no color. It may be used
// from any goroutine.
type Screen struct {
	mu    sync.Mutex
	w     io.Writer
	live  bool // a terminal: the last line can change
	color bool
	bar   string
}

// NewScreen finds out what w can do; nil: nobody watches. NO_COLOR in the environment is
// respected.
func NewScreen(w io.Writer) *Screen {
	s := &Screen{w: w}
	if w == nil {
		s.w = io.Discard
	}
	f, ok := w.(*os.File)
	if !ok {
		return s
	}
	info, err := f.Stat()
	s.live = err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	s.color = s.live && os.Getenv("NO_COLOR") == ""
	return s
}

// clearLine moves to the start of the line and empties it.
const clearLine = "\r\x1b[K"

// Line prints one line above the one that changes.
func (s *Screen) Line(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if s.bar == "" {
		fmt.Fprintln(s.w, text)
		return
	}
	fmt.Fprintf(s.w, "%s%s\n%s", clearLine, text, s.bar)
}

// Bar replaces the line that changes; an empty text removes it.
func (s *Screen) Bar(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.live || text == s.bar {
		return
	}
	s.bar = text
	fmt.Fprint(s.w, clearLine, text)
}

// style is a color of a terminal.
type style string

const (
	red   style = "31"
	green style = "32"
	cyan  style = "36"
	bold  style = "1"
	dim   style = "2"
)

// paint colors text, where there are colors.
func (s *Screen) paint(c style, text string) string {
	if !s.color || c == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// gauge draws how much of a whole is done.
func gauge(done, whole, width int) string {
	full := 0
	if whole > 0 {
		full = min(width, done*width/whole)
	}
	return strings.Repeat("█", full) + strings.Repeat("░", width-full)
}
