// Package certs makes TLS configurations out of certificate files, and
// development certificates where there are none.
//
// Two kinds of connection need them. Players see the edge's public certificate
// and show none. Links between our own processes are mutual TLS of a private CA:
// each certificate carries its role as a DNS name, "edge.reseat.internal" or
// "server.reseat.internal", and each end demands the role that it expects of the
// other. So a player's certificate opens no link, and an edge is no server.
//
// TLS 1.3 only. Certificates and keys are read again when their files change, at
// most once a second; while they are wrong, the old ones serve on.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
)

// Files are the paths of PEM files. Key belongs to Cert; CA is what the other
// end's certificate is checked with.
type Files struct{ CA, Cert, Key string }

// Roles of our processes on links.
const (
	RoleEdge   = "edge"
	RoleServer = "server"
)

// domain is the suffix of the names that carry roles. ".internal" is reserved
// for private use, so nobody else can certify it.
const domain = ".reseat.internal"

// ErrRole is wrapped by the error of a handshake whose other end has a
// certificate of the right CA for another role.
var ErrRole = errors.New("certs: the certificate is for another role")

// PlayerServer is what an edge shows to players. The caller sets the ALPN.
func PlayerServer(f Files) (*tls.Config, error) {
	pair, err := newPair(f)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.get(), nil },
	}, nil
}

// PlayerClient trusts edges whose certificate is signed by the CA in the file.
func PlayerClient(caFile string) (*tls.Config, error) {
	roots, err := loadCA(caFile)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}, nil
}

// LinkServer is for the end of a link that is dialed. The other end must have a
// certificate of the CA for one of the roles.
func LinkServer(f Files, roles ...string) (*tls.Config, error) {
	pair, roots, err := link(f)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.get(), nil },
		ClientAuth:     tls.RequireAndVerifyClientCert,
		ClientCAs:      roots,
		VerifyConnection: func(state tls.ConnectionState) error {
			return hasRole(state.PeerCertificates[0], roles)
		},
	}, nil
}

// LinkClient is for the end of a link that dials. The other end must have a
// certificate of the CA for the role; its address does not matter.
func LinkClient(f Files, role string) (*tls.Config, error) {
	pair, roots, err := link(f)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: role + domain,
		RootCAs:    roots,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return pair.get(), nil
		},
	}, nil
}

func link(f Files) (*pair, *x509.CertPool, error) {
	pair, err := newPair(f)
	if err != nil {
		return nil, nil, err
	}
	roots, err := loadCA(f.CA)
	return pair, roots, err
}

func hasRole(cert *x509.Certificate, roles []string) error {
	for _, role := range roles {
		if slices.Contains(cert.DNSNames, role+domain) {
			return nil
		}
	}
	return fmt.Errorf("%w: it has %v, one of %v is asked for", ErrRole, cert.DNSNames, roles)
}

func loadCA(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("CA certificate: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA certificate %s holds no PEM certificate", path)
	}
	return pool, nil
}
