package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Clock is how long a process has run so far, on all cores together, ended threads
// included, in nanoseconds of the scheduler. What the kernel does
// for it beside its own time, such as taking packets from the network, is with
// whoever was running; on the loopback that is who sent them.
func Clock(pid int) (time.Duration, error) {
	const scheduler = 2 // CPUCLOCK_SCHED, see clock_getcpuclockid(3)
	var at unix.Timespec
	err := unix.ClockGettime(int32(^pid<<3|scheduler), &at)
	if errors.Is(err, unix.EINVAL) { // no such clock
		err = os.ErrProcessDone
	}
	if err != nil {
		return 0, fmt.Errorf("CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(at.Nano()), nil
}

// Resident is how much memory of a process is in RAM, in bytes.
func Resident(pid int) (uint64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return 0, fmt.Errorf("fleet: %q is no /proc/PID/statm", text)
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("fleet: /proc/PID/statm: %w", err)
	}
	return pages * uint64(os.Getpagesize()), nil
}

// Network is what this machine's kernel has counted so far, of all processes.
type Network struct {
	Packets uint64 // UDP packets that processes have received
	Bytes   uint64 // that went through the loopback, headers included
}

// ReadNetwork reads the counters. Packets that were sent as one (GSO) are counted
// apart, since each is received by itself.
func ReadNetwork() (n Network, err error) {
	snmp, err := os.ReadFile("/proc/net/snmp")
	if err != nil {
		return n, err
	}
	if n.Packets, err = parseSNMP(snmp); err != nil {
		return n, err
	}
	dev, err := os.ReadFile("/proc/net/dev")
	if err != nil {
		return n, err
	}
	n.Bytes, err = parseDev(dev)
	return n, err
}

// parseSNMP reads Udp's InDatagrams: the first value of its second line.
func parseSNMP(text []byte) (uint64, error) {
	heads := 0
	for line := range bytes.Lines(text) {
		values, ok := bytes.CutPrefix(line, []byte("Udp: "))
		if !ok {
			continue
		}
		if heads++; heads == 2 {
			return strconv.ParseUint(string(bytes.Fields(values)[0]), 10, 64)
		}
	}
	return 0, fmt.Errorf("fleet: no UDP in /proc/net/snmp")
}

// parseDev reads the bytes that the loopback has received.
func parseDev(text []byte) (uint64, error) {
	for line := range bytes.Lines(text) {
		if values, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("lo:")); ok {
			return strconv.ParseUint(string(bytes.Fields(values)[0]), 10, 64)
		}
	}
	return 0, fmt.Errorf("fleet: no loopback in /proc/net/dev")
}
