package fleet

import (
	"encoding/json"
	"time"
)

// Event is a line of a process's log that has an "event" attribute.
type Event struct {
	At   time.Time // when the process wrote it
	From string    // the process
	Name string    // the value of "event"
	Msg  string

	attrs map[string]any
}

// ParseEvent reads a line of log/slog's JSON. ok is false for lines that are no such
// thing, or no event: those are for people. now is when the line was read.
func ParseEvent(from string, line []byte, now time.Time) (e Event, ok bool) {
	var attrs map[string]any
	if json.Unmarshal(line, &attrs) != nil {
		return Event{}, false
	}
	e = Event{At: now, From: from, attrs: attrs}
	e.Name, e.Msg = e.Text("event"), e.Text("msg")
	if at, err := time.Parse(time.RFC3339Nano, e.Text("time")); err == nil {
		e.At = at
	}
	return e, e.Name != ""
}

// Text is the attribute key as text; empty if it is none.
func (e Event) Text(key string) string {
	s, _ := e.attrs[key].(string)
	return s
}

// Number is the attribute key as a number; 0 if it is none.
func (e Event) Number(key string) int64 {
	n, _ := e.attrs[key].(float64)
	return int64(n)
}

// Has tells whether there is an attribute key.
func (e Event) Has(key string) bool { return e.attrs[key] != nil }
