package admin

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

const (
	// clientTimeout bounds one request: setup_test is the longest.
	clientTimeout = setupWait + askTimeout
	// maxReply bounds what a client reads: a mesh of thousands of regions.
	maxReply = 64 << 20
)

// Client asks the API of one edge.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient returns a Client for the API at base, which is host:port or a URL. Token
// and trust may be empty.
func NewClient(base, token string, trust *tls.Config) (*Client, error) {
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q is not the address of an edge's API: write http://host:port, as http://%s", base, DefaultListen)
	case token != "" && u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("%s would get the token in the clear: use https://", base)
	}
	transport := &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true, Proxy: http.ProxyFromEnvironment}
	return &Client{base: u.Scheme + "://" + u.Host, token: token, http: &http.Client{Transport: transport, Timeout: clientTimeout}}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// At is a Client for the API at another address, with the same token and trust.
func (c *Client) At(base string) (*Client, error) {
	trust := c.http.Transport.(*http.Transport).TLSClientConfig
	if trust != nil {
		trust = trust.Clone()
	}
	return NewClient(base, c.token, trust)
}

// Status asks for everything at one moment.
func (c *Client) Status(ctx context.Context) (s Status, err error) {
	return s, c.call(ctx, http.MethodGet, "/mesh/status", nil, &s)
}

// Drain asks for a server to be emptied, or takes that back.
func (c *Client) Drain(ctx context.Context, req DrainRequest) (r DrainReply, err error) {
	return r, c.command(ctx, "/mesh/drain", req, &r)
}

// Move asks for a region to be led by another server.
func (c *Client) Move(ctx context.Context, req MoveRequest) (r MoveReply, err error) {
	return r, c.command(ctx, "/mesh/move", req, &r)
}

// command asks this edge, and the controller if that is another one and it must be.
func (c *Client) command(ctx context.Context, path string, req, reply any) error {
	err := c.call(ctx, http.MethodPost, path, req, reply)
	var p *Problem
	if !errors.As(err, &p) || p.Status != http.StatusMisdirectedRequest || p.Controller == "" {
		return err
	}
	controller, elsewhere := c.At(p.Controller)
	if elsewhere != nil {
		return fmt.Errorf("%w (%w)", err, elsewhere)
	}
	defer controller.Close()
	return controller.call(ctx, http.MethodPost, path, req, reply)
}

// call makes one request. An answer that is not 2xx is a *Problem.
func (c *Client) call(ctx context.Context, method, path string, req, reply any) error {
	var body io.Reader
	if req != nil {
		text, err := json.Marshal(req)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	if req != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return c.unreachable(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	switch {
	case err != nil:
		return c.unreachable(err)
	case res.StatusCode/100 != 2:
		return c.failed(res, text)
	}
	if err := json.Unmarshal(text, reply); err != nil {
		return fmt.Errorf("%s does not answer as an edge's API does (%w): check the address", c.base, err)
	}
	return nil
}

func (c *Client) failed(res *http.Response, text []byte) error {
	p := &Problem{}
	if json.Unmarshal(text, p) != nil || p.Code == "" {
		return fmt.Errorf("%s answers %s and not as an edge's API does: check the address", c.base, res.Status)
	}
	return p
}

// unreachable says what to do when there is no answer.
func (c *Client) unreachable(err error) error {
	var late interface{ Timeout() bool }
	var unknown *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &unknown):
		return fmt.Errorf("%s shows a certificate that is not trusted (%w): give its CA with --ca-file", c.base, unknown.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: start an edge there (its API is at admin.listen), or give another address with --admin or RESEAT_ADMIN", c.base)
	case errors.As(err, &late) && late.Timeout():
		return fmt.Errorf("%s does not answer within %v: look at the edge there", c.base, clientTimeout.Round(time.Second))
	}
	return fmt.Errorf("%s: %w", c.base, err)
}
