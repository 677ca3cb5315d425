package page_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/admin"
)

// shown is what the page shows of a region, read back from it.
type shown struct {
	Name, State, Primary, Epoch, Backups, Protection, Players, Kept, Rank string

	Critical bool
	Marks    map[string]string // by the server's name
}

const readRegions = `(() => {
	const columns = [...document.querySelectorAll("#columns tr.names th.m")].map(th => th.textContent);
	return [...document.querySelectorAll("#rows tr")].map(tr => {
		const [Name, State, Primary, Epoch, Backups, Protection, Players, Kept, Rank] = [tr.querySelector("th .cut"), ...tr.querySelectorAll("td:not(.m)")].map(n => n.textContent.trim());
		const Marks = {};
		tr.querySelectorAll("td.m").forEach((td, i) => { if (td.textContent) Marks[columns[i]] = td.textContent; });
		return { Name, State: State.replace(/\d+ s$/, "N s"), Primary, Epoch, Backups, Protection, Players, Kept, Rank, Critical: !tr.querySelector("th .tag").hidden, Marks };
	});
})()`

// expected is what the page should show of the regions.
func expected(s status) (out []shown) {
	for _, r := range s.Regions {
		v := shown{
			Name: r.Name, State: map[admin.State]string{"serving": "serves", "restoring": "recovering, N s", "vacant": "vacant, N s"}[r.State], Primary: "none",
			Epoch: fmt.Sprint(r.Epoch), Backups: "none", Protection: "unprotected", Players: fmt.Sprint(r.Players), Kept: fmt.Sprint(r.Kept),
			Rank: fmt.Sprintf("%d (%d)", r.Rank, r.Score), Critical: r.Critical, Marks: map[string]string{},
		}
		if r.Score >= 1<<40 {
			v.Rank = fmt.Sprintf("%d (1.1T)", r.Rank)
		} else if r.Score >= 1000 {
			v.Rank = fmt.Sprintf("%d (%d,%03d)", r.Rank, r.Score/1000, r.Score%1000)
		}
		for _, name := range r.Seats {
			v.Marks[name] = "backup, still copying"
		}
		for _, name := range r.InSync {
			v.Marks[name], v.Backups = "backup in sync", strings.Join(r.InSync, ", ")
		}
		if r.Lead != "" {
			v.Marks[r.Lead] = "backup, still copying, the region moves here"
		}
		if r.Primary != nil {
			v.Primary, v.Marks[r.Primary.Name] = r.Primary.Name, "primary"
			if r.State != "serving" {
				v.Marks[r.Primary.Name] = "elected, not serving yet"
			}
		}
		if r.Arrivals > 0 {
			v.Players += fmt.Sprintf(" %d in", r.Arrivals)
		}
		if r.Departures > 0 {
			v.Players += fmt.Sprintf(", %d out", r.Departures)
		}
		if r.Arriving > 0 {
			v.Players += fmt.Sprintf(", %d coming", r.Arriving)
		}
		if r.Protected {
			v.Protection = "protected"
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b shown) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func TestShowsTheStatus(t *testing.T) {
	for name, s := range map[string]status{"calm": mesh(6, 6), "storm": storm(6, 6), "large": storm(30, 15)} {
		t.Run(name, func(t *testing.T) {
			p := open(t, serve(t, s).url(), 1440, 900)
			p.until(`document.querySelectorAll("#rows tr").length === %d`, len(s.Regions))
			require.Equal(t, expected(s), ask[[]shown](p, readRegions))

			figures := ask[map[string]string](p, `Object.fromEntries([...document.querySelectorAll("#figures > div")].map(d => [d.children[0].textContent, d.children[1].textContent + ": " + d.children[2].textContent]))`)
			players, kept, passing := 0, uint64(0), 0
			for _, r := range s.Regions {
				players, kept = players+r.Players, kept+r.Kept
			}
			for _, v := range s.Servers {
				if v.Passing {
					passing++
				}
			}
			require.Equal(t, fmt.Sprint(players)+": as edge-1 knows", strings.ReplaceAll(figures["Players"], ",", ""))
			require.Equal(t, fmt.Sprintf("%d: not durable yet", kept), figures["Kept actions"])
			require.Contains(t, figures["Servers"], fmt.Sprintf("%d of %d pass", passing, len(s.Servers)))
			require.Contains(t, figures["Degraded mode"], s.Level.Name)
			require.Contains(t, figures["Coverage"], fmt.Sprintf("%d of %d regions", s.Coverage.Covered, s.Coverage.Regions))
			require.Equal(t, "edge-1: for 42 min, this edge", figures["Controller"])

			tiles := ask[map[string]string](p, `Object.fromEntries([...document.querySelectorAll(".tile")].map(t => [t.querySelector(".name").textContent, [...t.querySelectorAll(".tag:not([hidden]), .place, .role")].map(n => n.textContent.trim()).join("; ")]))`)
			require.Equal(t, expectedTiles(s), tiles)
		})
	}
}

func expectedTiles(s status) map[string]string {
	out := map[string]string{}
	for _, v := range s.Servers {
		var parts []string
		add := func(yes bool, words string) {
			if yes {
				parts = append(parts, words)
			}
		}
		add(v.Pool, "pool")
		add(!v.Passing, "failing")
		add(v.Passing && v.Draining && !v.Drained, "draining")
		add(v.Passing && v.Drained, "drained")
		add(true, "zone "+v.Zone+", "+v.Host)
		add(len(v.PrimaryOf) > 0, "leads "+strings.Join(v.PrimaryOf, ", "))
		add(len(v.BackupOf) > 0, "backs "+strings.Join(v.BackupOf, ", "))
		add(len(v.PrimaryOf)+len(v.BackupOf) == 0, "holds no region")
		out[v.Name] = strings.Join(parts, "; ")
	}
	return out
}

// The sentence says how it is, and follows.
func TestSentence(t *testing.T) {
	calm, long := mesh(6, 6), time.Now().Add(-time.Minute)
	api := serve(t, calm)
	p := open(t, api.url(), 1440, 900)
	for _, test := range []struct {
		change func(r []region)
		want   string
		tone   string
	}{
		{func([]region) {}, "All 6 regions serve, all are protected.", "ok"},
		{func(r []region) { r[1].Protected = false }, "All 6 regions serve; bay is unprotected.", "warn"},
		{func(r []region) { r[1].Protected, r[2].Protected = false, false }, "All 6 regions serve; bay and cave are unprotected.", "warn"},
		{func(r []region) { r[0].State = "restoring" }, "1 of 6 regions is recovering: arena.", "warn"},
		{func(r []region) {
			r[0].State, r[3].State, r[3].Since, r[3].Primary = "restoring", "vacant", time.Now(), nil
		}, "2 of 6 regions are recovering: arena and dunes.", "warn"},
		{func(r []region) { r[3].State, r[3].Since, r[3].Primary = "vacant", long, nil }, "Nobody serves dunes.", "bad"},
		{func(r []region) {
			for i := range r {
				r[i].State, r[i].Since, r[i].Primary = "vacant", time.Now(), nil
			}
		}, "All 6 regions are recovering: arena, bay, cave and 3 more.", "warn"},
		{func([]region) {}, "All 6 regions serve, all are protected.", "ok"},
	} {
		regions := slices.Clone(calm.Regions)
		test.change(regions)
		api.turn(func(s *status) { s.Regions = regions })
		p.until(`document.querySelector("#sentence").textContent === %q && document.querySelector("#head").dataset.tone === %q`, test.want, test.tone)
		require.Contains(t, ask[string](p, `document.title`), test.want)
	}
	require.Equal(t, "status polite", ask[string](p, `["role", "aria-live"].map(a => document.querySelector("#sentence").getAttribute(a)).join(" ")`))

	api.turn(func(s *status) { s.Regions, s.Servers, s.Controller, s.Stale = []region{}, []server{}, nil, true })
	p.until(`document.querySelector("#sentence").textContent === "No region is known yet." && !document.querySelector("#no-regions").hidden`)
	p.until(`document.querySelector("#link").innerText.includes("Consul does not answer") && document.querySelector("#main").classList.contains("unsure")`)
	require.Contains(t, ask[string](p, `document.querySelector("#figures").innerText`), "none")
}

// Each kind of event is told in words.
func TestWords(t *testing.T) {
	api := serve(t, mesh(2, 3))
	p := open(t, api.url(), 1440, 900)
	for _, test := range []struct{ event, want string }{
		{`{"type":"suspect","region":"arena","server":"server-1","reason":"silence","detail":"server-1 looks dead: silence"}`, "arena server-1 looks dead: it was silent"},
		{`{"type":"held","region":"arena","players":40,"reason":"game_exit"}`, "arena the edge keeps the actions of 40 players: its game ended"},
		{`{"type":"elected","region":"arena","server":"server-2","epoch":2}`, "arena server-2 elected, epoch 2"},
		{`{"type":"serving","region":"arena","server":"server-2","epoch":2}`, "arena server-2 serves, epoch 2"},
		{`{"type":"switch","region":"arena","server":"server-2","epoch":2,"players":40}`, "arena 40 players go to server-2, epoch 2"},
		{`{"type":"resent","region":"arena","actions":1}`, "arena 1 kept action sent again"},
		{`{"type":"durable","region":"arena"}`, "arena actions are durable again, players play on"},
		{`{"type":"insync","region":"arena","members":["server-2","server-3"]}`, "arena in sync: server-2 and server-3"},
		{`{"type":"insync","region":"arena","detail":"no set is published"}`, "arena no set is published"},
		{`{"type":"protection","region":"arena","protected":false}`, "arena unprotected: one process alone has its state"},
		{`{"type":"protection","region":"arena","protected":true}`, "arena protected"},
		{`{"type":"level","level":"moderate","fidelity":0.5}`, "degraded mode: moderate, fidelity 50\u00a0%"},
		{`{"type":"alert","severity":"critical","region":"arena","reason":"raised","detail":"it burns"}`, "arena it burns"},
		{`{"type":"alert","severity":"warning","region":"arena","reason":"raised","detail":"region arena is alone"}`, "region arena is alone"},
		{`{"type":"alert","severity":"critical","region":"arena","reason":"cleared","detail":"it burns"}`, "arena over: it burns"},
		{`{"type":"drain","server":"server-3","reason":"operator"}`, "server-3 is drained: operator"},
		{`{"type":"drain","server":"server-3","reason":"undone"}`, "server-3 is not drained any more"},
		{`{"type":"move","region":"arena","server":"server-3","reason":"begun"}`, "arena moves to server-3"},
		{`{"type":"move","region":"arena","server":"server-3","reason":"done"}`, "arena moved to server-3"},
		{`{"type":"move","region":"arena","server":"server-3","reason":"given_up"}`, "arena not moved to server-3"},
		{`{"type":"server_up","server":"server-3"}`, "server-3 is up"},
		{`{"type":"server_down","server":"server-3","detail":"its check fails"}`, "server-3 is down: its check fails"},
		{`{"type":"controller","server":"edge-2"}`, "edge-2 is the controller"},
		{`{"type":"something_new","region":"arena","detail":"of a later version"}`, "arena something new: of a later version"},
	} {
		var e event
		require.NoError(t, json.Unmarshal([]byte(test.event), &e))
		api.tell(e)
		p.until(`[...document.querySelectorAll("#log li:first-child > span")].map(n => n.textContent).join() === %q`, test.want)
	}
}
