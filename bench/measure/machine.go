package measure

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// Machine is where something was measured.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory uint64 `json:"memory_bytes"` // 0: not known
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

// String is the machine in one line.
func (m Machine) String() string {
	return fmt.Sprintf("%d cores (%s), %d GiB, %s, %s", m.Cores, m.CPU, m.Memory>>30, m.Kernel, m.Go)
}

// ThisMachine reads what the operating system tells. What it does not tell is empty.
func ThisMachine() Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), CPU: runtime.GOARCH, Kernel: runtime.GOOS}
	if model := field("/proc/cpuinfo", "model name"); model != "" {
		m.CPU = model
	}
	if total, ok := strings.CutSuffix(field("/proc/meminfo", "MemTotal"), " kB"); ok {
		kib, _ := strconv.ParseUint(total, 10, 64)
		m.Memory = kib << 10
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = runtime.GOOS + " " + strings.TrimSpace(string(release))
	}
	return m
}

// NeedMemory checks that this machine has so many bytes of memory that nobody uses.
// Where it does not say how much there is, nothing is checked.
func NeedMemory(n uint64) error {
	available, known := strings.CutSuffix(field("/proc/meminfo", "MemAvailable"), " kB")
	kib, _ := strconv.ParseUint(available, 10, 64) // as ThisMachine reads it
	if !known || kib<<10 >= n {
		return nil
	}
	return fmt.Errorf("this needs %.1f GiB of memory, and %.1f GiB are free", float64(n)/(1<<30), float64(kib)/(1<<20))
}

// field is the value of the first line "name: value" of a file.
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, ok := strings.Cut(lines.Text(), ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// load is how many processes wanted to run in the last minute; 0: not known.
func load() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	v, _ := strconv.ParseFloat(first, 64)
	return v
}

// commit is the one that this program was built from, and whether there were changes
// on top of it. `go run` does not write it into the program; then the folder that we
// are in is asked.
func commit() (id string, modified bool) {
	if info, ok := debug.ReadBuildInfo(); ok {
		settings := map[string]string{}
		for _, s := range info.Settings {
			settings[s.Key] = s.Value
		}
		if id := settings["vcs.revision"]; id != "" {
			return id, settings["vcs.modified"] == "true"
		}
	}
	head, err := exec.Command("git", "rev-parse", "HEAD").Output() //nolint:noctx // it takes milliseconds
	if err != nil {
		return "unknown", true
	}
	// Results are what a run writes: they do not change what was measured.
	status, err := exec.Command("git", "status", "--porcelain", "--", ".", ":!bench/results").Output() //nolint:noctx // as above
	return strings.TrimSpace(string(head)), err != nil || len(status) > 0
}
