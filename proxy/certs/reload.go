package certs

import (
	"crypto/tls"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// lookEvery is how often the files are looked at, at most. A look is two stats
// in the handshake that comes first.
const lookEvery = time.Second

// reloader has the certificate that its files had last, when they were good.
type reloader struct {
	files Files
	load  func(now time.Time) (*tls.Certificate, error)
	now   func() time.Time

	cert atomic.Pointer[tls.Certificate]

	mu        sync.Mutex // guards the fields below
	looked    time.Time
	seen      [2]stamp // of cert
	complaint string   // logged last
}

// newReloader fails when the files are not good.
func newReloader(files Files, load func(time.Time) (*tls.Certificate, error)) (*reloader, error) {
	r := &reloader{files: files, load: load, now: time.Now}
	return r, r.start()
}

func (r *reloader) start() error {
	r.looked = r.now()
	seen, _ := r.files.stamps() // before the files are read, so that no change is missed; load says what is wrong
	cert, err := r.load(r.looked)
	if err != nil {
		return err
	}
	r.seen = seen
	r.cert.Store(cert)
	return nil
}

// current is the certificate for a handshake. While one handshake looks at the
// files, the others go on with the one that is there.
func (r *reloader) current() *tls.Certificate {
	if r.mu.TryLock() {
		r.look()
		r.mu.Unlock()
	}
	return r.cert.Load()
}

// look loads the files again if they have changed. A failure is tried again with
// the next look, because what heals it (chmod) may not change a stamp.
func (r *reloader) look() {
	now := r.now()
	if now.Sub(r.looked) < lookEvery {
		return
	}
	r.looked = now
	seen, err := r.files.stamps()
	if err == nil && seen == r.seen {
		r.complaint = ""
		return
	}
	cert, err := r.load(now)
	if err != nil {
		if text := err.Error(); text != r.complaint {
			r.complaint = text
			slog.Error("changed certificate refused, the old one stays in use", "error", err,
				"not_after", r.cert.Load().Leaf.NotAfter)
		}
		return
	}
	r.seen, r.complaint = seen, ""
	r.cert.Store(cert)
	slog.Info("certificate reloaded", "file", r.files.Cert, "not_after", cert.Leaf.NotAfter)
}

// server and client are the hooks of a tls.Config.
func (r *reloader) server(*tls.ClientHelloInfo) (*tls.Certificate, error) { return r.current(), nil }

func (r *reloader) client(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return r.current(), nil
}
