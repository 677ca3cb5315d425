//go:build !unix

package main

import (
	"errors"
	"time"
)

func freezeGroup(time.Duration) error { return errors.New("this system has no SIGSTOP") }
