package page_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestShots takes pictures of the page, to be looked at: RESEAT_SHOTS=DIR go test -run Shots.
// RESEAT_SHOTS_OF says which, by a regular expression for their file names.
func TestShots(t *testing.T) {
	dir := os.Getenv("RESEAT_SHOTS")
	if dir == "" {
		t.Skip("RESEAT_SHOTS names no folder for pictures")
	}
	want := regexp.MustCompile(os.Getenv("RESEAT_SHOTS_OF"))
	for scene, s := range map[string]func() status{
		"calm": func() status { return mesh(6, 6) }, "storm": func() status { return storm(6, 6) }, "large": func() status { return storm(30, 15) },
	} {
		for _, width := range []int64{400, 820, 1440, 1920, 2560} {
			for _, scheme := range []string{"light", "dark"} {
				file := fmt.Sprintf("%s-%d-%s.png", scene, width, scheme)
				if !want.MatchString(file) {
					continue
				}
				s := s()
				api := serve(t, s)
				for _, e := range tale(s) {
					api.tell(e)
				}
				p := open(t, api.url(), width, 900, media("prefers-color-scheme", scheme))
				p.until(`document.querySelectorAll("#rows tr").length === %d && document.querySelector("#link").dataset.state === "live" && document.querySelectorAll("#log li").length === %d`, len(s.Regions), len(tale(s)))
				png := get(p, chromedp.FullScreenshot(100))
				require.NoError(t, os.WriteFile(filepath.Join(dir, file), png, 0o600))
			}
		}
	}
}

// storm is a mesh that lost two servers a moment ago.
func storm(regions, servers int) status {
	s, now := mesh(regions, servers), time.Now()
	s.Level = level{Name: "moderate", Fidelity: .5, Since: now, Failures: 2, ServersFailed: 2 / float64(servers)}
	s.Servers[1].Passing, s.Servers[4].Draining = false, true
	lost := 0
	for i := range s.Regions {
		r := &s.Regions[i]
		if r.Primary.Name != "server-2" && r.Primary.Name != "server-5" {
			continue
		}
		f := failover{
			ID: uint64(10 + i), Region: r.Name, From: r.Primary.Name, To: r.InSync[0], EpochBefore: r.Epoch, Epoch: r.Epoch + 1, Reason: "game_exit",
			Started: now.Add(-time.Duration(290-11*lost) * time.Millisecond), Players: r.Players, Actions: 7 + 3*lost, Rank: lost + 1,
			Stages: []stage{{Name: "held", MS: 2.1}, {Name: "elected", MS: 14 + 20*float64(lost)}, {Name: "serving", MS: 30 + 21*float64(lost)}, {Name: "switched", MS: 31 + 21*float64(lost)}, {Name: "resent", MS: 38 + 22*float64(lost)}, {Name: "durable", MS: 49 + 25*float64(lost)}}, Done: true,
		}
		if lost%3 == 1 {
			f.Stages, f.Done = f.Stages[:2], false
			r.State, r.Primary = "restoring", &primary{Name: r.InSync[0], Incarnation: "inc" + r.InSync[0][len("server-"):]}
		}
		if lost%3 == 2 {
			f.Stages, f.Done, f.To, f.Epoch = f.Stages[:1], false, "", 0
			r.State, r.Primary = "vacant", nil
		}
		if f.Done {
			r.Primary, r.Epoch = &primary{Name: f.To, Incarnation: "inc" + f.To[len("server-"):]}, f.Epoch
		}
		r.InSync = r.InSync[1:]
		r.Protected, r.Since, r.Seats, r.Kept = lost%2 == 0, now, []string{"server-6"}, 31
		s.Failovers = append(s.Failovers, f)
		lost++
	}
	s.Failovers = append([]failover{{
		ID: 3, Region: "arena", From: "server-3", To: "server-1", EpochBefore: 1, Epoch: 2, Reason: "drain", Started: now.Add(-9 * time.Minute),
		Stages: []stage{{Name: "held", MS: 0}, {Name: "elected", MS: 3.2}, {Name: "serving", MS: 4.1}, {Name: "switched", MS: 4.9}, {Name: "resent", MS: 5}, {Name: "durable", MS: 9.4}}, Players: 80, Done: true, Rank: 1,
	}}, s.Failovers...)
	s.Regions[2].Lead = "server-6"
	place(&s)
	s.Coverage = coverage{Regions: regions, Covered: regions - lost, Percent: 100 * float64(regions-lost) / float64(regions), Unprotected: []string{}}
	s.Alerts = []alert{
		{Severity: "critical", Message: "unprotected: one process alone has its state", Region: s.Regions[1].Name, Since: now.Add(-3 * time.Second)},
		{Severity: "warning", Message: "2 of 6 servers failed within a minute: degraded mode is moderate", Since: now.Add(-2 * time.Second)},
	}
	return s
}

// tale are the events that led there.
func tale(s status) (out []event) {
	add := func(e event) { e.At = time.Now().Add(-time.Minute); out = append(out, e) }
	add(event{Type: "server_up", Server: "server-1"})
	add(event{Type: "controller", Server: "edge-1"})
	for _, f := range s.Failovers {
		add(event{Type: "suspect", Region: f.Region, Server: f.From, Reason: f.Reason})
		add(event{Type: "held", Region: f.Region, Players: f.Players})
		add(event{Type: "elected", Region: f.Region, Server: f.To, Epoch: f.Epoch})
		add(event{Type: "serving", Region: f.Region, Server: f.To, Epoch: f.Epoch})
		add(event{Type: "switch", Region: f.Region, Server: f.To, Epoch: f.Epoch})
		add(event{Type: "resent", Region: f.Region, Actions: f.Actions})
		add(event{Type: "durable", Region: f.Region})
		add(event{Type: "insync", Region: f.Region, Members: []string{"server-1", "server-3"}})
	}
	for _, a := range s.Alerts {
		add(event{Type: "alert", Region: a.Region, Severity: a.Severity, Detail: a.Message})
	}
	return out
}
