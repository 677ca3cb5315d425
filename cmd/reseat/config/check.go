package config

import (
	"cmp"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
)

// checker gathers what is wrong with values, alone and against each other.
type checker struct{ *loader }

// refuse reports a problem with the setting at path.
func (c *checker) refuse(path, format string, args ...any) {
	c.problem(c.origins[path], path, format, args...)
}

// missing reports that a setting without default was not set.
func (c *checker) missing(path, why string) {
	k, _ := c.key(path)
	c.problem("", path, "is not set: %s, with %s", why, k.ways())
}

// between reports a value outside of low..high and tells whether it is inside.
func between[T cmp.Ordered](c *checker, path string, value, low, high T) bool {
	if value >= low && value <= high {
		return true
	}
	c.refuse(path, "%v is out of range: use %v to %v", show(value), show(low), show(high))
	return false
}

func show(v any) any {
	if d, ok := v.(time.Duration); ok {
		return shortDuration(d)
	}
	return v
}

// name checks what becomes part of keys, tags and logs.
func (c *checker) name(path, name string) {
	if err := discovery.CheckName(name); err != nil {
		c.refuse(path, "%q cannot be a name: use 1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit", clip(name))
	}
}

func (c *checker) regions(regions []string, example string) {
	if len(regions) == 0 {
		c.missing("regions", "name at least one region, such as "+example)
	}
	if len(regions) > maxRegions {
		c.refuse("regions", "%d are too many for one process: use at most %d, and another process for the rest", len(regions), maxRegions)
	}
	seen := map[string]bool{}
	for _, r := range regions {
		c.name("regions", r)
		if seen[r] {
			c.refuse("regions", "%q stands twice: remove one", clip(r))
		}
		seen[r] = true
	}
}

// address checks host:port and returns its parts; ok tells whether they are usable.
func (c *checker) address(path, text string) (host string, port int, ok bool) {
	host, digits, err := net.SplitHostPort(text)
	if err != nil || strings.ContainsAny(host, ": /") && !isIP(host) {
		c.refuse(path, "%q is not an address: write host:port, as :7777 or 127.0.0.1:7777", clip(text))
		return "", 0, false
	}
	port, err = strconv.Atoi(digits)
	if err != nil || port < 0 || port > 65535 {
		c.refuse(path, "port %q is out of range: use 1 to 65535", clip(digits))
		return "", 0, false
	}
	return host, port, true
}

// isLoopback tells whether only this machine can reach host.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// isHostAlone tells whether text is a host without a port.
func isHostAlone(text string) bool {
	_, _, err := net.SplitHostPort(text)
	return text != "" && err != nil && (isIP(strings.Trim(text, "[]")) || !strings.Contains(text, ":"))
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// isWildcard tells whether a socket bound to host listens on all addresses.
func isWildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// together reports files of which some are set and others are not.
func (c *checker) together(paths []string, values ...string) {
	var set, unset []string
	for i, path := range paths {
		if values[i] == "" {
			unset = append(unset, path)
		} else {
			set = append(set, path)
		}
	}
	if len(set) > 0 && len(unset) > 0 {
		c.refuse(set[0], "works only together with %s: set all of them, or none", strings.Join(unset, " and "))
	}
}

// file checks that a file, if one is named, can be read.
func (c *checker) file(path, name string) (fs.FileInfo, bool) {
	if name == "" {
		return nil, false
	}
	f, err := os.Open(name)
	if err != nil {
		c.refuse(path, "%s: %s", name, whyUnreadable(err))
		return nil, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("is not a file")
	}
	if err != nil {
		c.refuse(path, "%s: %s", name, whyUnreadable(err))
		return nil, false
	}
	return info, true
}

// secret checks a file that only this process's user may read.
func (c *checker) secret(path, name string) {
	info, ok := c.file(path, name)
	if !ok {
		return
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		c.refuse(path, "%s can be read by others (mode %04o): chmod 600 %s", name, mode, name)
	}
	if info.Size() == 0 {
		c.refuse(path, "%s is empty", name)
	}
}

// clip keeps messages one short line, whatever was typed.
func clip(text string) string {
	const longest = 64
	if len(text) > longest {
		return text[:longest] + "..."
	}
	return text
}
