package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/proxy"
)

// listener reads an event stream as it is written. It can be made to read nothing.
type listener struct {
	header http.Header
	mu     sync.Mutex
	text   strings.Builder
	gate   chan struct{} // nil: it reads at once
	until  time.Time     // by when a write must be over
}

func (l *listener) Header() http.Header { return l.header }

func (l *listener) WriteHeader(int) {}

func (l *listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	gate, until := l.gate, l.until
	l.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-time.After(time.Until(until)):
			return 0, context.DeadlineExceeded
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *listener) FlushError() error { return nil }

func (l *listener) SetWriteDeadline(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = t
	return nil
}

func (l *listener) SetReadDeadline(time.Time) error { return nil }

// heard are the events so far, and the comments.
func (l *listener) heard(t *testing.T) (events []Event, comments int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var kind, id string
	s := readSpec(t)
	scan := bufio.NewScanner(strings.NewReader(l.text.String()))
	for scan.Scan() {
		name, value, _ := strings.Cut(scan.Text(), ": ")
		switch name {
		case "":
			if value != "" {
				comments++
			}
		case "event":
			kind = value
		case "id":
			id = value
		case "data":
			var ev Event
			require.NoError(t, json.Unmarshal([]byte(value), &ev))
			require.Equal(t, kind, string(ev.Type))
			require.Equal(t, id, strconv.FormatUint(ev.ID, 10))
			var any any
			require.NoError(t, json.Unmarshal([]byte(value), &any))
			require.Empty(t, s.wrong(s.at("components", "schemas", "Event"), any), value)
			events = append(events, ev)
		}
	}
	return events, comments
}

// subscribe reads the stream until the test, or what it returns, ends it.
func (r *rig) subscribe(headers ...string) (*listener, context.CancelFunc) {
	ctx, cancel := context.WithCancel(r.t.Context())
	l := &listener{header: http.Header{}}
	go r.server.Handler().ServeHTTP(l, request("GET", "/mesh/events", "", headers...).WithContext(ctx))
	synctest.Wait()
	return l, cancel
}

func types(events []Event) (out []EventType) {
	for _, ev := range events {
		out = append(out, ev.Type)
	}
	return out
}

// A stream begins with what is new, resumes where it was, and says what it lost.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.server.Tell(Event{Type: EventMove})
		l, cancel := r.subscribe()
		require.Equal(t, "text/event-stream", l.header.Get("Content-Type"))
		require.Equal(t, "no-store", l.header.Get("Cache-Control"))
		r.server.Tell(Event{Type: EventAlert, Detail: "a\nb"})
		r.server.Tell(Event{Type: EventLevel})
		synctest.Wait()
		events, comments := l.heard(t)
		require.Equal(t, []EventType{EventAlert, EventLevel}, types(events))
		require.Equal(t, "a\nb", events[0].Detail)
		require.Equal(t, time.Now().UTC(), events[0].At.UTC())
		require.Equal(t, 1, comments)

		time.Sleep(heartbeat + time.Second) // virtual
		synctest.Wait()
		_, comments = l.heard(t)
		require.Equal(t, 2, comments, "it is still there")
		cancel()
		synctest.Wait()
		require.Zero(t, r.server.readers.n.Load())

		id := strconv.FormatUint(events[0].ID, 10)
		l, cancel = r.subscribe("Last-Event-ID", id)
		events, _ = l.heard(t)
		require.Equal(t, []EventType{EventLevel}, types(events))
		cancel()
		req := request("GET", "/mesh/events?last_event_id="+id, "")
		ctx, stop := context.WithCancel(t.Context())
		l = &listener{header: http.Header{}}
		go r.server.Handler().ServeHTTP(l, req.WithContext(ctx))
		synctest.Wait()
		stop()
		events, _ = l.heard(t)
		require.Equal(t, []EventType{EventLevel}, types(events))

		l, cancel = r.subscribe("Last-Event-ID", "17")
		events, _ = l.heard(t)
		require.Equal(t, []EventType{EventGap, EventMove, EventAlert, EventLevel}, types(events), "17 is of an earlier life")
		cancel()
		for range keptEvents + 10 {
			r.server.Tell(Event{Type: EventHeld})
		}
		l, cancel = r.subscribe("Last-Event-ID", id)
		events, _ = l.heard(t)
		require.Len(t, events, 1+keptEvents)
		require.Equal(t, EventGap, events[0].Type)
		require.EqualValues(t, 11, events[0].Lost, "a level, and ten")
		require.Equal(t, events[1].ID-1, events[0].ID, "who resumes after the gap misses nothing more")
		cancel()
		synctest.Wait()
	})
}

// Who reads slowly loses the oldest events and is told; who does not read at all is
// closed. Nobody else notices.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		slow, cancelSlow := r.subscribe()
		quick, cancelQuick := r.subscribe()
		gate := make(chan struct{})
		slow.mu.Lock()
		slow.gate = gate
		slow.mu.Unlock()
		for range 3 * keptEvents {
			r.server.Tell(Event{Type: EventHeld})
			synctest.Wait()
		}
		close(gate)
		synctest.Wait()
		events, _ := slow.heard(t)
		require.Equal(t, []EventType{EventHeld, EventGap, EventHeld}, types(events[:3]))
		require.EqualValues(t, 2*keptEvents-1, events[1].Lost)
		require.Len(t, events, 2+keptEvents)
		all, _ := quick.heard(t)
		require.Len(t, all, 3*keptEvents)
		require.Equal(t, events[len(events)-1], all[len(all)-1])

		slow.mu.Lock()
		slow.gate = make(chan struct{})
		slow.mu.Unlock()
		r.server.Tell(Event{Type: EventHeld})
		time.Sleep(slowest + time.Millisecond) // virtual
		synctest.Wait()
		require.EqualValues(t, 1, r.server.readers.n.Load())
		cancelSlow()
		cancelQuick()
		synctest.Wait()
	})
}

func TestSubscribersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var cancels []context.CancelFunc
		for range maxSubscribers {
			_, cancel := r.subscribe()
			cancels = append(cancels, cancel)
		}
		w := r.do(request("GET", "/mesh/events", ""))
		require.Equal(t, 503, w.Code)
		require.NotEmpty(t, w.Header().Get("Retry-After"))
		cancels[0]()
		synctest.Wait()
		_, cancel := r.subscribe()
		require.EqualValues(t, maxSubscribers, r.server.readers.n.Load())
		cancel()
		for _, cancel := range cancels {
			cancel()
		}
		synctest.Wait()
	})
}

func TestStreamHead(t *testing.T) {
	r := newRig(t)
	w := httptest.NewRecorder()
	r.server.Handler().ServeHTTP(w, request("HEAD", "/mesh/events", ""))
	require.Equal(t, 200, w.Code)
	require.Zero(t, w.Body.Len())
}

// What the edge sees becomes events, with names, and with the rank that the region
// has when its failover begins.
func TestEdgeEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.server.listen(ctx) }()
		l, stop := r.subscribe()
		began := time.Now()
		r.edge.mu.Lock()
		r.edge.failovers = []proxy.Failover{{ID: 4, Region: "plaza", From: "b1", Started: began}}
		r.edge.mu.Unlock()
		for _, ev := range []proxy.Event{
			{Kind: proxy.EventSuspect, Server: "b1", Reason: failover.ReasonRefused},
			{Kind: proxy.EventHeld, Server: "b1", Epoch: 1, Reason: failover.ReasonRefused, Players: 20, Actions: 3, At: began},
			{Kind: proxy.EventElected, Server: "c1", Epoch: 2, At: began.Add(15 * time.Millisecond)},
			{Kind: proxy.EventProtection, Server: "c1", Epoch: 2, Protected: false},
			{Kind: proxy.EventDurable, Server: "c1", Epoch: 2, At: began.Add(1500 * time.Microsecond)},
		} {
			ev.Region, ev.Failover = "plaza", 4
			r.edge.events.Add(ev)
		}
		synctest.Wait()
		events, _ := l.heard(t)
		require.Equal(t, []EventType{EventSuspect, EventHeld, EventElected, EventProtection, EventDurable}, types(events))
		for _, ev := range events {
			require.Equal(t, "plaza", ev.Region)
			require.EqualValues(t, 4, ev.Failover)
			require.NotEmpty(t, ev.Detail)
		}
		require.Nil(t, events[0].MS)
		require.Equal(t, "two looks dead: refused", events[0].Detail)
		require.Equal(t, 1, events[1].Rank)
		require.Equal(t, "two", events[1].Server)
		require.Equal(t, "b1", events[1].Incarnation)
		require.InDelta(t, 0, *events[1].MS, 0)
		require.InDelta(t, 15, *events[2].MS, 0)
		require.False(t, *events[3].Protected)
		require.InDelta(t, 1.5, *events[4].MS, 0)
		require.Equal(t, 1, get[Status](r, "/mesh/status").Failovers[0].Rank)

		for range 70 { // more than the fake edge keeps, before anybody can read
			r.edge.events.Add(proxy.Event{Kind: proxy.EventSwitch, Region: "plaza"})
		}
		synctest.Wait()
		events, _ = l.heard(t)
		require.Contains(t, types(events), EventSwitch)
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		stop()
		synctest.Wait()
	})
}

// What Consul says anew becomes events, each once.
func TestMeshEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.server.view = newView()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.server.follow(ctx) }()
		l, stop := r.subscribe()
		n := 0
		next := func(m discovery.Mesh) []Event {
			r.source <- m
			synctest.Wait()
			events, _ := l.heard(t)
			fresh := events[n:]
			n = len(events)
			return fresh
		}
		require.Empty(t, next(aMesh()), "what was there already is no news")
		require.Empty(t, next(aMesh()))

		m := aMesh()
		m.Servers = []discovery.Server{m.Servers[0], m.Servers[1], {Incarnation: "d1", Name: "four", Passing: true}}
		m.Servers[0].Passing, m.Servers[1].Passing = false, true
		m.Draining = map[string]discovery.Drain{"a1": {By: "shutdown"}}
		m.State = discovery.MeshState{Level: "severe", Fidelity: 0.25}
		m.Controller = &discovery.Controller{Edge: "edge-2", Incarnation: "e2"}
		arena, plaza := m.Regions["arena"], m.Regions["plaza"]
		arena.InSync, arena.Seats.Lead = []string{"a1"}, "c1"
		plaza.Seats.Lead = ""
		m.Regions = map[string]discovery.View{"arena": arena, "plaza": plaza}
		events := next(m)
		var lines []string
		for _, ev := range events {
			lines = append(lines, strings.Join([]string{string(ev.Type), ev.Region, ev.Server, ev.Reason, ev.Level, strings.Join(ev.Members, "+")}, "|"))
		}
		require.Equal(t, []string{
			"server_down||one|||", "server_up||two|||", "server_up||four|||", "server_down||three|||",
			"drain||one|shutdown||", "drain||three|undone||",
			"insync|arena||||one", "move|arena|three|begun||", "move|plaza|three|done||",
			"level||||severe|", "controller||edge-2|elected||",
		}, lines)

		stale := m
		stale.Stale = true
		events = next(stale)
		require.Equal(t, []EventType{EventAlert}, types(events))
		require.Equal(t, "raised", events[0].Reason)
		m.Controller = nil
		events = next(m)
		require.Equal(t, []EventType{EventAlert, EventController}, types(events))
		require.Equal(t, []string{"cleared", "vacant"}, []string{events[0].Reason, events[1].Reason})
		cancel()
		require.ErrorIs(t, <-done, context.Canceled)
		stop()
		synctest.Wait()
	})
}

func TestTellAlert(t *testing.T) {
	r := newRig(t)
	reader := r.server.events.ReadNew()
	defer reader.Close()
	for want, a := range map[string]mesh.Alert{
		"raised": {Active: true}, "repeated": {Active: true, Repeated: 2}, "cleared": {Repeated: 2},
	} {
		a.Severity, a.Message, a.Region = mesh.Warning, "alone", "arena"
		r.server.TellAlert(a)
		e, ok := reader.Try()
		require.True(t, ok)
		require.Equal(t, want, e.Value.Reason)
		require.Equal(t, []string{"alert", "arena", "warning", "alone"}, []string{string(e.Value.Type), e.Value.Region, e.Value.Severity, e.Value.Detail})
	}
}

// Players who are stranded are an alert, which says what to do.
func TestStrandedPlayersAreAnAlert(t *testing.T) {
	r := newRig(t)
	events := r.server.events.ReadNew()
	defer events.Close()
	r.server.tellSeen(proxy.Event{Kind: proxy.EventStranded, Region: "arena", To: "sea", Players: 3, Failover: 1, At: start})
	e, ok := events.Try()
	require.True(t, ok)
	require.Equal(t, EventAlert, e.Value.Type)
	require.Equal(t, "arena", e.Value.Region)
	require.Equal(t, "warning", e.Value.Severity)
	require.Equal(t, "stranded", e.Value.Reason)
	require.Contains(t, e.Value.Detail, "3 players left for sea, which this edge does not serve")
}
