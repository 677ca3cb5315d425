package page_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/admin"
)

// stages are the cells of a failover's row that have a figure, such as "held 2.1".
const stages = `[...document.querySelectorAll('.row[data-region="%s"] .ms.reached')].map(n => n.textContent).join(", ")`

// A failover grows with its events, before any status knows of it, and is in the end
// what the status says.
func TestFailoverGrows(t *testing.T) {
	api := serve(t, mesh(6, 6))
	p := open(t, api.url(), 1440, 900)
	p.until(`document.querySelector("#link").dataset.state === "live"`)
	require.False(t, ask[bool](p, `document.querySelector("#no-failovers").hidden`))

	said := ""
	for _, s := range []struct {
		event admin.EventType
		word  string
		ms    float64
	}{{"held", "held", 1.5}, {"elected", "elected", 12.5}, {"serving", "serving", 22.2}, {"switch", "switched", 23.4}, {"resent", "re-sent", 28}} {
		api.tell(event{Type: s.event, Region: "cave", Server: "server-4", Epoch: 4, Failover: 7, MS: &s.ms, Players: 66, Actions: 9})
		said += fmt.Sprintf(", %s %.1f", s.word, s.ms)
		p.until(stages+` === %q`, "cave", said[2:])
	}
	require.Equal(t, 6, ask[int](p, `document.querySelectorAll('.row[data-region="cave"] .track i').length`), "five reached, and the next one grows")
	require.Equal(t, "durable running", ask[string](p, `document.querySelector(".row .track i:last-child").className.replace(" over", "")`))
	p.until(`document.querySelector("#sentence").textContent === "1 of 6 regions is recovering: cave."`)
	wide := ask[float64](p, `parseFloat(document.querySelector(".row .ms.wait b").textContent.replaceAll(",", ""))`)
	p.until(`parseFloat(document.querySelector(".row .ms.wait b").textContent.replaceAll(",", "")) > %f`, wide)

	api.set(func(s *status) {
		s.Failovers = []failover{{
			ID: 7, Region: "cave", From: "server-3", To: "server-4", EpochBefore: 3, Epoch: 4, Reason: "silence", Started: time.Now(), Done: true, Players: 66, Actions: 9, Rank: 3,
			Stages: []stage{{Name: "held", MS: 1.5}, {Name: "elected", MS: 12.5}, {Name: "serving", MS: 22.2}, {Name: "switched", MS: 23.4}, {Name: "resent", MS: 28}, {Name: "durable", MS: 33.125}},
		}}
	})
	end := 33.125
	api.tell(event{Type: "durable", Region: "cave", Failover: 7, MS: &end})
	p.until(stages+` === "held 1.5, elected 12.5, serving 22.2, switched 23.4, re-sent 28.0, durable 33.1"`, "cave")
	p.until(`document.querySelector("#incidents .head span").textContent === "cave left server-3 (it was silent): back after 33.1 ms"`)
	require.Equal(t, "3|cave|server-3 → server-4|3 → 4|66|9", ask[string](p, `[...document.querySelectorAll('.row > :is(.rank, .region, .cut:not(.region), .muted:not(.rank, .load)), .row .load b')].map(n => n.textContent).join("|")`))
	p.until(`document.querySelector("#sentence").textContent === "All 6 regions serve, all are protected."`)
	require.Equal(t, 6, ask[int](p, `document.querySelectorAll("#log li").length`))
}

// A primary that dies of taking over is a part of the bar; the figures are those of
// the one that made it.
func TestFailoverOfAFailover(t *testing.T) {
	s := mesh(6, 6)
	s.Failovers = []failover{{
		ID: 7, Region: "cave", From: "server-3", EpochBefore: 3, Reason: "game_exit", Started: time.Now().Add(-time.Minute), Players: 66,
		Stages: []stage{{Name: "held", MS: 0}, {Name: "elected", MS: 10}, {Name: "serving", MS: 20}, {Name: "elected", MS: 200}},
	}}
	api := serve(t, s)
	p := open(t, api.url(), 1440, 900)
	p.until(stages+` === "held 0.0, elected 200"`, "cave")
	require.Equal(t, "held elected serving elected serving", ask[string](p, `[...document.querySelectorAll(".row .track i")].map(n => n.classList[0]).join(" ")`))
	api.turn(func(s *status) {
		f := &s.Failovers[0]
		f.To, f.Epoch, f.Done = "server-5", 5, true
		f.Stages = append(f.Stages, stage{Name: "serving", MS: 220}, stage{Name: "switched", MS: 221}, stage{Name: "resent", MS: 230})
	})
	p.until(stages+` === "held 0.0, elected 200, serving 220, switched 221, re-sent 230"`, "cave")
	require.Equal(t, "cave left server-3 (its game ended): back after 230 ms", ask[string](p, `document.querySelector("#incidents .head span").textContent`))
}

// A server that is found again was not elected; and the edge may hear that actions are
// durable before it has sent the last one again.
func TestFoundAgain(t *testing.T) {
	s := mesh(6, 6)
	s.Failovers = []failover{{
		ID: 7, Region: "cave", From: "server-3", To: "server-3", EpochBefore: 3, Epoch: 3, Reason: "silence", Started: time.Now().Add(-time.Minute), Players: 66,
		Stages: []stage{{Name: "held", MS: 0}, {Name: "serving", MS: 345}, {Name: "switched", MS: 346}, {Name: "durable", MS: 500}},
	}}
	api := serve(t, s)
	p := open(t, api.url(), 1440, 900)
	p.until(`document.querySelector(".row .track i.running")?.classList.contains("resent")`)
	api.turn(func(s *status) {
		s.Failovers[0].Stages = append(s.Failovers[0].Stages, stage{Name: "resent", MS: 536})
	})
	p.until(`document.querySelector("#incidents .head span").textContent === "cave lost sight of server-3 (it was silent): back after 536 ms"`)
	require.Equal(t, "server-3 again", ask[string](p, `document.querySelector(".row .cut:not(.region)").textContent`))
	p.until(`document.querySelector("#sentence").textContent === "All 6 regions serve, all are protected."`)
}

// Regions that fail together share an axis, in the order in which they are recovered;
// those of another time have their own, the newest first.
func TestOrderOfRecovery(t *testing.T) {
	s, now := mesh(6, 6), time.Now()
	one := func(id uint64, region string, rank int, at time.Time, durable float64) failover {
		return failover{
			ID: id, Region: region, From: "server-1", To: "server-2", EpochBefore: 1, Epoch: 2, Started: at, Done: true, Rank: rank,
			Stages: []stage{{Name: "held", MS: 1}, {Name: "elected", MS: durable / 2}, {Name: "serving", MS: durable * 3 / 4}, {Name: "durable", MS: durable}},
		}
	}
	s.Failovers = []failover{
		one(1, "harbor", 1, now.Add(-time.Hour), 10),
		one(2, "cave", 3, now.Add(-time.Minute), 300),
		one(3, "arena", 1, now.Add(-time.Minute+time.Second), 100),
		one(4, "bay", 2, now.Add(-time.Minute+100*time.Millisecond), 200),
	}
	p := open(t, serve(t, s).url(), 1440, 900)
	p.until(`document.querySelectorAll(".row").length === 4`)
	require.Equal(t, []string{"arena bay cave", "harbor"}, ask[[]string](p, `[...document.querySelectorAll(".incident")].map(i => [...i.querySelectorAll(".region")].map(n => n.textContent).join(" "))`))
	// arena failed a second after cave: its bar begins there, on an axis of 2 s.
	require.Equal(t, []string{"50%", "5%", "0%"}, ask[[]string](p, `[...document.querySelectorAll(".incident:first-child .row .track i:first-child")].map(n => Math.round(parseFloat(n.style.left)) + "%%")`))
	require.Equal(t, "0 500 ms 1,000 ms 1,500 ms 2,000 ms", ask[string](p, `[...document.querySelectorAll(".incident:first-child .ticks span")].map(n => n.textContent).join(" ")`))
}

// The page says that it is not up to date, and finds the API again by itself.
func TestReconnects(t *testing.T) {
	api := serve(t, mesh(3, 3))
	api.tell(event{Type: "server_up", Server: "server-1"})
	p := open(t, api.url(), 1440, 900)
	p.forgive = "net::ERR_" // what the browser says of a server that is gone
	p.until(`document.querySelector("#link").dataset.state === "live" && document.querySelectorAll("#log li").length === 1`)

	api.stop()
	p.until(`document.querySelector("#link").innerText.includes("reconnecting")`)
	p.until(`document.querySelector("#main").classList.contains("old") && document.querySelector("#sentence").textContent.startsWith("The mesh was last heard of at ")`)
	require.Equal(t, 3, ask[int](p, `document.querySelectorAll("#rows tr").length`), "what was known stays")

	api.set(func(s *status) { s.Regions[0].Epoch = 77 })
	api.start()
	api.tell(event{Type: "server_up", Server: "server-2"})
	p.until(`document.querySelector("#link").dataset.state === "live" && !document.querySelector("#main").classList.contains("old")`)
	p.until(`document.querySelector("#rows tr td.num").textContent === "77"`)
	p.until(`[...document.querySelectorAll("#log li > span")].map(n => n.textContent).join() === "server-2 is up,server-1 is up"`)
	api.mu.Lock()
	defer api.mu.Unlock()
	require.Equal(t, "0", api.resumed[0], "at first it asks for all that is remembered")
	require.Equal(t, "1", api.resumed[len(api.resumed)-1], "it asks for what it missed")
}

// Updates patch the page: what is there stays the same element, with the focus.
func TestDoesNotFlicker(t *testing.T) {
	api := serve(t, mesh(6, 6))
	p := open(t, api.url(), 1440, 900)
	p.until(`document.querySelectorAll("#rows tr").length === 6 && document.querySelectorAll(".tile").length === 6`)
	ask[bool](p, `(() => {
		window.kept = [...document.querySelectorAll("#rows tr, #rows td, .tile, #columns th, #figures dd")];
		document.querySelector('button[aria-label="freeze server-4"]').focus();
		return true;
	})()`)
	api.turn(func(s *status) {
		s.Regions[2].Epoch, s.Regions[2].Primary = 99, &primary{Name: "server-4", Incarnation: "inc4"}
		s.Servers[0].Passing = false
		place(s)
	})
	p.until(`document.querySelectorAll("#rows tr")[2].children[3].textContent === "99"`)
	require.Equal(t, "0", ask[string](p, `"" + window.kept.filter(n => !n.isConnected).length`))
	require.Equal(t, "freeze server-4", ask[string](p, `document.activeElement.getAttribute("aria-label")`))

	// A server and a region that are new come to their places; one that is gone goes.
	api.turn(func(s *status) {
		s.Servers = append(s.Servers[1:], server{Name: "server-10", Incarnation: "inc10", Zone: "a", Passing: true, PrimaryOf: []string{}, BackupOf: []string{"arctic"}})
		s.Regions = append(s.Regions, region{Name: "arctic", State: "vacant", InSync: []string{"server-10"}, InSyncKnown: true, Seats: []string{}, Since: time.Now()})
	})
	p.until(`document.querySelectorAll("#rows tr")[0].querySelector(".cut").textContent === "arctic"`)
	require.Equal(t, "server-4 server-10 server-2 server-5 server-3 server-6", ask[string](p, `[...document.querySelectorAll("#columns .names th.m")].map(n => n.textContent).join(" ")`))
	require.Equal(t, ",backup in sync,,,,", ask[string](p, `[...document.querySelectorAll("#rows tr:first-child td.m")].map(n => n.textContent).join()`))
	require.Equal(t, "freeze server-4", ask[string](p, `document.activeElement.getAttribute("aria-label")`))
}
