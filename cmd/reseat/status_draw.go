package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/proxy/admin"
)

const (
	// pageWidth is how wide a status is at most, names that are cut included.
	pageWidth = 100
	// shownFailovers is how many of the recorded ones are drawn.
	shownFailovers = 10
)

// drawStatus draws a status for people.
func drawStatus(w io.Writer, s admin.Status) {
	drawHead(w, s)
	drawAlerts(w, s)
	drawRegions(w, s)
	drawServers(w, s)
	drawEdges(w, s)
	drawFailovers(w, s)
}

func drawHead(w io.Writer, s admin.Status) {
	controller := "none: lost backups are not replaced"
	if c := s.Controller; c != nil {
		controller = c.Edge
		if c.Here {
			controller += " (this edge)"
		}
	}
	if s.Stale {
		fmt.Fprintf(w, "STALE: Consul does not answer, this is what it said last\n")
	}
	fmt.Fprintf(w, "level       %s, fidelity %.2f; servers lost in the window: %d, %.0f %%\n",
		s.Level.Name, s.Level.Fidelity, s.Level.Failures, 100*s.Level.ServersFailed)
	fmt.Fprintf(w, "coverage    %.0f %%: %d of %d regions have all their backups", s.Coverage.Percent, s.Coverage.Covered, s.Coverage.Regions)
	if n := len(s.Coverage.Unprotected); n > 0 {
		fmt.Fprintf(w, "; %d unprotected: %s", n, cut(strings.Join(s.Coverage.Unprotected, ", "), 24))
	}
	fmt.Fprintf(w, "\ncontroller  %s\n", controller)
}

func drawAlerts(w io.Writer, s admin.Status) {
	for _, a := range s.Alerts {
		fmt.Fprintf(w, "%s\n", cut(fmt.Sprintf("%-10s  for %s: %s", strings.ToUpper(a.Severity), span(s.At.Sub(a.Since)), a.Message), pageWidth))
	}
}

func drawRegions(w io.Writer, s admin.Status) {
	t := table{columns: []column{
		{"rank", true, 0},
		{"region", false, 8},
		{"state", false, 0},
		{"epoch", true, 0},
		{"primary", false, 8},
		{"in sync", false, 10},
		{"players", true, 0},
		{"kept", true, 0},
		{"", false, 11},
	}}
	regions := slices.Clone(s.Regions)
	slices.SortStableFunc(regions, func(a, b admin.RegionStatus) int { return cmp.Compare(a.Rank, b.Rank) })
	for _, r := range regions {
		primary := "-"
		if r.Primary != nil {
			primary = r.Primary.Name
		}
		inSync := "no set"
		if r.InSyncKnown {
			inSync = cmp.Or(strings.Join(r.InSync, " "), "nobody")
		}
		state := string(r.State)
		if r.State != admin.Serving {
			state += " " + span(s.At.Sub(r.Since))
		}
		t.row(strconv.Itoa(r.Rank), r.Name, state, strconv.FormatUint(r.Epoch, 10), primary, inSync,
			strconv.Itoa(r.Players), strconv.FormatUint(r.Kept, 10), strings.Join(notes(r), ", "))
	}
	drawTable(w, &t, "no regions: nothing is registered, and nobody has played")
}

// notes are what is out of the ordinary about a region.
func notes(r admin.RegionStatus) (out []string) {
	if r.Critical {
		out = append(out, "critical")
	}
	if !r.Protected && r.Epoch > 0 {
		out = append(out, "unprotected")
	}
	if r.Lead != "" && (r.Primary == nil || r.Primary.Name != r.Lead) {
		out = append(out, "to "+r.Lead)
	}
	return out
}

func drawServers(w io.Writer, s admin.Status) {
	t := table{columns: []column{
		{"server", false, 8}, {"state", false, 0}, {"zone", false, 6}, {"host", false, 8}, {"address", false, 12}, {"leads", false, 8}, {"backs", false, 8},
	}}
	for _, one := range s.Servers {
		state := "passing"
		switch {
		case !one.Passing:
			state = "failing"
		case one.Drained:
			state = "drained"
		case one.Draining:
			state = "draining"
		}
		if one.Pool {
			state += " (pool)"
		}
		t.row(one.Name, state, dash(one.Zone), dash(one.Host), one.Address, many(one.PrimaryOf), many(one.BackupOf))
	}
	drawTable(w, &t, "no servers are registered")
}

func drawEdges(w io.Writer, s admin.Status) {
	if len(s.Edges) == 0 {
		return
	}
	t := table{columns: []column{{"edge", false, 8}, {"state", false, 0}, {"players at", false, 12}, {"admin API", false, 12}, {"", false, 0}}}
	for _, e := range s.Edges {
		state, here := "failing", ""
		if e.Passing {
			state = "passing"
		}
		if e.Here {
			here = "this one"
		}
		t.row(e.Name, state, e.Address, dash(e.Admin), here)
	}
	drawTable(w, &t, "")
}

func drawFailovers(w io.Writer, s admin.Status) {
	t := table{columns: []column{
		{"failover", false, 0},
		{"rank", true, 0},
		{"region", false, 8},
		{"from", false, 8},
		{"to", false, 8},
		{"reason", false, 8},
		{"elected", true, 0},
		{"switched", true, 0},
		{"durable", true, 0},
		{"players", true, 0},
		{"again", true, 0},
	}}
	first := max(len(s.Failovers)-shownFailovers, 0)
	for _, f := range slices.Backward(s.Failovers[first:]) {
		reached := map[string]string{}
		for _, stage := range f.Stages {
			reached[stage.Name] = fmt.Sprintf("%.1f ms", stage.MS)
		}
		pending := "…"
		if f.Done {
			pending = "-"
		}
		at := func(stage string) string { return cmp.Or(reached[stage], pending) }
		t.row(span(s.At.Sub(f.Started))+" ago", dash(strings.TrimPrefix(strconv.Itoa(f.Rank), "0")), f.Region, f.From, cmp.Or(f.To, pending), f.Reason,
			at("elected"), at("switched"), at("durable"), strconv.Itoa(f.Players), strconv.Itoa(f.Actions))
	}
	drawTable(w, &t, "no failovers are recorded")
}

func drawTable(w io.Writer, t *table, none string) {
	fmt.Fprintln(w)
	if len(t.rows) == 0 {
		fmt.Fprintln(w, none)
		return
	}
	t.draw(w, pageWidth)
}

func dash(text string) string { return cmp.Or(text, "-") }

// many names a few, and counts more.
func many(names []string) string {
	if len(names) > 6 {
		return fmt.Sprintf("%d: %s", len(names), strings.Join(names, " "))
	}
	return dash(strings.Join(names, " "))
}

// span is a time in its largest unit.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + "h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + "d"
}
