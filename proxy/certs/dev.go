package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Set are the development certificates.
type Set struct {
	Edge   Files // of an edge, on links
	Server Files // of a sidecar, on links
	Public Files // of an edge, for players on this machine
}

const (
	devLife  = 30 * 24 * time.Hour
	devRenew = 24 * time.Hour // remade when less than this is left
)

// Dev returns development certificates in dir and makes them first if they are
// missing or about to expire: a CA, a certificate for each role, and a public one
// for localhost. Processes that start at the same time agree on one set: it is
// made in a folder of its own, which is then renamed.
func Dev(dir string) (Set, error) {
	home := filepath.Join(dir, "dev-certs")
	for range 10 {
		set := devSet(home)
		err := set.check()
		if err == nil {
			return set, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errOld) {
			return Set{}, err
		}
		if err := makeDev(dir, home); err != nil {
			return Set{}, fmt.Errorf("development certificates in %s: %w", dir, err)
		}
	}
	return Set{}, fmt.Errorf("development certificates in %s: others keep on changing them: remove the folder", home)
}

func devSet(home string) Set {
	files := func(name string) Files {
		return Files{
			CA:   filepath.Join(home, "ca.pem"),
			Cert: filepath.Join(home, name+".pem"),
			Key:  filepath.Join(home, name+".key"),
		}
	}
	return Set{Edge: files(RoleEdge), Server: files(RoleServer), Public: files("public")}
}

var errOld = errors.New("certs: the development certificates are about to expire")

func (s Set) check() error {
	for _, f := range []Files{s.Edge, s.Server, s.Public} {
		cert, err := load(f)
		if err != nil {
			return err
		}
		if time.Until(cert.Leaf.NotAfter) < devRenew {
			return errOld
		}
	}
	return nil
}

// makeDev makes a whole set beside home and puts it in its place.
func makeDev(dir, home string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(dir, "dev-certs-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	ca, err := newAuthority(filepath.Join(fresh, "ca.pem"))
	if err != nil {
		return err
	}
	local := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	for name, leaf := range map[string]*x509.Certificate{
		RoleEdge:   {DNSNames: []string{RoleEdge + domain}},
		RoleServer: {DNSNames: []string{RoleServer + domain}},
		"public":   {DNSNames: []string{"localhost"}, IPAddresses: local},
	} {
		if err := ca.issue(filepath.Join(fresh, name), leaf); err != nil {
			return err
		}
	}
	if err := os.Rename(fresh, home); err == nil {
		return nil
	}
	// There is a set. Either another process has just made it, and the caller
	// will find it good, or it is old and gives way.
	if err := devSet(home).check(); err == nil {
		return nil
	}
	old := fresh + ".old"
	if err := os.Rename(home, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	defer os.RemoveAll(old)
	if err := os.Rename(fresh, home); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// authority signs the certificates of one set. Its key is never written down.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(path string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := &authority{key: key, cert: template("Reseat development CA")}
	ca.cert.IsCA, ca.cert.BasicConstraintsValid = true, true
	ca.cert.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, ca.cert, ca.cert, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return ca, writePEM(path, "CERTIFICATE", der, 0o644)
}

func (ca *authority) issue(path string, leaf *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	cert := template("Reseat development")
	cert.DNSNames, cert.IPAddresses = leaf.DNSNames, leaf.IPAddresses
	cert.KeyUsage = x509.KeyUsageDigitalSignature
	cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	der, err := x509.CreateCertificate(rand.Reader, cert, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		writePEM(path+".pem", "CERTIFICATE", der, 0o644),
		writePEM(path+".key", "PRIVATE KEY", secret, 0o600),
	)
}

func template(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour), // clocks differ
		NotAfter:     now.Add(devLife),
	}
}

func writePEM(path, kind string, der []byte, mode fs.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
