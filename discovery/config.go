package discovery

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Defaults of Config, in one place.
const (
	DefaultPrefix     = "reseat"
	DefaultService    = "reseat-game"
	DefaultCheckTTL   = 3 * time.Second
	DefaultSessionTTL = 10 * time.Second
	DefaultTimeout    = time.Second
	DefaultWait       = 10 * time.Second
)

// minSessionTTL is Consul's own lower bound (session_ttl_min).
const minSessionTTL = 10 * time.Second

// Config says where Consul is and how to talk to it. The zero value is valid:
// every field that is zero takes its default.
type Config struct {
	// Address is host:port or a URL (http://, https://, unix://). If empty,
	// CONSUL_HTTP_ADDR, else 127.0.0.1:8500. The other CONSUL_* variables (TLS,
	// namespace, partition) hold as they do for every Consul client.
	Address string

	// Token is the ACL token, TokenFile a file that holds it; at most one of the
	// two. If both are empty, CONSUL_HTTP_TOKEN_FILE, else CONSUL_HTTP_TOKEN.
	Token     string
	TokenFile string

	// CAFile is the PEM file that Consul's certificate is checked with. If empty,
	// CONSUL_CACERT, else the system's.
	CAFile string

	// Prefix is the first part of every key: <Prefix>/<region>/lock. If empty, "reseat".
	Prefix string

	// Service is the name that game servers are registered under. If empty, "reseat-game".
	Service string

	// CheckTTL is how long a server counts as alive after its last beat: the
	// longest that a region waits when nobody but Consul notices a death. If
	// zero, 3 s; at least three Timeouts, so that one lost beat is not a death.
	CheckTTL time.Duration

	// SessionTTL is how long Consul keeps a session that nobody renews; Consul
	// itself waits for twice as long. If zero, 10 s, which is also the least.
	SessionTTL time.Duration

	// Timeout bounds one call that does not block. If zero, 1 s.
	Timeout time.Duration

	// Wait is the longest that one blocking query waits for news. If zero, 10 s;
	// at least 1 s and at most 10 minutes, which is Consul's own bound.
	Wait time.Duration

	// Transport carries the requests. If nil, an HTTP/1.1 transport of the
	// Client's own, with bounded connections. Simulations put an in-memory one here.
	Transport http.RoundTripper
}

// WithDefaults returns c with every zero field replaced by its default.
func (c Config) WithDefaults() Config {
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	if c.Service == "" {
		c.Service = DefaultService
	}
	if c.CheckTTL == 0 {
		c.CheckTTL = DefaultCheckTTL
	}
	if c.SessionTTL == 0 {
		c.SessionTTL = DefaultSessionTTL
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Wait == 0 {
		c.Wait = DefaultWait
	}
	return c
}

// Validate checks the values, zero ones as their defaults, against each other
// and says which of them to change. It does no I/O.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var errs []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("discovery: "+format, args...))
		}
	}
	refuse(c.Token != "" && c.TokenFile != "", "token and token file are both set, leave one of them empty")
	refuse(c.Timeout < time.Millisecond, "timeout %v is below 1ms", c.Timeout)
	refuse(c.CheckTTL < 3*c.Timeout,
		"check TTL %v is below three timeouts of %v: one lost beat would be a death", c.CheckTTL, c.Timeout)
	refuse(c.SessionTTL < minSessionTTL || c.SessionTTL > 24*time.Hour,
		"session TTL %v is not between %v and 24h, which Consul would refuse", c.SessionTTL, minSessionTTL)
	refuse(c.SessionTTL < c.CheckTTL,
		"session TTL %v is below the check TTL %v: the session would fall before the check", c.SessionTTL, c.CheckTTL)
	refuse(c.Wait < time.Second || c.Wait > 10*time.Minute,
		"wait %v is not between 1s and 10m, Consul's bound of a blocking query", c.Wait)
	for part := range strings.SplitSeq(c.Prefix, "/") {
		if err := CheckName(part); err != nil {
			errs = append(errs, fmt.Errorf("discovery: prefix %q: %w", c.Prefix, err))
			break
		}
	}
	if err := CheckName(c.Service); err != nil {
		errs = append(errs, fmt.Errorf("discovery: service: %w", err))
	}
	return errors.Join(errs...)
}

// maxName is the longest name of a region, service or incarnation in bytes.
const maxName = 64

// CheckName tells whether name may be a region, an incarnation or a service.
// Such names become parts of keys, IDs and tags, so they consist of 1 to 64
// ASCII letters, digits, '.', '_' and '-', the first a letter or digit. The
// error wraps ErrName.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: it is empty", ErrName)
	case len(name) > maxName:
		return fmt.Errorf("%w: %.16q... has more than %d bytes", ErrName, name, maxName)
	}
	for i := range len(name) {
		c := name[i]
		alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !alnum && (i == 0 || c != '.' && c != '_' && c != '-') {
			return fmt.Errorf("%w: %q has %q at byte %d", ErrName, name, c, i)
		}
	}
	return nil
}
