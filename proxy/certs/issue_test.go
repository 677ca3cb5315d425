package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testCA signs what a test needs.
type testCA struct{ *authority }

// newCA makes a CA and writes its certificate to path.
func newCA(t *testing.T, path string) testCA {
	t.Helper()
	ca, err := newAuthority(time.Now())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, ca.pem(), 0o644))
	return testCA{ca}
}

// issue replaces a certificate and its key.
func (ca testCA) issue(t *testing.T, f Files, names leafNames) {
	t.Helper()
	require.NoError(t, ca.write(f, names))
}

func (ca testCA) write(f Files, names leafNames) error {
	cert, key, err := ca.sign(names)
	return errors.Join(err, os.WriteFile(f.Cert, cert, 0o644), os.WriteFile(f.Key, key, 0o600))
}

// remake replaces CA, certificate and key by those that would have been made at
// another time.
func remake(f Files, at time.Time, names leafNames) error {
	ca, err := newAuthority(at)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(f.CA, ca.pem(), 0o644), testCA{ca}.write(f, names))
}

// newFiles are paths where nothing is yet.
func newFiles(t *testing.T) Files {
	t.Helper()
	dir := t.TempDir()
	return Files{CA: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "cert.key")}
}

func yearsLater() time.Time { return time.Now().Add(2 * devLife) }

// newIntermediate returns a CA below a root that may have such. The root is
// signed again, because a development CA may not.
func newIntermediate(t *testing.T, root testCA) testCA {
	t.Helper()
	resign := func(template, parent *x509.Certificate, public any) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, public, root.key)
		require.NoError(t, err)
		cert, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		return cert
	}
	template := *root.cert
	template.Subject.CommonName, template.SubjectKeyId = "middle", nil
	root.cert = resign(root.cert, root.cert, root.key.Public())
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return testCA{&authority{cert: resign(&template, root.cert, key.Public()), key: key, now: root.now}}
}
