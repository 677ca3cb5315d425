package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"time"
)

const (
	devLife = 365 * 24 * time.Hour
	devSkew = time.Hour // clocks may differ by so much
)

// authority is a CA that lives as long as its set is being made.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	now  time.Time
}

// leafNames are what a certificate is for.
type leafNames struct {
	common string
	dns    []string
	ips    []net.IP
	usage  []x509.ExtKeyUsage
}

// publicNames are for players on this machine. They cannot be used on a link.
var publicNames = leafNames{
	common: "Reseat development edge",
	dns:    []string{"localhost"},
	ips:    []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	usage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
}

// linkNames are for both ends of a link: who dials is not a matter of role.
func linkNames(role string) leafNames {
	return leafNames{
		common: "Reseat development " + role,
		dns:    []string{roleName(role)},
		usage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
}

func newAuthority(now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Reseat development CA"},
		NotBefore:             now.Add(-devSkew),
		NotAfter:              now.Add(devLife),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &authority{cert: cert, key: key, now: now}, nil
}

func (a *authority) pem() []byte { return certPEM(a.cert.Raw) }

// sign makes a key and a certificate for it, in PEM.
func (a *authority) sign(names leafNames) (cert, key []byte, err error) {
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: names.common},
		NotBefore:   a.now.Add(-devSkew),
		NotAfter:    a.now.Add(devLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: names.usage,
		DNSNames:    names.dns,
		IPAddresses: names.ips,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, leafKey.Public(), a.key)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		return nil, nil, err
	}
	return certPEM(der), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
