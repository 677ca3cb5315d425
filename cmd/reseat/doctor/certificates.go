package doctor

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
	"github.com/reseat-proxy/reseat/proxy/certs"
)

// expirySoon is how long before its end a certificate is told of.
const expirySoon = 14 * 24 * time.Hour

// certificates checks that certificates are there, valid, and belong to their keys.
func (p Patient) certificates(r *report) {
	if p.Edge != nil {
		p.shown(r, "tls", "players", p.Edge.TLS.Cert, p.Edge.TLS.Key, "players must be given the CA of the development certificate")
		p.link(r, p.Edge.LinkTLS, certs.RoleEdge)
		if p.Edge.Admin.TLSCert != "" {
			p.shown(r, "admin.tls", "the admin API", p.Edge.Admin.TLSCert, p.Edge.Admin.TLSKey, "")
		}
	} else if p.Sidecar != nil {
		p.link(r, p.Sidecar.LinkTLS, certs.RoleServer)
		if p.Sidecar.Admin.TLSCert != "" {
			p.shown(r, "admin.tls", "the sidecar's metrics", p.Sidecar.Admin.TLSCert, p.Sidecar.Admin.TLSKey, "")
		}
	}
}

// shown checks a certificate of one side.
func (p Patient) shown(r *report, setting, what, cert, key, development string) {
	if cert == "" {
		r.warn("certificate", "set "+setting+".cert and "+setting+".key, unless this machine is for development", "for %s: none is set, and %s", what, development)
		return
	}
	_, err := certs.PlayerServer(certs.Files{Cert: cert, Key: key})
	p.judge(r, what, cert, "", err)
}

// link checks the certificate that our processes know each other by.
func (p Patient) link(r *report, files config.LinkTLS, role string) {
	if files == (config.LinkTLS{}) {
		r.warn("certificate", "set link_tls.ca, link_tls.cert and link_tls.key, unless all processes are on this machine",
			"for links: none is set, and development certificates are for this machine only")
		return
	}
	_, err := certs.LinkClient(certs.Files{CA: files.CA, Cert: files.Cert, Key: files.Key}, role)
	p.judge(r, "links", files.Cert, role+".reseat.internal", err)
}

// judge takes what loading a certificate said, and looks at its names and its end.
func (p Patient) judge(r *report, what, file, name string, err error) {
	if err != nil {
		do := "correct the file"
		if bad, ok := errors.AsType[*certs.FileError](err); ok {
			do, err = bad.Do, bad.Err
			file = bad.Path
		}
		r.fail("certificate", do, "for %s: %s: %v", what, file, err)
		return
	}
	leaf, err := leafOf(file)
	if err != nil {
		r.fail("certificate", "correct the file", "for %s: %s: %v", what, file, err)
		return
	}
	left := leaf.NotAfter.Sub(p.Machine.Now())
	switch {
	case name != "" && !slices.Contains(leaf.DNSNames, name):
		r.fail("certificate", "sign one with the DNS name "+name, "for %s: %s is not for this role: it names %q", what, file, leaf.DNSNames)
	case left < expirySoon:
		r.warn("certificate", "renew it; the files are read again when they change", "for %s: %s ends in %s, on %s", what, file, plural(int(left.Hours()/24), "day"), leaf.NotAfter.UTC().Format("2006-01-02 15:04 MST"))
	default:
		r.ok("certificate", "for %s: %s, until %s", what, file, leaf.NotAfter.UTC().Format("2006-01-02"))
	}
}

func leafOf(file string) (*x509.Certificate, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, certs.ErrNoPEM
}
