package page_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/admin/page"
)

func request(t *testing.T, method, etag string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/", nil)
	r.Header.Set("If-None-Match", etag)
	w := httptest.NewRecorder()
	page.Handler().ServeHTTP(w, r)
	return w
}

func TestHandler(t *testing.T) {
	got := request(t, "GET", "")
	html := got.Body.String()
	require.Equal(t, 200, got.Code)
	require.Equal(t, "text/html; charset=utf-8", got.Header().Get("Content-Type"))
	require.Equal(t, "no-cache", got.Header().Get("Cache-Control"))
	require.Equal(t, "nosniff", got.Header().Get("X-Content-Type-Options"))
	require.Equal(t, strconv.Itoa(len(html)), got.Header().Get("Content-Length"))

	same := request(t, "GET", got.Header().Get("ETag"))
	require.Equal(t, http.StatusNotModified, same.Code)
	require.Empty(t, same.Body.String())
	other := request(t, "GET", `"another"`)
	require.Equal(t, 200, other.Code)
	require.Equal(t, html, other.Body.String())

	head := request(t, "HEAD", "")
	require.Equal(t, 200, head.Code)
	require.Empty(t, head.Body.String())

	wrong := request(t, "POST", "")
	require.Equal(t, http.StatusMethodNotAllowed, wrong.Code)
	require.Equal(t, "GET, HEAD", wrong.Header().Get("Allow"))
	require.Equal(t, "the page is only read: use GET\n", wrong.Body.String())
}

// The page's own script and style are allowed, by their hashes, and nothing else.
func TestPolicy(t *testing.T) {
	got := request(t, "GET", "")
	html, policy := got.Body.String(), got.Header().Get("Content-Security-Policy")
	for element, directive := range map[string]string{"script": "script-src", "style": "style-src"} {
		parts := strings.Split(html, "<"+element+">")
		require.Len(t, parts, 2, "one %s", element)
		inner, _, ok := strings.Cut(parts[1], "</"+element+">")
		require.True(t, ok)
		sum := sha256.Sum256([]byte(inner))
		require.Contains(t, policy, directive+" 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
	}
	for _, want := range []string{"default-src 'none'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
		require.Contains(t, policy, want)
	}
	require.NotContains(t, policy, "unsafe")
	require.NotContains(t, policy, "*")
}

// Nothing comes from elsewhere, and nothing makes markup from text.
func TestNothingFromElsewhere(t *testing.T) {
	html := request(t, "GET", "").Body.String()
	for _, url := range regexp.MustCompile(`(?i)(https?:)?//[a-z0-9.-]+\.[a-z]+[^\s"')]*`).FindAllString(html, -1) {
		require.Contains(t, []string{"http://www.w3.org/2000/svg"}, url, "an address in the page")
	}
	for _, word := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", " style=", " onclick=", "@import", "url("} {
		require.NotContains(t, html, word)
	}
}

// Text is readable in both schemes (WCAG AA: 4.5 to 1), and what is drawn can be told
// from the background (3 to 1), the lighter parts of bars excepted, which have others beside them.
func TestContrast(t *testing.T) {
	html := request(t, "GET", "").Body.String()
	light, rest, _ := strings.Cut(html, "@media (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "* {")
	for scheme, css := range map[string]string{"light": light, "dark": dark} {
		colors := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z]+): #([0-9a-f]{6});`).FindAllStringSubmatch(css, -1) {
			colors[m[1]] = m[2]
		}
		for ink, least := range map[string]float64{
			"ink": 7, "muted": 4.5, "ok": 4.5, "warn": 4.5, "bad": 4.5, "accent": 4.5, "held": 3, "serving": 3, "switched": 3, "durable": 3,
		} {
			for _, ground := range []string{"bg", "tint", "hover"} {
				require.Contains(t, colors, ink, scheme)
				got := contrast(t, colors[ink], colors[ground])
				require.GreaterOrEqual(t, got, least, "%s: %s on %s", scheme, ink, ground)
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(hex string) (l float64) {
		for i, weight := range []float64{.2126, .7152, .0722} {
			n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
			require.NoError(t, err, fmt.Sprintf("%q is a color", hex))
			c := float64(n) / 255
			if c <= .04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+.055)/1.055, 2.4)
			}
			l += weight * c
		}
		return l
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + .05) / (min(x, y) + .05)
}
