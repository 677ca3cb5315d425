package config

import (
	"net/url"
	"strings"
	"time"
)

func (k Consul) check(c *checker) {
	k.checkAddress(c)
	c.secret("consul.token_file", k.TokenFile)
	c.file("consul.ca_file", k.CAFile)
	for part := range strings.SplitSeq(k.Prefix, "/") {
		c.name("consul.prefix", part)
	}
	c.name("consul.service", k.Service)

	timeout := between(c, "consul.timeout", k.Timeout, 10*time.Millisecond, time.Minute)
	check := between(c, "consul.check_ttl", k.CheckTTL, 100*time.Millisecond, time.Hour)
	session := between(c, "consul.session_ttl", k.SessionTTL, 10*time.Second, 24*time.Hour) // Consul's own bounds
	if timeout && check && k.CheckTTL < 3*k.Timeout {
		c.refuse("consul.check_ttl", "%v is below three times consul.timeout, %v: one lost beat would look like a death", show(k.CheckTTL), show(k.Timeout))
	}
	if check && session && k.SessionTTL < k.CheckTTL {
		c.refuse("consul.session_ttl", "%v is below consul.check_ttl, %v: a primary would lose its lease before its check fails", show(k.SessionTTL), show(k.CheckTTL))
	}
}

func (k Consul) checkAddress(c *checker) {
	text := k.Address
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "unix" && u.Host == "":
		c.refuse("consul.address", "%q is not an address: write host:port, http://host:port, https://host:port or unix:///path", clip(hidePassword(k.Address)))
		return
	case u.User != nil:
		c.refuse("consul.address", "has a password in it: put the token into a file and its path into consul.token_file")
		return
	case u.Scheme == "unix":
		return
	case u.Scheme != "http" && u.Scheme != "https":
		c.refuse("consul.address", "%q is not known: use http, https or unix", u.Scheme)
		return
	}
	if u.Port() != "" {
		c.address("consul.address", u.Host)
	}
	if k.TokenFile != "" && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		c.refuse("consul.address", "%s would send the token in the clear: use https://, or the Consul agent of this machine", clip(k.Address))
	}
}
