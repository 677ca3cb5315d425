package world

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// stuck is the exit status of a victim that is still there after a while.
const stuck = 77

// TestPoisonDoesWhatItSays takes poison in a process of its own.
func TestPoisonDoesWhatItSays(t *testing.T) {
	const victim = "WORLD_TEST_VICTIM"
	if v := os.Getenv(victim); v != "" {
		variant, err := strconv.Atoi(v)
		require.NoError(t, err)
		if Variant(variant) == Hang { // the others need no end, however slow the machine
			time.AfterFunc(100*time.Millisecond, func() { os.Exit(stuck) })
		}
		c := Command{Kind: Poison, N: 1, Variant: Variant(variant)}
		New(AllowPoison()).apply(discard{}, "ann", c.Append(nil))
		return
	}
	for variant, want := range map[Variant]struct {
		says   string
		status int
	}{
		Panic: {"panic: world: poisoned", 2},
		Fatal: {"fatal error: stack overflow", 2},
		Kill:  {"", -1},
		Hang:  {"", stuck},
	} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPoisonDoesWhatItSays$")
		cmd.Env = append(os.Environ(), victim+"="+strconv.Itoa(int(variant)))
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "variant %d: %s", variant, out)
		require.Equal(t, want.status, exit.ExitCode(), "variant %d: %s", variant, out)
		require.Contains(t, string(out), want.says)
	}
}
