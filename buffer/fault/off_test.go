//go:build !fault

package fault_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer/fault"
)

// Of what is seeded nothing is left in a release: not even the names.
func TestNothingIsLeft(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a binary")
	}
	path := filepath.Join(t.TempDir(), "reseat")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/reseat")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	binary, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Contains(binary, []byte("region stream refused")), "this is the binary")
	for _, name := range fault.Defects {
		require.False(t, bytes.Contains(binary, []byte(name)), name)
	}
	for _, name := range fault.Failpoints {
		require.False(t, bytes.Contains(binary, []byte(name)), name)
	}
	require.False(t, bytes.Contains(binary, []byte("buffer/fault.")), "no function of the package")
}

func BenchmarkPoint(b *testing.B) {
	b.ReportAllocs()
	for range b.N { // not b.Loop, which keeps alive what a compiler may drop
		fault.Point(fault.AfterAppend)
		if fault.Bug(fault.GapNotChecked) {
			b.Fatal("there are no bugs in this build")
		}
	}
}
