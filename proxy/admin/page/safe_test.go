package page_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

func toJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// Names are text, whatever is in them. Whoever may register a server chooses them.
func TestHostileNames(t *testing.T) {
	const (
		image  = `<img src=x onerror="document.title='owned'">`
		script = `"><script>document.title='owned'</script>`
	)
	long := strings.Repeat("w", 300)
	s := storm(6, 6)
	s.Servers[0].Name, s.Servers[0].Zone, s.Servers[0].Host, s.Servers[0].Address = image, script, image, script
	s.Servers[2].Name, s.Servers[3].Zone = long, long
	s.Regions[0].Name, s.Regions[0].Primary = script, &primary{Name: image, Incarnation: s.Servers[0].Incarnation}
	s.Regions[1].Name, s.Regions[2].InSync, s.Regions[3].State = long, []string{image, long}, image
	s.Edges[0].Name, s.Controller.Edge, s.Level.Name = image, script, image
	s.Alerts[0].Message, s.Alerts[0].Region, s.Alerts[0].Severity = image, script, image
	s.Failovers[0].Region, s.Failovers[0].From, s.Failovers[0].To, s.Failovers[0].Reason = image, script, image, script
	s.Failovers[1].Stages[0].Name = image
	place(&s)
	api := serve(t, s)
	p := open(t, api.url(), 400, 900)
	api.tell(event{Type: "alert", Region: image, Detail: script, Severity: image})
	api.tell(event{Type: image, Region: script, Server: image, Reason: image})
	p.until(`document.querySelectorAll("#log li").length === 2 && document.querySelectorAll("#rows tr").length === 6`)

	require.Equal(t, 0, ask[int](p, `document.images.length`))
	require.Equal(t, 1, ask[int](p, `document.scripts.length`))
	require.NotEqual(t, "owned", ask[string](p, `document.title`))
	text := ask[string](p, `document.body.textContent`)
	require.Contains(t, text, image)
	require.Contains(t, text, script)
	require.Equal(t, 400, ask[int](p, `document.documentElement.scrollWidth`), "long names are cut")

	// And if the page had a hole, its policy would not let anything through it.
	p.forgive = "TrustedHTML"
	require.Contains(t, ask[string](p, `(() => { try { document.body.innerHTML = %q; return "done"; } catch (e) { return e.name; } })()`, image), "TypeError")
}

// Nothing sticks out, on no screen.
func TestFits(t *testing.T) {
	p := open(t, serve(t, storm(30, 15)).url(), 400, 900)
	p.until(`document.querySelectorAll("#rows tr").length === 30`)
	for _, width := range []int64{320, 400, 600, 820, 1099, 1100, 1440, 1799, 1800, 1920, 2560} {
		p.do(chromedp.EmulateViewport(width, 900))
		require.LessOrEqual(t, ask[int64](p, `document.documentElement.scrollWidth`), width, "at %d px", width)
		require.True(t, ask[bool](p, `[...document.querySelectorAll("section, .tile, .row, #log li, #figures > div")].every(n => { const r = n.getBoundingClientRect(); return r.left >= 0 && r.right <= innerWidth + .5; })`), "at %d px", width)
	}
	p.do(chromedp.EmulateViewport(400, 900))
	require.True(t, ask[bool](p, `(() => { const s = document.querySelector("#regions .scroll"); return s.scrollWidth <= s.clientWidth; })()`), "15 servers can be seen on a phone")
}

// Light and dark, and without motion where that is asked for.
func TestPreferences(t *testing.T) {
	p := open(t, serve(t, storm(6, 6)).url(), 1440, 900, media("prefers-color-scheme", "light"))
	p.until(`document.querySelector(".track i.running")`)
	require.Equal(t, "rgb(251, 251, 249)", ask[string](p, `getComputedStyle(document.body).backgroundColor`))
	require.Contains(t, ask[string](p, `getComputedStyle(document.querySelector(".track i")).transitionProperty`), "width")
	p.do(media("prefers-color-scheme", "dark"))
	require.Equal(t, "rgb(18, 21, 24)", ask[string](p, `getComputedStyle(document.body).backgroundColor`))
	p.do(media("prefers-reduced-motion", "reduce"))
	require.Equal(t, "0s", ask[string](p, `getComputedStyle(document.querySelector(".track i")).transitionDuration`))
	require.Equal(t, "0s", ask[string](p, `getComputedStyle(document.querySelector("main")).transitionDuration`))
}
