package certs

import (
	"crypto/ecdsa"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Many processes start at once on a fresh machine: one set, nothing else left.
func TestDevByManyAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "reseat")
	for round := range 3 {
		now := time.Now().Add(time.Duration(round) * 2 * devLife) // the last set has expired
		sets := make([]Set, 8)
		errs := make([]error, len(sets))
		var wg sync.WaitGroup
		for i := range sets {
			wg.Go(func() { sets[i], errs[i] = dev(dir, now) })
		}
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
		for _, set := range sets {
			require.Equal(t, setIn(setFolder(dir, round+1)), set)
		}
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, entries, round+1, "no half-made set is left")
	}
}

func TestDevKeepsWhatIsGood(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	first, err := dev(dir, now)
	require.NoError(t, err)
	before, err := os.ReadFile(first.Edge.Cert)
	require.NoError(t, err)

	again, err := dev(dir, now.Add(devLife-devRenew-time.Second))
	require.NoError(t, err)
	require.Equal(t, first, again)
	fresh, err := dev(dir, now.Add(devLife-devRenew+time.Second))
	require.NoError(t, err)
	require.NotEqual(t, first, fresh)

	after, err := os.ReadFile(first.Edge.Cert)
	require.NoError(t, err)
	require.Equal(t, before, after, "whoever uses the old set still can")
}

func TestDevFilesArePrivateAndSmall(t *testing.T) {
	set := newSet(t)
	for _, f := range []Files{set.Edge, set.Server, set.Public} {
		require.Equal(t, set.Edge.CA, f.CA)
		info, err := os.Stat(f.Key)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
		cert, err := f.load(time.Now())
		require.NoError(t, err)
		require.Len(t, cert.Certificate, 1)
		require.Less(t, len(cert.Certificate[0]), 600, "a handshake must not need another packet")
		require.IsType(t, new(ecdsa.PublicKey), cert.Leaf.PublicKey)
	}
	entries, err := os.ReadDir(filepath.Dir(set.Edge.CA))
	require.NoError(t, err)
	require.Len(t, entries, 7, "the CA's key is not among them")
}

// What is broken is not silently replaced: somebody may rely on it.
func TestDevSaysWhatIsBroken(t *testing.T) {
	dir := t.TempDir()
	set, err := Dev(dir)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(set.Server.Key, 0o644))
	_, err = Dev(dir)
	require.ErrorIs(t, err, ErrExposed)
	require.ErrorContains(t, err, "run chmod 0600 "+set.Server.Key+"; or remove "+filepath.Join(dir, "dev-certs-1")+" to have new ones made")

	require.NoError(t, os.Chmod(set.Server.Key, 0o600))
	require.NoError(t, os.Remove(set.Public.CA))
	_, err = Dev(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, os.RemoveAll(filepath.Dir(set.Public.CA)))
	again, err := Dev(dir)
	require.NoError(t, err)
	require.Equal(t, set, again)
}

func TestDevNeedsAFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Dev(file)
	require.ErrorContains(t, err, "certs: folder for development certificates: ")
	require.ErrorContains(t, err, "name one that this user may write")
}

func TestDevIgnoresOtherFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"dev-certs", "dev-certs-", "dev-certs-old", "edge.keys"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	set, err := Dev(dir)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "dev-certs-1", "ca.pem"), set.Edge.CA)
}
