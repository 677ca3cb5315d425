package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Set are the files that Dev made.
type Set struct{ Edge, Server, Public Files }

const (
	devPrefix = "dev-certs-"   // begins the names of the folders that Dev makes; a number follows
	devRenew  = 24 * time.Hour // a set with less time left counts as expired
)

// Dev returns the development certificates in dir: for edges and servers, and
// for players who reach an edge as localhost, 127.0.0.1 or ::1. All are of one CA,
// whose key is not kept. If there are none, or they expire within a day, new ones
// are made.
//
// Any number of processes may call Dev at once for the same dir, and get the same
// files: a set is written to a folder of its own, which then gets the next free
// number. Only one process can give a number away, and a set that was seen by
// anybody is never changed or removed. Processes that run on with an expired set
// do not trust the new one: start them again.
func Dev(dir string) (Set, error) { return dev(dir, time.Now()) }

func dev(dir string, now time.Time) (Set, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Set{}, fmt.Errorf("certs: folder for development certificates: %w: name one that this user may write", err)
	}
	for {
		newest, err := newestSet(dir)
		if err != nil {
			return Set{}, err
		}
		if newest > 0 {
			set := setIn(setFolder(dir, newest))
			err := set.check(now.Add(devRenew))
			if err == nil {
				return set, nil
			}
			if !errors.Is(err, ErrExpired) {
				return Set{}, fmt.Errorf("%w; or remove %s to have new ones made", err, setFolder(dir, newest))
			}
		}
		// Whoever comes second finds the number taken, and looks again.
		if err := makeSet(dir, newest+1, now); err != nil && !errors.Is(err, fs.ErrExist) {
			return Set{}, fmt.Errorf("certs: development certificates: %w", err)
		}
	}
}

// newestSet is the highest number of a set in dir, 0 when there is none.
func newestSet(dir string) (newest int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, fmt.Errorf("certs: folder for development certificates: %w", err)
	}
	for _, e := range entries {
		if number, ok := strings.CutPrefix(e.Name(), devPrefix); ok {
			if n, err := strconv.Atoi(number); err == nil {
				newest = max(newest, n)
			}
		}
	}
	return newest, nil
}

func setFolder(dir string, number int) string {
	return filepath.Join(dir, devPrefix+strconv.Itoa(number))
}

func setIn(folder string) Set {
	files := func(name string) Files {
		return Files{
			CA:   filepath.Join(folder, "ca.pem"),
			Cert: filepath.Join(folder, name+".pem"),
			Key:  filepath.Join(folder, name+".key"),
		}
	}
	return Set{Edge: files(RoleEdge), Server: files(RoleServer), Public: files("public")}
}

// check tells whether a set can be used.
func (s Set) check(now time.Time) error {
	roots, err := loadCA(s.Edge.CA)
	if err != nil {
		return err
	}
	_, edge := s.Edge.loadLink(now, roots)
	_, server := s.Server.loadLink(now, roots)
	_, public := s.Public.load(now)
	for _, err := range []error{edge, server, public} {
		if err != nil {
			return err
		}
	}
	return nil
}

// makeSet makes a set under a number. fs.ErrExist says that the number is taken.
func makeSet(dir string, number int, now time.Time) error {
	folder, err := os.MkdirTemp(dir, "."+devPrefix)
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) // nothing is there after the rename
	if err := setIn(folder).write(now); err != nil {
		return err
	}
	// A folder that is not empty is never replaced.
	return os.Rename(folder, setFolder(dir, number))
}

// write signs and writes a set.
func (s Set) write(now time.Time) error {
	ca, err := newAuthority(now)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.Edge.CA, ca.pem(), 0o644); err != nil {
		return err
	}
	for _, leaf := range []struct {
		files Files
		names leafNames
	}{
		{s.Edge, linkNames(RoleEdge)},
		{s.Server, linkNames(RoleServer)},
		{s.Public, publicNames},
	} {
		cert, key, err := ca.sign(leaf.names)
		if err != nil {
			return err
		}
		if err := os.WriteFile(leaf.files.Cert, cert, 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(leaf.files.Key, key, 0o600); err != nil {
			return err
		}
	}
	return nil
}
