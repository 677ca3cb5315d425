package chaos

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// portOwners finds which of the processes holds each UDP port of this machine:
// the kernel lists sockets with their inodes, and a process's files name them.
func portOwners(pids map[int]string) map[uint16]string {
	inodes := map[string]string{}
	for pid, name := range pids {
		dir := fmt.Sprintf("/proc/%d/fd/", pid)
		files, err := os.ReadDir(dir)
		if err != nil {
			continue // it has just ended
		}
		for _, f := range files {
			link, err := os.Readlink(dir + f.Name())
			if inode, ok := strings.CutPrefix(link, "socket:["); ok && err == nil {
				inodes[strings.TrimSuffix(inode, "]")] = name
			}
		}
	}
	owners := map[uint16]string{}
	for _, table := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		readTable(table, inodes, owners)
	}
	return owners
}

// readTable reads lines such as
//
//	sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
//	81: 0100007F:9C40 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 123456 2 0000 0
func readTable(path string, inodes map[string]string, owners map[uint16]string) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 || inodes[fields[9]] == "" {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
			owners[uint16(port)] = inodes[fields[9]]
		}
	}
}
