package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/proxy/controller"
)

// Problem is an error as the API answers it (RFC 9457). It is an error itself.
type Problem struct { //nolint:errname // the name is that of the RFC
	Type   string `json:"type"` // urn:reseat:problem:<code>
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"` // what to do

	// Controller is the URL of the API that can do it, if it is another one.
	Controller string `json:"controller,omitempty"`

	allow string // methods, for the header of that name
	retry int    // seconds
}

func (p *Problem) Error() string { return p.Detail }

// problem makes one. Its code is for machines, its detail for people.
func problem(status int, code, detail string, args ...any) *Problem {
	return &Problem{
		Type: "urn:reseat:problem:" + code, Title: http.StatusText(status), Status: status, Code: code,
		Detail: fmt.Sprintf(detail, args...),
	}
}

// reasons are the codes of what the mesh does not do.
var reasons = map[mesh.Reason]int{
	mesh.UnknownRegion:   http.StatusNotFound,
	mesh.UnknownServer:   http.StatusNotFound,
	mesh.AmbiguousServer: http.StatusConflict,
	mesh.ServerDead:      http.StatusConflict,
	mesh.ServerDraining:  http.StatusConflict,
	mesh.NotForRegion:    http.StatusConflict,
	mesh.MoveUnderWay:    http.StatusConflict,
	mesh.TooManyMoves:    http.StatusTooManyRequests,
	mesh.OutOfTime:       http.StatusGatewayTimeout,
	mesh.ConsulAway:      http.StatusServiceUnavailable,
}

// explain makes a problem of any error.
func explain(err error) *Problem {
	var (
		known     *Problem
		elsewhere *controller.ElsewhereError
		move      *mesh.MoveError
		server    *mesh.ServerError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &elsewhere):
		p := problem(http.StatusMisdirectedRequest, "not_controller", "%v", elsewhere)
		p.Controller = elsewhere.Admin
		return p
	case errors.As(err, &move):
		return refused(move.Reason, move)
	case errors.As(err, &server):
		return refused(server.Reason, server)
	case errors.Is(err, discovery.ErrAccess):
		return problem(http.StatusInternalServerError, "consul_access", "%v: add that to the edge's policy, see deploy/consul-policies", err)
	case errors.Is(err, discovery.ErrUnavailable):
		return later(problem(http.StatusServiceUnavailable, string(mesh.ConsulAway), "%v: nothing is known to have changed, try again", err))
	case errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusGatewayTimeout, "timeout", "no answer in time, and it may still happen: look at GET /mesh/status")
	}
	return problem(http.StatusInternalServerError, "internal", "%v", err)
}

func refused(why mesh.Reason, err error) *Problem {
	status, known := reasons[why]
	if !known {
		status = http.StatusConflict
	}
	p := problem(status, string(why), "%v", err)
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		return later(p)
	}
	return p
}

// later asks to come back in a moment.
func later(p *Problem) *Problem {
	p.retry = 2
	return p
}

func (p *Problem) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if p.allow != "" {
		h.Set("Allow", p.allow)
	}
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retry))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="reseat"`)
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}
