package proxy

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/quic-go/quic-go"
)

// Keys are an edge's secrets towards players. With the same StatelessReset key
// a restarted edge tells its former players within a packet that their
// connection is gone; edges that share the Token key spare each other's
// players an address validation.
type Keys struct {
	StatelessReset quic.StatelessResetKey
	Token          quic.TokenGeneratorKey
}

// LoadKeys reads the keys from a file that only its owner can read, and makes
// the file if it does not exist.
func LoadKeys(path string) (Keys, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKeys(path)
	}
	if err != nil {
		return Keys{}, fmt.Errorf("edge keys: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		return Keys{}, fmt.Errorf("edge keys %s can be read by others: chmod 0600 it", path)
	}
	var k Keys
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != len(k.StatelessReset)+len(k.Token) {
		return Keys{}, fmt.Errorf("edge keys %s is not %d hex digits: remove it to have it made anew",
			path, 2*(len(k.StatelessReset)+len(k.Token)))
	}
	copy(k.StatelessReset[:], raw)
	copy(k.Token[:], raw[len(k.StatelessReset):])
	return k, nil
}

// makeKeys writes a whole file beside path and links it into place, so that
// two edges that start at once agree and a crash leaves no half of one.
func makeKeys(path string) (Keys, error) {
	k := randomKeys()
	text := hex.EncodeToString(append(k.StatelessReset[:], k.Token[:]...))
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Keys{}, fmt.Errorf("edge keys: %w", err)
	}
	f, err := os.CreateTemp(dir, ".keys-*") // mode 0600
	if err != nil {
		return Keys{}, fmt.Errorf("edge keys: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text + "\n")
	if err = errors.Join(err, f.Close()); err != nil {
		return Keys{}, fmt.Errorf("edge keys: %w", err)
	}
	switch err := os.Link(f.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return LoadKeys(path) // another process was faster
	case err != nil:
		return Keys{}, fmt.Errorf("edge keys: %w", err)
	}
	return k, nil
}

func randomKeys() (k Keys) {
	_, _ = rand.Read(k.StatelessReset[:]) // never fails
	_, _ = rand.Read(k.Token[:])
	return k
}
