package config

import (
	"net"
)

// Off turns the admin API off, as its address.
const Off = "off"

func (a Admin) check(c *checker) {
	c.shown(a.TokenFile, a.TLSCert, a.TLSKey)
	if a.Listen == Off {
		if a.EnableTestEndpoints || a.EnablePprof {
			c.refuse("admin.listen", "is off, and admin.enable_test_endpoints and admin.enable_pprof need it: give an address, or turn them off")
		}
		return
	}
	if host, _, ok := c.address("admin.listen", a.Listen); ok && !isLoopback(host) {
		c.openTo(a.Listen, "drain servers", a.TokenFile != "", a.TLSCert != "")
	}
	a.checkAdvertise(c)
}

func (s Shown) check(c *checker) {
	c.shown(s.TokenFile, s.TLSCert, s.TLSKey)
	if s.Listen == Off {
		if s.EnablePprof {
			c.refuse("admin.listen", "is off, and admin.enable_pprof needs it: give an address, or turn that off")
		}
		return
	}
	if host, _, ok := c.address("admin.listen", s.Listen); ok && !isLoopback(host) {
		c.openTo(s.Listen, "read its metrics", s.TokenFile != "", s.TLSCert != "")
	}
}

// shown checks the files of the section admin.
func (c *checker) shown(token, cert, key string) {
	c.together([]string{"admin.tls_cert", "admin.tls_key"}, cert, key)
	c.secret("admin.token_file", token)
	c.file("admin.tls_cert", cert)
	c.secret("admin.tls_key", key)
}

// openTo is for an address that other machines can reach, who could do something there.
func (c *checker) openTo(address, what string, token, tls bool) {
	switch {
	case !token && !tls:
		c.refuse("admin.listen", "%s is open to other machines, who could %s there: set admin.token_file, admin.tls_cert and admin.tls_key, or use 127.0.0.1", address, what)
	case !token:
		c.refuse("admin.listen", "%s is open to other machines, who could %s there: set admin.token_file, or use 127.0.0.1", address, what)
	case !tls:
		c.refuse("admin.listen", "%s is open to other machines, and the token would cross the network in the clear: set admin.tls_cert and admin.tls_key, or use 127.0.0.1", address)
	}
}

func (a Admin) checkAdvertise(c *checker) {
	if a.Advertise == "" {
		return
	}
	if isHostAlone(a.Advertise) {
		c.refuse("admin.advertise", "%q has no port, and admin.listen has none that is known before the start: write host:port", clip(a.Advertise))
		return
	}
	if host, port, ok := c.address("admin.advertise", a.Advertise); ok && (isWildcard(host) || port == 0) {
		c.refuse("admin.advertise", "%q is no address that others can reach: use this machine's name or IP, and a port", clip(a.Advertise))
	}
}

// URL is where others reach the API that listens at addr. It is empty if nobody can
// know: it listens on all addresses, and none is advertised.
func (a Admin) URL(addr net.Addr) string {
	at := a.Advertise
	if at == "" {
		at = addr.String()
		if host, _, err := net.SplitHostPort(at); err != nil || isWildcard(host) {
			return ""
		}
	}
	if a.TLSCert != "" {
		return "https://" + at
	}
	return "http://" + at
}
