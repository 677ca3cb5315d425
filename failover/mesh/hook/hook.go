// Package hook asks somebody else's HTTP server for something, in JSON, and is not
// harmed by what that server does: each try has its time, all of them together have
// theirs, an answer is read up to a bound, and no redirection is followed, because
// it could take a token elsewhere.
//
// What may pass by itself (no connection, no answer in time, 408, 425, 429, 5xx) is
// tried again, less and less often. Everything else is an error at once.
package hook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Config says whom to ask, and for how long.
type Config struct {
	URL string // http or https

	// TokenFile holds a secret that is sent with each request, read anew for each
	// one. TokenHeader is the header's name; if empty, the token is sent as
	// "Authorization: Bearer …".
	TokenFile   string
	TokenHeader string
	CAFile      string // of certificates to trust besides the system's, may be empty

	Timeout time.Duration // of one try; 0: 5 s
	Limit   time.Duration // of all tries; 0: 30 s
}

// Defaults of Config.
const (
	DefaultTimeout = 5 * time.Second
	DefaultLimit   = 30 * time.Second
)

// Bounds of what is read.
const (
	maxAnswer = 1 << 20
	maxToken  = 4 << 10
	maxText   = 256 // of an answer in an error
)

// Client asks one server. It is safe for concurrent use.
type Client struct {
	cfg  Config
	base *url.URL
	http *http.Client
}

// StatusError is an answer that says no.
type StatusError struct {
	Code int
	Text string // the beginning of the answer
}

func (e *StatusError) Error() string {
	return strings.TrimRight(fmt.Sprintf("answered %d: %s", e.Code, e.Text), ": ")
}

// New returns a Client, or says what is wrong with cfg.
func New(cfg Config) (*Client, error) {
	base, err := url.Parse(cfg.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("hook: %q is no URL to post to: give http://host/path or https://host/path", cfg.URL)
	}
	if cfg.Timeout < 0 || cfg.Limit < 0 {
		return nil, fmt.Errorf("hook: timeout (%v) and limit (%v) must not be negative", cfg.Timeout, cfg.Limit)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Limit == 0 {
		cfg.Limit = DefaultLimit
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // calls are rare
	if cfg.CAFile != "" {
		if transport.TLSClientConfig, err = trust(cfg.CAFile); err != nil {
			return nil, err
		}
	}
	c := &Client{cfg: cfg, base: base, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if _, err := c.token(); err != nil {
		return nil, err
	}
	return c, nil
}

func trust(file string) (*tls.Config, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("hook: CA file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("hook: CA file %s has no certificate in it", file)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// token reads the secret. Errors do not show it.
func (c *Client) token() (string, error) {
	if c.cfg.TokenFile == "" {
		return "", nil
	}
	f, err := os.Open(c.cfg.TokenFile)
	if err != nil {
		return "", fmt.Errorf("hook: token file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	token := strings.TrimSpace(string(text))
	switch {
	case err != nil:
		return "", fmt.Errorf("hook: token file: %w", err)
	case token == "" || len(text) > maxToken || strings.ContainsAny(token, "\r\n"):
		return "", fmt.Errorf("hook: token file %s must hold one line of at most %d bytes", c.cfg.TokenFile, maxToken)
	}
	return token, nil
}

// Post sends body as JSON to the URL, or to a path below it, and returns the answer.
func (c *Client) Post(ctx context.Context, path string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("hook: %w", err)
	}
	return c.ask(ctx, http.MethodPost, path, text)
}

// Get asks for the URL, or a path below it.
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	return c.ask(ctx, http.MethodGet, path, nil)
}

// errLimit ends the tries.
var errLimit = errors.New("no good answer in time")

func (c *Client) ask(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.Limit, errLimit)
	defer cancel()
	pause := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(200*time.Millisecond), backoff.WithMaxInterval(5*time.Second), backoff.WithMaxElapsedTime(0),
	)
	var last error
	answer, err := backoff.RetryWithData(func() ([]byte, error) {
		answer, err := c.once(ctx, method, path, body)
		if err != nil && ctx.Err() == nil {
			last = err
		}
		return answer, err
	}, backoff.WithContext(pause, ctx))
	if err == nil {
		return answer, nil
	}
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), last)
	}
	return nil, fmt.Errorf("%s %s: %w", method, c.base.Redacted(), err)
}

// once is one try.
func (c *Client) once(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	target := c.base.String()
	if path != "" {
		target = strings.TrimRight(target, "/") + path
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, backoff.Permanent(err)
	}
	if err := c.sign(req); err != nil {
		return nil, backoff.Permanent(err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, unwrapURL(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case res.StatusCode/100 != 2:
		return nil, refused(res.StatusCode, answer)
	case len(answer) > maxAnswer:
		return nil, backoff.Permanent(fmt.Errorf("the answer has more than %d bytes", maxAnswer))
	}
	return answer, nil
}

func (c *Client) sign(req *http.Request) error {
	token, err := c.token()
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "reseat")
	if req.Method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	switch {
	case token == "":
	case c.cfg.TokenHeader != "":
		req.Header.Set(c.cfg.TokenHeader, token)
	default:
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// refused is an answer that says no, and whether it may say yes later.
func refused(code int, answer []byte) error {
	text := strings.TrimSpace(strings.ToValidUTF8(string(answer[:min(len(answer), maxText)]), "?"))
	err := &StatusError{Code: code, Text: text}
	switch {
	case code >= 500, code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests:
		return err
	}
	return backoff.Permanent(err)
}

// unwrapURL drops the URL from an error: it is told anyway, without its password.
func unwrapURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
