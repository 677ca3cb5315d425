package certs

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// checkEvery is how often files are looked at, at most: a storm of handshakes
// must not become a storm of system calls.
const checkEvery = time.Second

// pair is a certificate with its key, read again when the files change. It is
// safe for concurrent use.
type pair struct {
	files Files

	mu      sync.Mutex // guards the fields below
	cert    *tls.Certificate
	stamp   [2]stamp
	checked time.Time
}

// stamp tells one state of a file from the next.
type stamp struct {
	modified time.Time
	size     int64
}

func newPair(f Files) (*pair, error) {
	p := &pair{files: f, checked: time.Now()}
	var err error
	if p.stamp, err = p.look(); err == nil {
		p.cert, err = load(f)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// get returns the certificate that is in force.
func (p *pair) get() *tls.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.checked) < checkEvery {
		return p.cert
	}
	p.checked = time.Now()
	now, err := p.look()
	if err == nil && now == p.stamp {
		return p.cert
	}
	var cert *tls.Certificate
	if err == nil {
		cert, err = load(p.files)
	}
	if err != nil {
		slog.Error("certificate not reloaded, the old one serves on", "error", err)
		return p.cert
	}
	slog.Info("certificate reloaded", "file", p.files.Cert)
	p.cert, p.stamp = cert, now
	return p.cert
}

func (p *pair) look() (s [2]stamp, err error) {
	for i, path := range []string{p.files.Cert, p.files.Key} {
		info, err := os.Stat(path)
		if err != nil {
			return s, fmt.Errorf("certificate: %w", err)
		}
		s[i] = stamp{info.ModTime(), info.Size()}
	}
	return s, nil
}

func load(f Files) (*tls.Certificate, error) {
	if err := private(f.Key); err != nil {
		return nil, err
	}
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", f.Cert, f.Key, err)
	}
	if now := time.Now(); now.After(cert.Leaf.NotAfter) {
		return nil, fmt.Errorf("certificate %s has expired on %s: renew it", f.Cert, cert.Leaf.NotAfter.Format(time.DateOnly))
	}
	return &cert, nil
}

// private refuses a key that others can read.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("private key: %w", err)
	}
	if info.Mode()&fs.ModePerm&0o077 != 0 {
		return fmt.Errorf("private key %s can be read by others (%v): chmod 0600 it", path, info.Mode().Perm())
	}
	return nil
}
