package doctor

import (
	"io/fs"
	"math"
	"path"
	"runtime"
	"strconv"
	"strings"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
)

const (
	// quicBuffer is what QUIC asks the kernel for, as deploy/sysctl.d gives it.
	quicBuffer = 7 * config.MiB
	// Open files: all players share one socket; each game server that is linked
	// with has one, Consul some, and so do those who read the admin API.
	leastFiles, enoughFiles = 256, 1024
)

// buffers checks that a burst is not lost in the kernel.
func (m Machine) buffers(r *report) {
	if runtime.GOOS != "linux" {
		return
	}
	for _, name := range []string{"rmem_max", "wmem_max"} {
		text, err := fs.ReadFile(m.Root, "proc/sys/net/core/"+name)
		size, bad := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		switch {
		case err != nil || bad != nil:
			r.warn("udp buffers", "look at it where the process runs: sysctl net.core."+name, "net.core.%s cannot be read here", name)
		case config.Size(size) < quicBuffer:
			r.warn("udp buffers", "install deploy/sysctl.d/60-reseat.conf and run sysctl --system",
				"net.core.%s is %d KiB, and QUIC asks for %v: bursts are lost in the kernel, and sent again", name, size>>10, quicBuffer)
		default:
			r.ok("udp buffers", "net.core.%s is %d KiB", name, size>>10)
		}
	}
}

// files checks how many files may be open.
func (m Machine) files(r *report) {
	limit, err := m.Files()
	switch do := "raise it: LimitNOFILE= of systemd, ulimit -n of a shell"; {
	case err != nil:
		r.warn("open files", "look at it where the process runs: ulimit -n", "the limit is not known: %v", err)
	case limit < leastFiles:
		r.fail("open files", do, "at most %d, and %d are needed for the links to game servers, Consul and the admin API", limit, leastFiles)
	case limit < enoughFiles:
		r.warn("open files", do, "at most %d: enough for some game servers; %d is usual", limit, enoughFiles)
	default:
		r.ok("open files", "at most %d; players share one socket, however many they are", limit)
	}
}

// cpus checks that as many threads run as there is time for: threads that are stopped
// for the rest of a period look dead to others.
func (m Machine) cpus(r *report) {
	if runtime.GOOS != "linux" {
		return
	}
	quota, limited := m.quota()
	switch {
	case !limited:
		r.ok("cpu", "%s, no quota", plural(m.Procs, "thread"))
	case m.Procs > max(int(math.Ceil(quota)), 2): // 2 is what Go takes at least
		r.warn("cpu", "leave GOMAXPROCS unset, or raise the quota (CPUQuota= of systemd)",
			"GOMAXPROCS is %d and the quota %.2f CPUs: the process stands still for the rest of each period, which others take for death", m.Procs, quota)
	case quota < 1:
		r.warn("cpu", "give it one CPU or more (CPUQuota= of systemd, limits.cpu of Kubernetes)",
			"the quota is %.2f CPUs: the process stands still for the rest of each period, which others take for death", quota)
	default:
		r.ok("cpu", "%s, quota %.2f CPUs", plural(m.Procs, "thread"), quota)
	}
}

// quota is the smallest one of this process's group and those around it.
func (m Machine) quota() (cpus float64, limited bool) {
	cpus = math.Inf(1)
	note := func(quota, period string) {
		q, err1 := strconv.ParseFloat(strings.TrimSpace(quota), 64)
		p, err2 := strconv.ParseFloat(strings.TrimSpace(period), 64)
		if err1 == nil && err2 == nil && q > 0 && p > 0 {
			cpus, limited = min(cpus, q/p), true
		}
	}
	groups, _ := fs.ReadFile(m.Root, "proc/self/cgroup")
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for group := parts[2]; ; group = path.Dir(group) {
			if parts[1] == "" { // version 2
				text, _ := fs.ReadFile(m.Root, path.Join("sys/fs/cgroup", group, "cpu.max"))
				if quota, period, ok := strings.Cut(string(text), " "); ok {
					note(quota, period)
				}
			} else if strings.Contains(","+parts[1]+",", ",cpu,") {
				folder := path.Join("sys/fs/cgroup/cpu", group)
				quota, _ := fs.ReadFile(m.Root, path.Join(folder, "cpu.cfs_quota_us"))
				period, _ := fs.ReadFile(m.Root, path.Join(folder, "cpu.cfs_period_us"))
				note(string(quota), string(period))
			}
			if group == "/" || group == "." {
				break
			}
		}
	}
	return cpus, limited
}
