package admin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/proxy"
)

// getLive tells that the process answers: nothing else, so that a supervisor does
// not restart an edge that waits for Consul.
func getLive(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprintln(w, "ok")
	return nil
}

// check is one line of /readyz.
type check struct {
	name string
	bad  bool // the edge should get no new players
	warn bool
	text string
}

func (c check) String() string {
	mark := "+"
	switch {
	case c.bad:
		mark = "-"
	case c.warn:
		mark = "!"
	}
	return fmt.Sprintf("[%s] %s: %s", mark, c.name, c.text)
}

// getReady tells whether new players should be sent here. With ?verbose it says
// why, one check a line; but only to those who may know.
func (s *Server) getReady(w http.ResponseWriter, r *http.Request) error {
	return s.answerChecks(w, r, s.checks(time.Now()))
}

// checks are what makes an edge ready. A region without a primary is a warning: the
// edge keeps its players' actions meanwhile. So is Consul once it has answered:
// play goes on without it, and all edges would be unready at once.
func (s *Server) checks(now time.Time) []check {
	edge := s.cfg.Edge.Status()
	players := check{name: "players", text: "listens on " + edge.Address}
	switch {
	case edge.Draining:
		players.bad, players.text = true, "the edge stops"
	case edge.Address == "":
		players.bad, players.text = true, "does not listen yet"
	}
	consul := check{name: "consul", text: "answers"}
	switch m, known := s.view.latest(); {
	case !known:
		consul.bad, consul.text = true, "has not answered yet: see reseat doctor"
	case m.Stale:
		consul.warn, consul.text = true, fmt.Sprintf("has not answered for %v: see reseat doctor", now.Sub(m.Since).Round(time.Second))
	}
	out := []check{players, consul}
	for _, region := range s.status(now).Regions {
		if !slices.ContainsFunc(edge.Regions, func(r proxy.RegionStatus) bool { return r.Name == region.Name }) {
			continue
		}
		c := check{name: "region " + region.Name, text: string(region.State)}
		if region.State != Serving {
			c.warn, c.text = true, fmt.Sprintf("%s for %v", region.State, now.Sub(region.Since).Round(time.Second))
		}
		out = append(out, c)
	}
	return out
}

// answerChecks says whether all is well and, to those who may know and ask for it,
// what is not.
func (f *front) answerChecks(w http.ResponseWriter, r *http.Request, checks []check) error {
	status, word := http.StatusOK, "ok"
	for _, c := range checks {
		if c.bad {
			status, word = http.StatusServiceUnavailable, "not ready: "+c.name
			break
		}
	}
	var out strings.Builder
	if r.URL.Query().Has("verbose") {
		if p := f.admit(r, false); p != nil {
			return p
		}
		for _, c := range checks {
			fmt.Fprintln(&out, c)
		}
	}
	fmt.Fprintln(&out, word)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(out.String()))
	return nil
}
