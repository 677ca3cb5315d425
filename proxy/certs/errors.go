package certs

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Errors inside a FileError, for errors.Is. A file that is not there or not
// readable is an fs.ErrNotExist or fs.ErrPermission.
var (
	ErrNoPath   = errors.New("no file is named")
	ErrExposed  = errors.New("others may read it")
	ErrNoPEM    = errors.New("there is no PEM certificate in it")
	ErrMismatch = errors.New("no certificate with its key")
	ErrExpired  = errors.New("expired")
	ErrNotYet   = errors.New("not valid yet")
	ErrOtherCA  = errors.New("not signed by the CA")
	ErrNoRole   = errors.New("it names no role")
)

// ErrRole is the error of a handshake whose other end has a certificate of the
// right CA for another role. It comes as a RoleError.
var ErrRole = errors.New("certs: the certificate is for another role")

// FileError says what is wrong with a file, and what to do about it.
type FileError struct {
	Kind string // "certificate", "key" or "CA"
	Path string
	Err  error
	Do   string // advice
}

func (e *FileError) Error() string {
	what := e.Kind + " file"
	if e.Path != "" {
		what += " " + e.Path
	}
	return fmt.Sprintf("certs: %s: %v: %s", what, e.Err, e.Do)
}

// Unwrap returns Err.
func (e *FileError) Unwrap() error { return e.Err }

// unreadable turns an error of package os into a FileError.
func unreadable(kind, path string, err error) error {
	if bare, ok := errors.AsType[*fs.PathError](err); ok {
		err = bare.Err // the path is said already
	}
	do := "check the file"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		do = "set the path of a PEM file, or none at all to have development certificates made"
	case errors.Is(err, fs.ErrPermission):
		do = "make it readable for the user that runs this process"
	}
	return &FileError{kind, path, err, do}
}

// RoleError refuses a peer whose certificate is genuine and for something else.
// It is an ErrRole.
type RoleError struct {
	Want []string // roles
	Got  []string // DNS names of the peer's certificate
}

func (e *RoleError) Error() string {
	want := make([]string, len(e.Want))
	for i, role := range e.Want {
		want[i] = roleName(role)
	}
	return fmt.Sprintf("%v: it names [%s], wanted is %s",
		ErrRole, strings.Join(e.Got, " "), strings.Join(want, " or "))
}

// Is makes errors.Is(err, ErrRole) true.
func (e *RoleError) Is(target error) bool { return target == ErrRole }
