package traces

import (
	"slices"
	"strings"
	"time"
)

// Trace is what has arrived of one trace.
type Trace struct {
	ID    string `json:"trace_id"` // 32 hexadecimal digits
	Spans []Span `json:"spans"`    // by start; of those that start together, in the order of their arrival
}

// Span is one of its spans.
type Span struct {
	ID         string         `json:"span_id"`
	Parent     string         `json:"parent_id,omitempty"` // empty: none
	Name       string         `json:"name"`
	Kind       string         `json:"kind,omitempty"` // server, client, producer, consumer; empty: internal
	Service    string         `json:"service,omitempty"`
	Instance   string         `json:"instance,omitempty"` // service.instance.id
	Start      time.Time      `json:"start"`
	End        time.Time      `json:"end"`
	Error      string         `json:"error,omitempty"`      // of a span that failed; "error" if it says no more
	Attributes map[string]any `json:"attributes,omitempty"` // string, bool, int64, float64, or []any of them
	Events     []Event        `json:"events,omitempty"`     // in their own order
}

// Event is a moment within a span.
type Event struct {
	Name       string         `json:"name"`
	At         time.Time      `json:"at"`
	Attributes map[string]any `json:"attributes,omitempty"`
}

// Duration is how long the span lasted.
func (s Span) Duration() time.Duration { return s.End.Sub(s.Start) }

// Root is the span without parent; if there are several, or none has arrived, the
// earliest of those whose parent has not arrived. It returns false for no span.
func (t Trace) Root() (Span, bool) {
	roots := t.roots()
	if len(roots) == 0 {
		return Span{}, false
	}
	if i := slices.IndexFunc(roots, func(s Span) bool { return s.Parent == "" }); i >= 0 {
		return roots[i], true
	}
	return roots[0], true
}

// Named returns the first span of that name.
func (t Trace) Named(name string) (Span, bool) {
	i := slices.IndexFunc(t.Spans, func(s Span) bool { return s.Name == name })
	if i < 0 {
		return Span{}, false
	}
	return t.Spans[i], true
}

// Children are the spans whose parent is this one, by start.
func (t Trace) Children(parent string) (out []Span) {
	for _, s := range t.Spans {
		if s.Parent == parent && s.ID != parent {
			out = append(out, s)
		}
	}
	return out
}

// roots are the spans whose parent is not there.
func (t Trace) roots() (out []Span) {
	there := map[string]bool{}
	for _, s := range t.Spans {
		there[s.ID] = true
	}
	for _, s := range t.Spans {
		if !there[s.Parent] || s.Parent == s.ID {
			out = append(out, s)
		}
	}
	return out
}

// add takes in a span, in its place.
func (t *Trace) add(s Span) {
	i, _ := slices.BinarySearchFunc(t.Spans, s, func(a, b Span) int {
		if c := a.Start.Compare(b.Start); c != 0 {
			return c
		}
		return -1 // behind those that start together with it
	})
	t.Spans = slices.Insert(t.Spans, i, s)
}

func (t Trace) clone() Trace { return Trace{t.ID, slices.Clone(t.Spans)} }

// who names the process of a span, in short.
func (s Span) who() string {
	service := strings.TrimPrefix(s.Service, "reseat-")
	if s.Instance == "" {
		return service
	}
	return service + " " + s.Instance[:min(len(s.Instance), 8)]
}
