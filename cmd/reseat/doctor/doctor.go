// Package doctor looks for what keeps an edge or a sidecar from working on this
// machine, before it is started and while it runs: settings, Consul and what the
// token may do there, ports, certificates, and the limits of the kernel.
//
// A check says what it found, how bad that is, and what to do. It changes nothing:
// ports are bound and let go, a session is made in Consul and ended, a file is
// made in the state folder and removed.
//
//	ok    as it should be
//	warn  it works, less well or only here
//	fail  it will not work
package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
	"github.com/reseat-proxy/reseat/discovery"
)

// Level says how bad a finding is.
type Level string

// The levels of a finding.
const (
	OK   Level = "ok"
	Warn Level = "warn"
	Fail Level = "fail"
)

// Finding is what one check found.
type Finding struct {
	Check string `json:"check"`
	Level Level  `json:"level"`
	Text  string `json:"text"`
	Do    string `json:"do,omitempty"` // empty: nothing is to be done
}

// Patient is what is examined: the settings of an edge or of a sidecar, the other
// one being nil, and the machine.
type Patient struct {
	Edge    *config.Edge
	Sidecar *config.Sidecar
	Consul  *discovery.Client
	Machine Machine
}

// Machine is what is looked at besides. The zero value of a field is this machine's.
type Machine struct {
	Root  fs.FS                  // of /proc and /sys
	Procs int                    // GOMAXPROCS
	Files func() (uint64, error) // how many may be open
	Now   func() time.Time
}

func (m Machine) orThis() Machine {
	if m.Root == nil {
		m.Root = os.DirFS("/")
	}
	if m.Files == nil {
		m.Files = fileLimit
	}
	if m.Now == nil {
		m.Now = time.Now
	}
	m.Procs = cmp.Or(m.Procs, runtime.GOMAXPROCS(0))
	return m
}

// Examine makes all checks. Those that ask Consul are bounded by its timeout, and by
// ctx.
func Examine(ctx context.Context, p Patient) []Finding {
	p.Machine = p.Machine.orThis()
	r := &report{}
	if p.Consul != nil {
		p.consul(ctx, r)
	}
	p.state(r)
	p.ports(ctx, r)
	p.certificates(r)
	p.Machine.buffers(r)
	p.Machine.files(r)
	p.Machine.cpus(r)
	return r.findings
}

// Settings makes findings of what is wrong with the settings themselves.
func Settings(err error, where string) []Finding {
	if err == nil {
		return []Finding{{"settings", OK, where, ""}}
	}
	var out []Finding
	for line := range strings.Lines(err.Error()) {
		out = append(out, Finding{"settings", Fail, strings.TrimSuffix(line, "\n"), "correct it; --print-config of the command shows what is in effect"})
	}
	return out
}

// report gathers findings.
type report struct{ findings []Finding }

func (r *report) ok(check, format string, args ...any) {
	r.findings = append(r.findings, Finding{check, OK, fmt.Sprintf(format, args...), ""})
}

func (r *report) warn(check, do, format string, args ...any) {
	r.findings = append(r.findings, Finding{check, Warn, fmt.Sprintf(format, args...), do})
}

func (r *report) fail(check, do, format string, args ...any) {
	r.findings = append(r.findings, Finding{check, Fail, fmt.Sprintf(format, args...), do})
}

// Failed counts the findings that fail.
func Failed(findings []Finding) (n int) {
	for _, f := range findings {
		if f.Level == Fail {
			n++
		}
	}
	return n
}

// Write writes findings for people.
func Write(w io.Writer, findings []Finding) {
	for _, f := range findings {
		fmt.Fprintf(w, "%-4s  %-14s  %s\n", f.Level, f.Check, f.Text)
		if f.Do != "" {
			fmt.Fprintf(w, "%-4s  %-14s  → %s\n", "", "", f.Do)
		}
	}
}

// WriteJSON writes findings for machines.
func WriteJSON(w io.Writer, findings []Finding) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(map[string]any{"findings": findings, "failed": Failed(findings)})
}
