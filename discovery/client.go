package discovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	consul "github.com/hashicorp/consul/api"
)

// Client talks to one Consul agent. It has two pools of connections: blocking
// queries hold theirs for seconds, and a beat must never wait behind them.
type Client struct {
	cfg      Config // with defaults
	log      *slog.Logger
	calls    *consul.Client
	blocking *consul.Client
	hasToken bool
	direct   direct // for what consul/api does not know
	idle     func() // closes idle connections
	n        counters
}

// New returns a Client for cfg. It reads the token and CA files but does not
// talk to Consul. A nil log means none.
func New(cfg Config, log *slog.Logger) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Client{cfg: cfg.WithDefaults(), log: log}
	settings, network, err := settings(c.cfg)
	if err != nil {
		return nil, err
	}
	c.hasToken = settings.Token != ""
	calls, closeCalls := network(maxCallConns)
	blocking, closeBlocking := network(maxBlockingConns)
	c.idle = func() { closeCalls(); closeBlocking() }
	c.direct = direct{base: baseOf(settings), token: settings.Token, http: &http.Client{Transport: tap{calls, maxAnswer}}}
	if c.calls, err = newAPI(settings, calls, maxAnswer); err != nil {
		return nil, err
	}
	if c.blocking, err = newAPI(settings, blocking, maxList); err != nil {
		return nil, err
	}
	return c, nil
}

func newAPI(settings consul.Config, rt http.RoundTripper, most int64) (*consul.Client, error) {
	settings.HttpClient = &http.Client{Transport: tap{rt, most}}
	client, err := consul.NewClient(&settings)
	if err != nil {
		return nil, fmt.Errorf("discovery: consul settings: %w", err)
	}
	return client, nil
}

// CheckTTL is Config.CheckTTL with its default: what a lease is measured by (see
// Registration.RenewedAt).
func (c *Client) CheckTTL() time.Duration { return c.cfg.CheckTTL }

// Stats returns a snapshot of the counters.
func (c *Client) Stats() Stats { return c.n.snapshot() }

// Close closes idle connections. The Client stays usable.
func (c *Client) Close() { c.idle() }

// exchange is what one call's transport tells about it, because consul/api
// loses the status of some answers.
type exchange struct {
	status int    // of the HTTP answer, 0 if there was none
	body   string // of an answer that is neither 200 nor 409, cut short
}

type exchangeKey struct{}

// tap fills the exchange in a request's context, and bounds the answer.
type tap struct {
	next http.RoundTripper
	most int64 // bytes of an answer
}

// Bounds of an answer: what we may be made to read (a value in Consul has at
// most 512 KB, and a region has three), in a list of the keys of all regions (of
// which each has some 2 KB, 20 KB at most; the rest is room for a hundred values
// that somebody else has written), and what of an error text is kept.
const (
	maxAnswer    = 8 << 20
	maxList      = 64 << 20
	maxErrorText = 512
)

func (t tap) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	res.Body = bounded{io.LimitReader(res.Body, t.most), res.Body}
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return res, nil
	}
	x.status = res.StatusCode
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusConflict {
		text, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorText))
		x.body = strings.TrimSpace(strings.ToValidUTF8(string(text), "?"))
		res.Body = bounded{strings.NewReader(x.body), res.Body}
	}
	return res, nil
}

type bounded struct {
	io.Reader
	io.Closer
}

// op is what a call is for, in the words of its errors.
type op struct {
	name  string
	right string // ACL rule that it needs
}

// call makes one call that does not block. fn gets the context that bounds it.
func (c *Client) call(ctx context.Context, o op, fn func(context.Context) error) error {
	_, err := c.exchange(ctx, o, fn)
	return err
}

// exchange is call for those who must know the status that they were answered with.
func (c *Client) exchange(ctx context.Context, o op, fn func(context.Context) error) (exchange, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	return c.do(ctx, o, fn)
}

// do runs fn and gives its error one of the types of this package.
func (c *Client) do(ctx context.Context, o op, fn func(context.Context) error) (exchange, error) {
	c.n.calls.Add(1)
	var x exchange
	err := fn(context.WithValue(ctx, exchangeKey{}, &x))
	if err == nil {
		return x, nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.DeadlineExceeded) {
		return x, fmt.Errorf("discovery: %s: %w", o.name, cause) // the caller gave up; no fault of Consul's
	}
	return x, c.fault(classify(o, x, ctx.Err() != nil, err))
}

// fault counts an error and returns it.
func (c *Client) fault(kind Kind, err error) error {
	c.n.errors[kind].Add(1)
	return err
}

// classify says what went wrong with a call: late tells that its time was up.
func classify(o op, x exchange, late bool, err error) (Kind, error) {
	unavailable := func(kind Kind) (Kind, error) {
		if x.body != "" && !errors.As(err, new(consul.StatusError)) {
			err = fmt.Errorf("%w: %s", err, x.body)
		}
		return kind, &UnavailableError{Op: o.name, Kind: kind, Err: err}
	}
	var timeout interface{ Timeout() bool }
	switch {
	case late || errors.As(err, &timeout) && timeout.Timeout():
		return unavailable(KindTimeout)
	case x.status == 0:
		return unavailable(KindNetwork)
	case x.status == http.StatusForbidden:
		return KindAccess, &AccessError{Op: o.name, Right: o.right, Detail: x.body}
	case x.status == http.StatusTooManyRequests:
		return unavailable(KindLimit)
	case x.status >= http.StatusInternalServerError:
		return unavailable(KindServer)
	case x.status == http.StatusOK || x.status == http.StatusConflict:
		return unavailable(KindGarbled)
	}
	return KindOther, fmt.Errorf("discovery: %s: unexpected answer %d: %w", o.name, x.status, err)
}

// hidden returns an AccessError if Consul left things out of the answer to a
// list query. It says so itself only to those who show a token; without one, an
// empty list under a policy of deny means that this client sees nothing.
func (c *Client) hidden(o op, meta *consul.QueryMeta, empty bool) error {
	blind := empty && meta.DefaultACLPolicy == "deny" && !c.hasToken
	if !meta.ResultsFilteredByACLs && !blind {
		return nil
	}
	return c.fault(KindAccess, &AccessError{Op: o.name, Right: o.right, Silent: true})
}
