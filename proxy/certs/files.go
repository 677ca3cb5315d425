package certs

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Files are the paths of PEM files. Key belongs to Cert, which may hold
// intermediate certificates after the leaf; CA is what the other end's certificate
// is checked with.
type Files struct{ CA, Cert, Key string }

// load reads certificate and key. They must belong together, and be valid now.
func (f Files) load(now time.Time) (*tls.Certificate, error) {
	certPEM, err := read("certificate", f.Cert)
	if err != nil {
		return nil, err
	}
	if err := private(f.Key); err != nil {
		return nil, err
	}
	keyPEM, err := read("key", f.Key)
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, &FileError{"certificate", f.Cert, fmt.Errorf("%w (%w)", ErrMismatch, err), "check it and the key file " + f.Key}
	}
	switch leaf := cert.Leaf; {
	case now.After(leaf.NotAfter):
		return nil, &FileError{"certificate", f.Cert, fmt.Errorf("%w on %s", ErrExpired, day(leaf.NotAfter)), "renew it"}
	case now.Before(leaf.NotBefore):
		return nil, &FileError{"certificate", f.Cert, fmt.Errorf("%w, but on %s", ErrNotYet, day(leaf.NotBefore)), "check this machine's clock"}
	}
	return &cert, nil
}

// loadLink is load for a certificate of the CA in roots, with a role.
func (f Files) loadLink(now time.Time, roots *x509.CertPool) (*tls.Certificate, error) {
	cert, err := f.load(now)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(cert.Leaf.DNSNames, isRole) {
		return nil, &FileError{"certificate", f.Cert, ErrNoRole, "sign one with the DNS name " + roleName(RoleEdge) + " or " + roleName(RoleServer)}
	}
	opts := x509.VerifyOptions{
		Roots: roots, Intermediates: x509.NewCertPool(), CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	for _, der := range cert.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil {
			opts.Intermediates.AddCert(c)
		}
	}
	if _, err := cert.Leaf.Verify(opts); err != nil {
		return nil, &FileError{"certificate", f.Cert, fmt.Errorf("%w (%w)", ErrOtherCA, err), "use the CA file that signed it, not " + f.CA}
	}
	return cert, nil
}

// loadCA reads the certificates of a CA.
func loadCA(path string) (*x509.CertPool, error) {
	pem, err := read("CA", path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, &FileError{"CA", path, ErrNoPEM, "it must begin with -----BEGIN CERTIFICATE-----"}
	}
	return pool, nil
}

func read(kind, path string) ([]byte, error) {
	if path == "" {
		return nil, &FileError{kind, "", ErrNoPath, "set its path, or none at all to have development certificates made"}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, unreadable(kind, path, err)
	}
	return b, nil
}

// private refuses a key file that group or world may read. Windows has no such
// bits.
func private(path string) error {
	if path == "" || runtime.GOOS == "windows" {
		return nil // read says what is wrong with no path
	}
	info, err := os.Stat(path)
	if err != nil {
		return unreadable("key", path, err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return &FileError{"key", path, fmt.Errorf("%w (mode %#o)", ErrExposed, mode), "run chmod 0600 " + path}
	}
	return nil
}

// stamp changes when a file is replaced or written.
type stamp struct {
	changed int64
	size    int64
}

// stamps of certificate and key.
func (f Files) stamps() (s [2]stamp, err error) {
	for i, path := range []string{f.Cert, f.Key} {
		var info fs.FileInfo
		if info, err = os.Stat(path); err != nil {
			return s, err
		}
		s[i] = stamp{info.ModTime().UnixNano(), info.Size()}
	}
	return s, nil
}

// The roles of our processes on links.
const (
	RoleEdge   = "edge"
	RoleServer = "server"
)

// roleSuffix makes a role a DNS name. ".internal" is reserved for private use, so
// that no public CA can certify one.
const roleSuffix = ".reseat.internal"

func roleName(role string) string { return role + roleSuffix }

func isRole(name string) bool {
	role, ok := strings.CutSuffix(name, roleSuffix)
	return ok && role != "" && role != "*"
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
