// Package page is the live page: the mesh, drawn while it lives.
//
// It is one HTML file without a build step and without anything from elsewhere. It
// asks mesh/status every second, and at once when an event of mesh/events says that
// something changed; a failover grows with its events. Both addresses are relative
// to its own, so it is to be served at the root of the API, /, and works below a
// path of a reverse proxy too.
//
// Status is the truth and events are the hurry: what an event says is replaced by
// what the next answer says. When answers stop, what is shown is dimmed and its age
// told. Buttons that break servers are there when the status has test_endpoints.
//
// Where the API wants a token, the page asks for it, or takes it from its address:
// #token=TOKEN, a part that browsers do not send. The token goes out in the header
// Authorization, as a Bearer token, and is kept as long as the tab lives.
//
// Names come from whoever may register a server. The page writes them as text, and
// its Content-Security-Policy allows its own script and style, by their hashes, and
// nothing else: no other script, no markup made from text (trusted types), no
// connection but to its own origin, no frame around it.
package page

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

//go:embed index.html
var html []byte

// Handler serves the page to GET and HEAD, at whichever path it is put.
func Handler() http.Handler {
	policy := policy(html)
	sum := sha256.Sum256(html)
	etag := `"` + hex.EncodeToString(sum[:16]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "the page is only read: use GET", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-cache") // ask whether it is still the same: a new binary has a new page
		h.Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(html))
	})
}

// policy allows what is in the page, and nothing else.
func policy(html []byte) string {
	return strings.Join([]string{
		"default-src 'none'",
		"script-src " + hash(html, "script"),
		"style-src " + hash(html, "style"),
		"img-src data:", // its icon
		"connect-src 'self'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
}

// hash is what the policy calls the text of the one such element.
func hash(html []byte, element string) string {
	_, rest, _ := bytes.Cut(html, []byte("<"+element+">"))
	text, _, _ := bytes.Cut(rest, []byte("</"+element+">"))
	sum := sha256.Sum256(text)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
