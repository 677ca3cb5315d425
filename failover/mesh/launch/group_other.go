//go:build !unix

package launch

import "os/exec"

// There are no process groups: what a command has started outlives its end.
func ownGroup(*exec.Cmd) {}

func killGroup(cmd *exec.Cmd) error { return cmd.Process.Kill() }
