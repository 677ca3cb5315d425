package certs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func serve(f Files) error {
	_, err := LinkServer(f, RoleEdge)
	return err
}

func TestBadFiles(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(f *Files, other Set) error
		kind  string
		want  error
		text  string // CA, CERT and KEY stand for the paths
	}{
		"no CA named": {
			func(f *Files, _ Set) error { f.CA = ""; return nil }, "CA", ErrNoPath,
			"certs: CA file: no file is named: set its path, or none at all to have development certificates made",
		},
		"no key named": {
			func(f *Files, _ Set) error { f.Key = ""; return nil }, "key", ErrNoPath,
			"certs: key file: no file is named: set its path, or none at all to have development certificates made",
		},
		"no certificate file": {
			func(f *Files, _ Set) error { return os.Remove(f.Cert) }, "certificate", fs.ErrNotExist,
			"certs: certificate file CERT: no such file or directory: set the path of a PEM file, or none at all to have development certificates made",
		},
		"no key file": {
			func(f *Files, _ Set) error { return os.Remove(f.Key) }, "key", fs.ErrNotExist,
			"certs: key file KEY: no such file or directory: set the path of a PEM file, or none at all to have development certificates made",
		},
		"a folder": {
			func(f *Files, other Set) error { f.CA = filepath.Dir(other.Edge.CA); return nil }, "CA", nil,
			"certs: CA file CA: is a directory: check the file",
		},
		"group may read the key": {
			func(f *Files, _ Set) error { return os.Chmod(f.Key, 0o640) }, "key", ErrExposed,
			"certs: key file KEY: others may read it (mode 0640): run chmod 0600 KEY",
		},
		"world may read the key": {
			func(f *Files, _ Set) error { return os.Chmod(f.Key, 0o604) }, "key", ErrExposed,
			"certs: key file KEY: others may read it (mode 0604): run chmod 0600 KEY",
		},
		"CA without PEM": {
			func(f *Files, _ Set) error { return os.WriteFile(f.CA, []byte("hello"), 0o600) }, "CA", ErrNoPEM,
			"certs: CA file CA: there is no PEM certificate in it: it must begin with -----BEGIN CERTIFICATE-----",
		},
		"certificate without PEM": {
			func(f *Files, _ Set) error { return os.WriteFile(f.Cert, []byte("hello"), 0o600) }, "certificate", ErrMismatch, "",
		},
		"key of another": {
			func(f *Files, other Set) error { f.Key = other.Edge.Key; return nil }, "certificate", ErrMismatch,
			"certs: certificate file CERT: no certificate with its key (tls: private key does not match public key): check it and the key file KEY",
		},
		"CA of another": {
			func(f *Files, other Set) error { f.CA = other.Edge.CA; return nil }, "certificate", ErrOtherCA, "",
		},
		"no role": {
			func(f *Files, _ Set) error { return remake(*f, time.Now(), publicNames) }, "certificate", ErrNoRole,
			"certs: certificate file CERT: it names no role: sign one with the DNS name edge.reseat.internal or server.reseat.internal",
		},
		"expired": {
			func(f *Files, _ Set) error {
				past := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
				return remake(*f, past.Add(-devLife), linkNames(RoleEdge))
			}, "certificate", ErrExpired,
			"certs: certificate file CERT: expired on 2001-02-03 04:05 UTC: renew it",
		},
		"not valid yet": {
			func(f *Files, _ Set) error {
				future := time.Date(2101, 2, 3, 4, 5, 6, 0, time.UTC)
				return remake(*f, future.Add(devSkew), linkNames(RoleEdge))
			}, "certificate", ErrNotYet,
			"certs: certificate file CERT: not valid yet, but on 2101-02-03 04:05 UTC: check this machine's clock",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, other := newSet(t).Edge, newSet(t)
			require.NoError(t, serve(f))
			require.NoError(t, test.spoil(&f, other))
			err := serve(f)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
			file, ok := errors.AsType[*FileError](err)
			require.True(t, ok)
			require.Equal(t, test.kind, file.Kind)
			if test.text != "" {
				paths := strings.NewReplacer("file CERT", "file "+f.Cert, "file KEY", "file "+f.Key, "0600 KEY", "0600 "+f.Key, "file CA:", "file "+f.CA+":")
				require.EqualError(t, err, paths.Replace(test.text))
			}
			_, dialErr := LinkClient(f, RoleServer)
			require.Equal(t, err.Error(), dialErr.Error(), "both ends say the same")
		})
	}
}

func TestUnreadable(t *testing.T) {
	err := unreadable("key", "/etc/key", &fs.PathError{Op: "open", Path: "/etc/key", Err: fs.ErrPermission})
	require.ErrorIs(t, err, fs.ErrPermission)
	require.EqualError(t, err, "certs: key file /etc/key: permission denied: make it readable for the user that runs this process")
}

func TestPlayerFiles(t *testing.T) {
	f := newSet(t).Public
	f.CA = "" // players show nothing, so nothing is checked with it
	_, err := PlayerServer(f)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(f.Key, 0o644))
	_, err = PlayerServer(f)
	require.ErrorIs(t, err, ErrExposed)
	_, err = PlayerClient(f.Key)
	require.ErrorIs(t, err, ErrNoPEM)
	_, err = PlayerClient(f.Cert + ".gone")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// A leaf may hang below an intermediate CA, which is then in the same file.
func TestIntermediate(t *testing.T) {
	f := newFiles(t)
	root := newCA(t, f.CA)
	root.cert.MaxPathLen, root.cert.MaxPathLenZero = -1, false
	middle := newIntermediate(t, root)
	require.NoError(t, os.WriteFile(f.CA, root.pem(), 0o644))
	middle.issue(t, f, linkNames(RoleServer))
	require.ErrorIs(t, serve(f), ErrOtherCA)

	leaf, err := os.ReadFile(f.Cert)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(f.Cert, append(leaf, middle.pem()...), 0o644))
	require.NoError(t, serve(f))
	client, server := shake(dial(t, f, RoleServer), listen(t, f, RoleServer))
	require.NoError(t, errors.Join(client, server))
}
