package certs

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"
)

// PlayerServer is what an edge shows to players. f.CA is not used.
func PlayerServer(f Files) (*tls.Config, error) {
	r, err := newReloader(f, f.load)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: r.server}, nil
}

// PlayerClient is what a player trusts: the certificates in caFile, or, when that
// is empty, those of the system. The host name is checked as usual.
func PlayerClient(caFile string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS13}
	if caFile == "" {
		return c, nil
	}
	roots, err := loadCA(caFile)
	if err != nil {
		return nil, err
	}
	c.RootCAs = roots
	return c, nil
}

// LinkServer shows f, and requires a client certificate of the CA in f with one
// of the roles. A peer with another one sees its handshake refused; here it
// fails with a *RoleError.
func LinkServer(f Files, roles ...string) (*tls.Config, error) {
	roots, r, err := link(f)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:       tls.VersionTLS13,
		GetCertificate:   r.server,
		ClientAuth:       tls.RequireAndVerifyClientCert,
		ClientCAs:        roots,
		VerifyConnection: requireRole(roles...),
	}, nil
}

// LinkClient shows f, and requires that the peer has a certificate of the CA in
// f with that role, wherever it was dialed.
func LinkClient(f Files, role string) (*tls.Config, error) {
	roots, r, err := link(f)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:           tls.VersionTLS13,
		GetClientCertificate: r.client,
		RootCAs:              roots,
		ServerName:           roleName(role),
		VerifyConnection:     requireRole(role), // ServerName alone would take a wildcard
	}, nil
}

func link(f Files) (*x509.CertPool, *reloader, error) {
	roots, err := loadCA(f.CA)
	if err != nil {
		return nil, nil, err
	}
	r, err := newReloader(f, func(now time.Time) (*tls.Certificate, error) { return f.loadLink(now, roots) })
	return roots, r, err
}

// requireRole checks the peer's certificate, whose chain was verified before. It
// runs for resumed connections too.
func requireRole(roles ...string) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		var names []string
		if len(s.PeerCertificates) > 0 {
			names = s.PeerCertificates[0].DNSNames
		}
		for _, role := range roles {
			if slices.Contains(names, roleName(role)) {
				return nil
			}
		}
		return &RoleError{Want: roles, Got: names}
	}
}
