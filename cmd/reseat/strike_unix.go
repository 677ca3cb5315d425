//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// freezeGroup stops this process and its children, and has them go on after d: a
// process of its own does it, for who is stopped cannot.
func freezeGroup(d time.Duration) error {
	script := `children=$(pgrep -P $1 | grep -vx $$); kill -STOP $1 $children; sleep $2; kill -CONT $children $1`
	cmd := exec.Command("/bin/sh", "-c", script, "sh", strconv.Itoa(os.Getpid()), fmt.Sprintf("%.3f", d.Seconds())) //nolint:noctx // it outlives us while we are stopped
	return cmd.Start()
}
