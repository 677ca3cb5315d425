//go:build !unix

package main

import "os"

func notifyAsked(chan<- os.Signal) (stop func()) { return func() {} }
