//go:build fault

package fault

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Enabled tells whether this build can fail on purpose.
const Enabled = true

// The environment variables that are read when the process starts. One that
// cannot be understood is a panic: a run that does not fail as it was told to
// proves nothing.
const (
	EnvFailpoints = "RESEAT_FAILPOINTS"
	EnvBug        = "RESEAT_BUG"
)

// state is one for the process, as faults are.
var state = struct {
	mu    sync.Mutex // guards the fields below
	rules map[Failpoint]*rule
	hooks map[Failpoint]func()
	count map[Failpoint]*count

	bugs atomic.Pointer[map[Defect]bool]
}{rules: map[Failpoint]*rule{}, hooks: map[Failpoint]func(){}, count: map[Failpoint]*count{}}

type count struct{ reached, fired uint64 }

func init() {
	for _, p := range Failpoints {
		state.count[p] = &count{}
	}
	if err := Set(os.Getenv(EnvFailpoints)); err != nil {
		panic(EnvFailpoints + ": " + err.Error())
	}
	var bugs []Defect
	for name := range strings.SplitSeq(os.Getenv(EnvBug), ",") {
		if name = strings.TrimSpace(name); name != "" {
			bugs = append(bugs, Defect(name))
		}
	}
	if err := Enable(bugs...); err != nil {
		panic(EnvBug + ": " + err.Error())
	}
}

// Point is passed at the place of that name, and does what a rule for it says.
func Point(name Failpoint) {
	if do := pass(name); do != nil {
		do()
	}
}

func pass(name Failpoint) (do func()) {
	state.mu.Lock()
	defer state.mu.Unlock()
	n := state.count[name]
	if n == nil {
		panic(unknown(name))
	}
	n.reached++
	if hook := state.hooks[name]; hook != nil {
		n.fired++
		return hook
	}
	r := state.rules[name]
	if r == nil || !r.fires() {
		return nil
	}
	n.fired++
	return func() { r.act(name) }
}

// act carries a rule out, without a lock.
func (r *rule) act(name Failpoint) {
	switch r.action {
	case "panic":
		panic("failpoint " + string(name))
	case "exit":
		os.Exit(3)
	case "kill":
		if self, err := os.FindProcess(os.Getpid()); err == nil {
			_ = self.Kill()
		}
		select {} // the signal is on its way
	case "sleep":
		time.Sleep(r.sleep)
	}
}

// Set replaces all rules, as in the environment variable; "" takes them back. It
// changes nothing when it returns an error.
func Set(spec string) error {
	rules, err := parse(spec)
	if err != nil {
		return err
	}
	state.mu.Lock()
	defer state.mu.Unlock()
	state.rules = rules
	return nil
}

// On calls hook whenever a point is passed, on the goroutine that passes it and
// with the locks that it holds; nil takes it back. It comes before rules.
func On(name Failpoint, hook func()) {
	state.mu.Lock()
	defer state.mu.Unlock()
	if state.count[name] == nil {
		panic(unknown(name))
	}
	state.hooks[name] = hook
}

// Reached is how often a point was passed.
func Reached(name Failpoint) uint64 {
	state.mu.Lock()
	defer state.mu.Unlock()
	return state.count[name].reached
}

// Fired is how often something happened at a point.
func Fired(name Failpoint) uint64 {
	state.mu.Lock()
	defer state.mu.Unlock()
	return state.count[name].fired
}

// Bug tells whether a seeded bug is switched on.
func Bug(name Defect) bool { return (*state.bugs.Load())[name] }

// Enable switches these bugs on, and all others off.
func Enable(names ...Defect) error {
	on := map[Defect]bool{}
	for _, name := range names {
		if !slices.Contains(Defects, name) {
			return fmt.Errorf("no seeded bug is called %q: there are %v", name, Defects)
		}
		on[name] = true
	}
	state.bugs.Store(&on)
	return nil
}

func unknown(name Failpoint) string {
	return fmt.Sprintf("no failpoint is called %q: there are %v", name, Failpoints)
}
