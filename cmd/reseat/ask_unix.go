//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

func notifyAsked(asked chan<- os.Signal) (stop func()) {
	signal.Notify(asked, syscall.SIGUSR1)
	return func() { signal.Stop(asked) }
}
