package page_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// button finds one by what it does, armed or not.
func button(does string) string { return fmt.Sprintf(`button[aria-label^=%q]`, does) }

// sure presses a button twice: it asks whether it is meant, and takes no double click for a yes.
func (p *tab) sure(does string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(button(does))))
	p.until(`document.querySelector('%s.armed')?.textContent === "sure?"`, button(does))
	p.until(`(() => { // each press that is too early changes nothing
		const b = document.querySelector('%s');
		if (b.classList.contains("armed")) { b.click(); document.body.dataset.look = performance.now(); }
		return !b.classList.contains("armed");
	})()`, button(does))
}

func TestButtons(t *testing.T) {
	api := serve(t, mesh(6, 6))
	p := open(t, api.url(), 1440, 900)
	p.until(`document.querySelector('%s')`, button("kill server-3"))

	for _, test := range []struct {
		does, path, body, answer string
	}{
		{"kill server-3", "/mesh/simulate_failure", `{"server":"server-3","kind":"kill"}`, "Killing server-3: done"},
		{"freeze server-4", "/mesh/simulate_failure", `{"server":"server-4","kind":"freeze","duration_ms":3000}`, "Freezing server-4 for 3 s: done"},
		{"drain server-5", "/mesh/drain", `{"server":"server-5"}`, "Draining server-5: done"},
	} {
		p.sure(test.does)
		got := <-api.posts
		require.Equal(t, test.path, got.path)
		require.Equal(t, "application/json", got.contentType)
		require.JSONEq(t, test.body, toJSON(t, got.body))
		p.until(`document.querySelector("#answer").textContent.startsWith(%q)`, test.answer)
	}

	api.turn(func(s *status) { s.Servers[4].Draining = true })
	p.until(`document.querySelector('%s')?.hidden && !document.querySelector('%s').hidden`, button("drain server-5"), button("undrain server-5"))
	p.sure("undrain server-5")
	require.JSONEq(t, `{"server":"server-5","undo":true}`, toJSON(t, (<-api.posts).body))

	api.mu.Lock()
	api.refuse = "server-3 is not here: it may have been killed already"
	api.mu.Unlock()
	p.forgive = "409 (Conflict)"
	p.sure("kill server-3")
	<-api.posts
	p.until(`document.querySelector("#answer.bad")?.textContent === "Killing server-3: server-3 is not here: it may have been killed already"`)

	api.turn(func(s *status) { s.TestEndpoints = false })
	p.until(`[...document.querySelectorAll(".tile .buttons")].every(b => b.hidden)`)
	require.Empty(t, api.posts, "nothing else was asked for")
}

// One press alone does nothing, and the keyboard will do.
func TestButtonsAsk(t *testing.T) {
	api := serve(t, mesh(3, 3))
	p := open(t, api.url(), 1440, 900)
	p.until(`document.querySelector('%s')`, button("kill server-1"))
	armed := `document.querySelectorAll("button.armed").length === %d`

	p.do(chromedp.Focus(chromedp.CSS(button("kill server-1"))))
	ask[bool](p, `(() => { document.activeElement.click(); document.activeElement.click(); return true; })()`) // a double click is one slip
	p.until(armed, 1)
	require.Equal(t, "kill server-1: press again to do it", ask[string](p, `document.querySelector("button.armed").getAttribute("aria-label")`))
	p.do(chromedp.KeyEvent(kb.Escape))
	p.until(armed, 0)

	p.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter)) // the next one is freeze
	p.until(armed, 1)
	require.Equal(t, "freeze server-1: press again to do it", ask[string](p, `document.activeElement.getAttribute("aria-label")`))
	p.do(chromedp.KeyEvent(kb.Tab)) // away
	p.until(armed, 0)
	require.Empty(t, api.posts)
}

// An API with a token is asked with it.
func TestToken(t *testing.T) {
	api := serve(t, mesh(3, 3))
	api.token = "s3cret"
	t.Run("typed", func(t *testing.T) {
		p := open(t, api.url(), 1440, 900)
		p.forgive = "401 (Unauthorized)"
		p.until(`!document.querySelector("#token").hidden && document.querySelector("#link").innerText.includes("the token is missing or wrong")`)
		p.do(chromedp.SendKeys(chromedp.CSS("#secret"), "s3cret"+kb.Enter))
		p.until(`document.querySelector("#link").dataset.state === "live" && document.querySelector("#token").hidden`)
		p.sure("kill server-2")
		require.Equal(t, "Bearer s3cret", (<-api.posts).authorization)
		p.do(chromedp.Reload())
		p.until(`document.querySelector("#link").dataset.state === "live"`)
	})
	t.Run("in the address", func(t *testing.T) {
		p := open(t, api.url()+"#token=s3cret", 1440, 900)
		p.until(`document.querySelector("#link").dataset.state === "live"`)
		require.Equal(t, api.url(), ask[string](p, `location.href`), "it does not stay there")
	})
}
