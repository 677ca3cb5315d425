package admin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/proxy"
)

// Tell writes an event: for those who have news that neither the edge nor Consul
// tells. It does not wait.
func (s *Server) Tell(ev Event) {
	if ev.At.IsZero() {
		ev.At = time.Now()
	}
	s.events.Add(ev)
}

// NameOf is what people call the server of that incarnation, and the incarnation if
// nobody knows it.
func (s *Server) NameOf(incarnation string) string { return s.view.name(incarnation) }

// TellAlert is Tell for an alert of the controller.
func (s *Server) TellAlert(a mesh.Alert) {
	ev := Event{Type: EventAlert, Region: a.Region, Severity: string(a.Severity), Detail: a.Message}
	switch {
	case !a.Active:
		ev.Reason = "cleared"
	case a.Repeated > 0:
		ev.Reason = "repeated"
	default:
		ev.Reason = "raised"
	}
	s.Tell(ev)
}

// listen passes on what the edge sees, until ctx ends.
func (s *Server) listen(ctx context.Context) error {
	events := s.cfg.Edge.Events()
	defer events.Close()
	for {
		e, err := events.Next(ctx)
		if err != nil {
			return err
		}
		if e.Gap {
			s.Tell(Event{Type: EventGap, Lost: e.Lost, Detail: "the edge was faster than its API"})
		}
		s.tellSeen(e.Value)
	}
}

// tellSeen passes on one event of the edge.
func (s *Server) tellSeen(seen proxy.Event) {
	ev := Event{
		At: seen.At, Type: EventType(seen.Kind), Region: seen.Region, Server: s.view.name(seen.Server), Incarnation: seen.Server,
		Epoch: seen.Epoch, Reason: string(seen.Reason), Failover: seen.Failover, Trace: seen.Trace, Players: seen.Players, Actions: seen.Actions,
	}
	switch seen.Kind {
	case proxy.EventHeld:
		for _, r := range s.status(seen.At).Regions {
			if r.Name == seen.Region {
				ev.Rank = r.Rank
				s.view.ranked(seen.Failover, r.Rank)
			}
		}
	case proxy.EventProtection:
		ev.Protected = &seen.Protected
	case proxy.EventStranded:
		s.tellStranded(seen)
		return
	default:
	}
	if f, ok := s.failoverOf(seen); ok {
		took := seen.At.Sub(f.Started)
		ms := millis(took)
		ev.MS = &ms
		observe(s.metrics.stages.WithLabelValues(stageName(seen.Kind)), took, f.Trace)
	}
	ev.Detail = describe(ev)
	s.Tell(ev)
}

// tellStranded is an alert that this edge alone can raise: nobody else knows where its
// players wanted to go.
func (s *Server) tellStranded(seen proxy.Event) {
	s.Tell(Event{
		Type: EventAlert, At: seen.At, Region: seen.Region, Severity: string(mesh.Warning), Reason: "stranded", Players: seen.Players,
		Detail: fmt.Sprintf("%d players left for %s, which this edge does not serve, and were sent to another edge: add it to the regions of this one", seen.Players, seen.To),
	})
}

// failoverOf is the failover that the event is a stage of.
func (s *Server) failoverOf(seen proxy.Event) (f proxy.Failover, ok bool) {
	if seen.Failover == 0 || seen.Kind == proxy.EventProtection || seen.Kind == proxy.EventSuspect {
		return f, false
	}
	for _, f := range s.cfg.Edge.Failovers() {
		if f.ID == seen.Failover {
			return f, true
		}
	}
	return f, false
}

// describe says it in words.
func describe(ev Event) string {
	switch ev.Type {
	case EventSuspect:
		return fmt.Sprintf("%s looks dead: %s", ev.Server, ev.Reason)
	case EventHeld:
		return fmt.Sprintf("the actions of %d players are kept, %d so far", ev.Players, ev.Actions)
	case EventElected:
		return fmt.Sprintf("%s is elected, epoch %d", ev.Server, ev.Epoch)
	case EventServing:
		return fmt.Sprintf("%s serves epoch %d", ev.Server, ev.Epoch)
	case EventSwitch:
		return fmt.Sprintf("%d players are switched to %s", ev.Players, ev.Server)
	case EventResent:
		return fmt.Sprintf("%d kept actions of %d players are sent again", ev.Actions, ev.Players)
	case EventDurable:
		return "actions are durable again"
	case EventProtection:
		if ev.Protected != nil && *ev.Protected {
			return "the region survives the loss of any one process"
		}
		return "the region is unprotected: one process alone has its newest state"
	default:
		return ""
	}
}

// tellChanges tells what is another in a Mesh than in the one before.
func (s *Server) tellChanges(before, after discovery.Mesh) {
	if after.Stale != before.Stale {
		s.tellStale(after)
	}
	if after.Stale {
		return // it says nothing else that is new
	}
	s.tellServers(before, after)
	s.tellDrains(before, after)
	for _, name := range slices.Sorted(maps.Keys(after.Regions)) {
		s.tellRegion(before.Region(name), after.Regions[name])
	}
	if a, b := after.State, before.State; a.Level != b.Level || a.Fidelity != b.Fidelity {
		s.Tell(Event{
			Type: EventLevel, Level: a.Level, Fidelity: &a.Fidelity,
			Detail: fmt.Sprintf("%s, fidelity %.2f", a.Level, a.Fidelity),
		})
	}
	s.tellController(before.Controller, after.Controller)
}

func (s *Server) tellStale(m discovery.Mesh) {
	ev := Event{Type: EventAlert, Severity: string(mesh.Critical), Reason: "raised", Detail: "consul does not answer: play goes on, but nobody is promoted"}
	if !m.Stale {
		ev.Reason, ev.Detail = "cleared", "consul answers again"
	}
	s.Tell(ev)
}

func (s *Server) tellServers(before, after discovery.Mesh) {
	for _, one := range after.Servers {
		if was, _ := before.Server(one.Incarnation); was.Passing != one.Passing {
			kind, detail := EventServerUp, "it passes its check"
			if !one.Passing {
				kind, detail = EventServerDown, "its check fails"
			}
			s.Tell(Event{Type: kind, Server: one.Name, Incarnation: one.Incarnation, Detail: detail})
		}
	}
	for _, was := range before.Servers {
		if _, there := after.Server(was.Incarnation); !there && was.Passing {
			s.Tell(Event{Type: EventServerDown, Server: was.Name, Incarnation: was.Incarnation, Detail: "it is not registered any more"})
		}
	}
}

func (s *Server) tellDrains(before, after discovery.Mesh) {
	for _, inc := range slices.Sorted(maps.Keys(after.Draining)) {
		if _, was := before.Draining[inc]; !was {
			s.Tell(Event{
				Type: EventDrain, Server: s.view.name(inc), Incarnation: inc, Reason: after.Draining[inc].By, Detail: "it is to be emptied",
			})
		}
	}
	for _, inc := range slices.Sorted(maps.Keys(before.Draining)) {
		if _, is := after.Draining[inc]; !is {
			s.Tell(Event{Type: EventDrain, Server: s.view.name(inc), Incarnation: inc, Reason: "undone", Detail: "it is not to be emptied any more"})
		}
	}
}

func (s *Server) tellRegion(before, after discovery.View) {
	if before.InSyncKnown != after.InSyncKnown || !slices.Equal(before.InSync, after.InSync) {
		members := s.view.namesOf(after.InSync)
		detail := "no set is published"
		if after.InSyncKnown {
			detail = "in sync: " + strings.Join(members, ", ")
		}
		s.Tell(Event{Type: EventInSync, Region: after.Region, Epoch: after.Epoch, Members: members, Detail: detail})
	}
	if lead := after.Seats.Lead; lead != before.Seats.Lead {
		ev := Event{Type: EventMove, Region: after.Region, Epoch: after.Epoch, Incarnation: lead, Server: s.view.name(lead)}
		ev.Reason, ev.Detail = "begun", "it is to be led by "+ev.Server
		if lead == "" {
			ev.Incarnation, ev.Server = before.Seats.Lead, s.view.name(before.Seats.Lead)
			ev.Reason, ev.Detail = "given_up", ev.Server+" is not to lead it any more"
			if after.Primary != nil && after.Primary.Incarnation == before.Seats.Lead {
				ev.Reason, ev.Detail = "done", ev.Server+" leads it"
			}
		}
		s.Tell(ev)
	}
}

func (s *Server) tellController(before, after *discovery.Controller) {
	switch {
	case after == nil && before != nil:
		s.Tell(Event{Type: EventController, Reason: "vacant", Detail: before.Edge + " is the controller no more: lost backups are not replaced until another one is"})
	case after != nil && (before == nil || before.Incarnation != after.Incarnation):
		s.Tell(Event{Type: EventController, Reason: "elected", Server: after.Edge, Incarnation: after.Incarnation, Detail: after.Edge + " is the controller"})
	}
}
