package consultest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// EnvBinary names the environment variable that names the agent's binary.
const EnvBinary = "RESEAT_CONSUL"

// minVersion is the oldest agent that will do: earlier ones have known holes.
var minVersion = [3]int{1, 22, 5}

// buildLimit is how long a cold build may take.
const buildLimit = 30 * time.Minute

// Binary returns the path of a Consul binary that will do. It looks once per process.
var Binary = sync.OnceValues(func() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	defer cancel()
	if path := os.Getenv(EnvBinary); path != "" {
		_, err := version(ctx, path)
		return path, err
	}
	if path, err := exec.LookPath("consul"); err == nil {
		if v, err := version(ctx, path); err == nil && !less(v, minVersion) {
			return path, nil
		}
	}
	return build(ctx)
})

// version asks a binary for its version.
func version(ctx context.Context, path string) ([3]int, error) {
	out, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		return [3]int{}, fmt.Errorf("consultest: %s version: %w", path, err)
	}
	v, err := parseVersion(string(out))
	if err != nil {
		return v, fmt.Errorf("consultest: %s: %w", path, err)
	}
	return v, nil
}

// parseVersion reads the first line of what "consul version" prints, such as
// "Consul v1.22.5" or "Consul v1.23.0-rc1+ent".
func parseVersion(text string) ([3]int, error) {
	var v [3]int
	line, _, _ := strings.Cut(text, "\n")
	number, ok := strings.CutPrefix(strings.TrimSpace(line), "Consul v")
	if i := strings.IndexAny(number, "-+"); i >= 0 {
		number = number[:i]
	}
	parts := strings.Split(number, ".")
	if !ok || len(parts) != len(v) {
		return v, fmt.Errorf("%q is not a version of Consul", line)
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil {
			return v, fmt.Errorf("%q is not a version of Consul", line)
		}
		v[i] = n
	}
	return v, nil
}

func less(a, b [3]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

// build runs the script that builds the pinned version and prints its path.
func build(ctx context.Context) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	script := filepath.Join(root, "tools", "consul", "build.sh")
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, script)
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("consultest: no consul in %s or PATH, and %s failed: %w", EnvBinary, script, err)
	}
	return strings.TrimSpace(out.String()), nil
}

// moduleRoot looks upwards for the folder with go.mod; tests run in their package's.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("consultest: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("consultest: not below a go.mod")
		}
		dir = parent
	}
}
