package admin

import "time"

// EventType says what happened. It is the name of the server-sent event.
type EventType string

// The types of events. Those of a failover come as the edge that is asked sees
// them.
const (
	EventSuspect    EventType = "suspect"     // a server looks dead: Reason says why
	EventHeld       EventType = "held"        // the region's actions are kept
	EventElected    EventType = "elected"     // a server holds the lock of a new epoch
	EventServing    EventType = "serving"     // it says that it serves
	EventSwitch     EventType = "switch"      // actions go to it
	EventResent     EventType = "resent"      // what was kept has been sent again
	EventDurable    EventType = "durable"     // the first action since is durable
	EventInSync     EventType = "insync"      // the in-sync set is another
	EventProtection EventType = "protection"  // the region is protected, or is not any more
	EventLevel      EventType = "level"       // the degraded level is another
	EventAlert      EventType = "alert"       // a person should know
	EventDrain      EventType = "drain"       // a server is to be emptied, or is not any more
	EventMove       EventType = "move"        // a region is to be moved
	EventServerUp   EventType = "server_up"   // a server passes its check
	EventServerDown EventType = "server_down" // it does not any more, or is gone
	EventController EventType = "controller"  // another edge decides, or none
	EventGap        EventType = "gap"         // events were lost: you read too slowly, or come back too late
)

// Event is the data of a server-sent event. What does not belong to its type is
// left out.
type Event struct {
	ID          uint64    `json:"id"`
	At          time.Time `json:"at"`
	Type        EventType `json:"type"`
	Region      string    `json:"region,omitempty"`
	Server      string    `json:"server,omitempty"` // name
	Incarnation string    `json:"incarnation,omitempty"`
	Epoch       uint64    `json:"epoch,omitempty"`
	Reason      string    `json:"reason,omitempty"`
	Detail      string    `json:"detail,omitempty"` // for people

	Failover  uint64   `json:"failover,omitempty"` // ID of the failover that it is a stage of
	Trace     string   `json:"trace_id,omitempty"` // of that, once it is known
	MS        *float64 `json:"ms,omitempty"`       // since that one started
	Players   int      `json:"players,omitempty"`
	Actions   int      `json:"actions,omitempty"`
	Rank      int      `json:"rank,omitempty"`
	Members   []string `json:"members,omitempty"` // names, of an in-sync set
	Protected *bool    `json:"protected,omitempty"`
	Level     string   `json:"level,omitempty"`
	Fidelity  *float64 `json:"fidelity,omitempty"`
	Severity  string   `json:"severity,omitempty"` // of an alert
	Lost      uint64   `json:"lost,omitempty"`     // events, of a gap
}
