package measure

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Run is the circumstances of a measurement.
type Run struct {
	Commit   string        `json:"commit"`
	Modified bool          `json:"modified"` // the code was not as committed
	Machine  Machine       `json:"machine"`
	Command  string        `json:"command"`
	Seed     uint64        `json:"seed"`
	Started  time.Time     `json:"started"`
	Took     time.Duration `json:"took_ns"`
	Load     float64       `json:"load"`     // of the machine in the minute before
	Delay    time.Duration `json:"delay_ns"` // the longest that the machine let a goroutine wait
	Void     bool          `json:"void"`     // it waited too long

	delay *Delay
}

// ErrLoaded is of a machine that has too much else to do.
var ErrLoaded = errors.New("this machine is too busy to measure anything: end other work, or measure fewer players")

// Begin starts a run. End must be called.
func Begin(command string, seed uint64) *Run {
	r := &Run{
		Machine: ThisMachine(), Command: command, Seed: seed, Started: time.Now().UTC(), Load: load(),
		delay: WatchDelay(),
	}
	r.Commit, r.Modified = commit()
	return r
}

// Watch is the watch of this machine's delays while the run lasts.
func (r *Run) Watch() *Delay { return r.delay }

// Note takes in a delay of another process of the run, or of a part of it.
func (r *Run) Note(d time.Duration) { r.Delay = max(r.Delay, d) }

// End ends the run. The error is ErrLoaded, with the figure, if it is void.
func (r *Run) End() error {
	r.delay.Stop()
	r.Note(r.delay.Max())
	r.Took = time.Since(r.Started)
	r.Void = r.Delay > MaxDelay
	return Loaded(r.Delay)
}

// Loaded is ErrLoaded if a delay makes void what was measured meanwhile.
func Loaded(d time.Duration) error {
	if d <= MaxDelay {
		return nil
	}
	return fmt.Errorf("%w (something waited %v for a core, %v is the most that a run may have)", ErrLoaded, d.Round(time.Millisecond), MaxDelay)
}

// String is what stands above a table.
func (r *Run) String() string {
	var b strings.Builder
	state := ""
	if r.Modified {
		state = ", modified"
	}
	fmt.Fprintf(&b, "%s\ncommit %.12s%s, seed %d, %s\n%v\nload before %.1f, longest wait for a core %v, took %v\n",
		r.Command, r.Commit, state, r.Seed, r.Started.Format(time.RFC3339), r.Machine, r.Load, r.Delay.Round(100*time.Microsecond), r.Took.Round(time.Second))
	if r.Void {
		b.WriteString("VOID: " + Loaded(r.Delay).Error() + "\n")
	}
	return b.String()
}

// Save writes a result as name.json into a folder, which it makes.
func Save(dir, name string, result any) error {
	text, err := json.MarshalIndent(result, "", "\t")
	if err != nil {
		return fmt.Errorf("result %s: %w", name, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".json"), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	return nil
}
