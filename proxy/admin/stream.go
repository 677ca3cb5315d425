package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/reseat-proxy/reseat/proxy/journal"
)

const (
	// maxSubscribers bounds who is told of events: each one holds a connection and
	// a goroutine.
	maxSubscribers = 64
	// heartbeat is how often a subscriber is written to at least: so proxies keep
	// the connection, and one that is gone is noticed.
	heartbeat = 15 * time.Second
	// slowest is how long a subscriber may take to read one event.
	slowest = 10 * time.Second
)

// getEvents tells what happens as server-sent events, until the reader is gone. It
// begins after the event of Last-Event-ID (header, or the query last_event_id for
// those who cannot set one), else with what comes from now on.
func (s *Server) getEvents(w http.ResponseWriter, r *http.Request) error {
	after, resumes, err := lastEvent(r)
	if err != nil {
		return err
	}
	if !s.readers.enter() {
		return later(problem(http.StatusServiceUnavailable, "subscribers", "%d read the events already: close one of them", maxSubscribers))
	}
	defer s.readers.leave()
	events := s.events.ReadNew()
	if resumes {
		events.Close()
		events = s.events.Read(after)
	}
	defer events.Close()

	out := &stream{w: w, rc: http.NewResponseController(w)}
	_ = out.rc.SetReadDeadline(time.Time{}) // there is nothing more to read
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return nil
	}
	out.comment("events of the mesh, since %d", s.events.Last())
	beat := time.NewTimer(heartbeat)
	defer beat.Stop()
	for s.passOn(events, out) {
		beat.Reset(heartbeat)
		select {
		case <-r.Context().Done():
			return nil
		case <-events.Wake():
		case <-beat.C:
			out.comment("still here")
		}
	}
	return nil
}

// passOn writes the events that there are. It returns false when the reader is gone.
func (s *Server) passOn(events *journal.Reader[Event], out *stream) bool {
	for e, ok := events.Try(); ok && out.err == nil; e, ok = events.Try() {
		if e.Gap {
			s.metrics.gaps.Inc()
			out.event(e.ID-1, Event{Type: EventGap, At: e.Value.At, Lost: e.Lost, Detail: "events were lost: look at GET /mesh/status"})
		}
		out.event(e.ID, e.Value)
	}
	out.flush()
	return out.err == nil
}

func lastEvent(r *http.Request) (id uint64, ok bool, err error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("last_event_id")
	}
	if text == "" {
		return 0, false, nil
	}
	if id, err = strconv.ParseUint(text, 10, 63); err != nil {
		return 0, false, problem(http.StatusBadRequest, "last_event_id", "%.40q is no ID of an event: leave it out, or give the id of the last one that you saw", text)
	}
	return id, true, nil
}

// stream writes server-sent events. The first error stays.
type stream struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	err error
}

func (o *stream) event(id uint64, ev Event) {
	ev.ID = id
	data, err := json.Marshal(ev)
	if err != nil {
		o.err = err
		return
	}
	o.write("event: %s\nid: %d\ndata: %s\n\n", ev.Type, id, data)
}

func (o *stream) comment(format string, args ...any) {
	o.write(": "+format+"\n\n", args...)
	o.flush()
}

func (o *stream) write(format string, args ...any) {
	if o.err == nil {
		_ = o.rc.SetWriteDeadline(time.Now().Add(slowest))
		_, o.err = fmt.Fprintf(o.w, format, args...)
	}
}

func (o *stream) flush() {
	if o.err == nil {
		o.err = o.rc.Flush()
	}
}

// subscribers counts those who read the events.
type subscribers struct{ n atomic.Int64 }

func (s *subscribers) enter() bool {
	if s.n.Add(1) > maxSubscribers {
		s.n.Add(-1)
		return false
	}
	return true
}

func (s *subscribers) leave() { s.n.Add(-1) }
