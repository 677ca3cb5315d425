package fleet

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// tick is what the kernel counts CPU time in for us, on every machine that Go runs on.
const tick = 10 * time.Millisecond

// CPU is how long a process has run so far, on all cores together.
func CPU(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseStat(text)
}

// parseStat reads utime and stime: the 12th and 13th field after the name, which is
// in parentheses and may contain any.
func parseStat(text []byte) (sum time.Duration, err error) {
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("fleet: %q is no /proc/PID/stat", text)
	}
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("fleet: /proc/PID/stat: %w", err)
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}
