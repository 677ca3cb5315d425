package mesh

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Severity says how bad it is.
type Severity string

// The severities.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// Alert is what a person should know.
type Alert struct {
	Key      string    `json:"key"` // what it is about: the kind, and its region or server
	Severity Severity  `json:"severity"`
	Region   string    `json:"region,omitempty"`
	Message  string    `json:"message"`
	Since    time.Time `json:"since"`
	Active   bool      `json:"active"` // false: it is over
	Repeated int       `json:"repeated,omitempty"`
}

// condition is what an alert would say if it lasts.
type condition struct {
	key      string
	severity Severity
	region   string
	message  string
	after    time.Duration // how long it must last first
}

// clearAfter is how long a condition must be over: what comes and goes is one alert.
const clearAfter = 5 * time.Second

// alerts raises each alert once, repeats it now and then, and clears it once.
//
//	    holds for its time          repeated after every AlertEvery
//	──▶ [ noticed ] ─────▶ [ raised ] ⟲
//	         │ over             │ over for clearAfter
//	         ▼                  ▼
//	     forgotten          cleared, forgotten
type alerts struct {
	every time.Duration
	byKey map[string]*alertState
}

type alertState struct {
	Alert
	raised bool
	told   time.Time
	over   time.Time // since when the condition does not hold; zero: it does
}

func newAlerts(every time.Duration) alerts {
	return alerts{every: every, byKey: map[string]*alertState{}}
}

// step takes all conditions that hold now.
func (a *alerts) step(now time.Time, holding []condition) (cmds []Command) {
	for _, st := range a.byKey {
		if st.over.IsZero() {
			st.over = now // unless it is among them
		}
	}
	for _, c := range holding {
		cmds = append(cmds, a.hold(now, c)...)
	}
	for _, key := range slices.Sorted(maps.Keys(a.byKey)) {
		st := a.byKey[key]
		if st.over.IsZero() || st.raised && now.Sub(st.over) < clearAfter {
			continue
		}
		delete(a.byKey, key)
		if st.raised {
			st.Active = false
			cmds = append(cmds, Tell{st.Alert})
		}
	}
	return cmds
}

func (a *alerts) hold(now time.Time, c condition) []Command {
	st := a.byKey[c.key]
	if st == nil {
		st = &alertState{Alert: Alert{Key: c.key, Since: now}}
		a.byKey[c.key] = st
	}
	st.over, st.Severity, st.Region, st.Message = time.Time{}, c.severity, c.region, c.message
	switch {
	case !st.raised && now.Sub(st.Since) < c.after, st.raised && now.Sub(st.told) < a.every:
		return nil
	case st.raised:
		st.Repeated++
	}
	st.raised, st.Active, st.told = true, true, now
	return []Command{Tell{st.Alert}}
}

// active lists the alerts that stand, the worst first.
func (a *alerts) active() []Alert {
	var out []Alert
	for _, st := range a.byKey {
		if st.raised {
			out = append(out, st.Alert)
		}
	}
	weight := map[Severity]int{Critical: 0, Warning: 1, Info: 2}
	slices.SortFunc(out, func(a, b Alert) int {
		return cmp.Or(cmp.Compare(weight[a.Severity], weight[b.Severity]), cmp.Compare(a.Key, b.Key))
	})
	return out
}
