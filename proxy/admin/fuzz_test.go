package admin

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/reseat-proxy/reseat/proxy/journal"
)

// Whatever is posted, the answer is one that openapi.json knows, and what is refused
// has done nothing.
func FuzzPost(f *testing.F) {
	for path, body := range map[string]string{
		"/mesh/drain": `{"server":"one","undo":true}`, "/mesh/move": `{"region":"arena","to":"three"}`, "/mesh/reset": `{}`,
		"/mesh/simulate_failure": `{"server":"one","kind":"freeze","duration_ms":10}`, "/mesh/nothing": `{"server":`,
	} {
		f.Add(path, body, "application/json", "")
		f.Add(path, `{"server":"\u0000","region":"../..","to":{},"kind":[1e999]}`, "application/json; charset=utf-8", "http://127.0.0.1:7700")
		f.Add(path, `[[[[[[`, "text/plain", "null")
	}
	f.Fuzz(func(t *testing.T, path, body, media, origin string) {
		for _, rt := range routes {
			if rt.path != path || rt.path == "/mesh/setup_test" { // which waits
				continue
			}
			r := newRig(t)
			req := request("POST", path, body, "Content-Type", media, "Origin", origin)
			w := r.do(req)
			if asked := r.ctl.heard(); w.Code/100 != 2 && len(asked) > 0 {
				t.Fatalf("%d, and %q", w.Code, asked)
			}
		}
	})
}

// Who asks for old events with any ID is answered.
func FuzzLastEvent(f *testing.F) {
	for _, id := range []string{"", "0", "7", "-1", "18446744073709551616", "9223372036854775808", "x", " 5"} {
		f.Add(id)
	}
	few := journal.New[Event](4, 1000)
	for range 6 {
		few.Add(Event{})
	}
	f.Fuzz(func(t *testing.T, id string) {
		req := request(http.MethodGet, "/mesh/events", "")
		req.Header.Set("Last-Event-ID", id)
		n, ok, err := lastEvent(req)
		if err != nil {
			if p := explain(err); p.Status != 400 {
				t.Fatal(p)
			}
			if _, err := json.Marshal(explain(err)); err != nil {
				t.Fatal(err)
			}
			return
		}
		reader := few.Read(n)
		defer reader.Close()
		if e, more := reader.Try(); ok && more && e.ID <= n && !e.Gap {
			t.Fatalf("after %d comes %d", n, e.ID)
		}
	})
}
