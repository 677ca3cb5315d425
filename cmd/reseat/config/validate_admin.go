package config

import (
	"net"
)

// Off turns the admin API off, as its address.
const Off = "off"

func (a Admin) check(c *checker) {
	c.together([]string{"admin.tls_cert", "admin.tls_key"}, a.TLSCert, a.TLSKey)
	c.secret("admin.token_file", a.TokenFile)
	c.file("admin.tls_cert", a.TLSCert)
	c.secret("admin.tls_key", a.TLSKey)
	if a.Listen == Off {
		if a.EnableTestEndpoints || a.EnablePprof {
			c.refuse("admin.listen", "is off, and admin.enable_test_endpoints and admin.enable_pprof need it: give an address, or turn them off")
		}
		return
	}
	if host, _, ok := c.address("admin.listen", a.Listen); ok && !isLoopback(host) {
		a.checkOpen(c)
	}
	a.checkAdvertise(c)
}

// checkOpen is for an address that other machines can reach.
func (a Admin) checkOpen(c *checker) {
	switch token, tls := a.TokenFile != "", a.TLSCert != ""; {
	case !token && !tls:
		c.refuse("admin.listen", "%s is open to other machines, who could drain servers there: set admin.token_file, admin.tls_cert and admin.tls_key, or use 127.0.0.1", a.Listen)
	case !token:
		c.refuse("admin.listen", "%s is open to other machines, who could drain servers there: set admin.token_file, or use 127.0.0.1", a.Listen)
	case !tls:
		c.refuse("admin.listen", "%s is open to other machines, and the token would cross the network in the clear: set admin.tls_cert and admin.tls_key, or use 127.0.0.1", a.Listen)
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
