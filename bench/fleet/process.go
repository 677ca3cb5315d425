// Package fleet runs real processes on this machine, for demos and benchmarks:
// starts them, reads their logs for events, and does to them what happens to
// processes in production.
//
// Every process dies with the one that started it: on Linux the kernel sees to
// that, elsewhere [Fleet.Close]. A process that ends without having been told
// to is reported on [Fleet.Failed], or on [Fleet.Ended] if that was to be expected.
package fleet

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Spec says how to start a process.
type Spec struct {
	Name string // unique in the fleet; also names its log file
	Path string // of the program; not looked for in PATH
	Args []string
	Env  []string // nil: that of this process

	// Mortal: that somebody kills it is no failure, and told on Fleet.Ended.
	Mortal bool

	// Piped gives Process.Stdin and Stdout a pipe each. Otherwise there is
	// nothing to read, and what is written goes to the log.
	Piped bool
}

// Fleet is a number of processes. Its methods may be called from any goroutine.
type Fleet struct {
	dir    string
	echo   io.Writer
	events chan Event
	failed chan error
	ended  chan *Process

	mu        sync.Mutex
	processes []*Process
}

// maxEvents is how many events may wait to be read: some hundred times what a
// failover makes. When there are more, the processes wait to write their logs.
const maxEvents = 4096

// maxEnded is how many ends of mortal processes may wait to be read: more than a
// machine carries, and none of them ends again before somebody has started it.
const maxEnded = 256

// New makes a fleet that keeps its logs in dir. They are also written to echo
// if it is not nil.
func New(dir string, echo io.Writer) *Fleet {
	return &Fleet{dir: dir, echo: echo, events: make(chan Event, maxEvents), failed: make(chan error, 1), ended: make(chan *Process, maxEnded)}
}

// Events returns the channel of what the processes report. Somebody must read it.
func (f *Fleet) Events() <-chan Event { return f.events }

// Failed tells the first process that ended by itself.
func (f *Fleet) Failed() <-chan error { return f.failed }

// Ended tells of mortal processes that were killed, not by us.
func (f *Fleet) Ended() <-chan *Process { return f.ended }

// Process is one life of a process.
type Process struct {
	Spec   Spec
	Stdin  io.WriteCloser // nil unless Spec.Piped
	Stdout io.Reader

	fleet  *Fleet
	cmd    *exec.Cmd
	log    *os.File
	told   atomic.Bool // it was told to end
	exited chan struct{}
	err    error                  // how it ended, once exited is closed
	last   atomic.Pointer[string] // line of its log that was no event
}

// Start starts a process.
func (f *Fleet) Start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(filepath.Join(f.dir, spec.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	p := &Process{Spec: spec, fleet: f, log: log, exited: make(chan struct{})}
	p.cmd = &exec.Cmd{
		Path: spec.Path, Args: append([]string{spec.Path}, spec.Args...), Env: spec.Env, SysProcAttr: attributes(),
	}
	stderr, err := p.pipes()
	if err == nil {
		started := make(chan error, 1)
		go p.live(stderr, started)
		err = <-started
	}
	if err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("fleet: start %s: %w", spec.Name, err)
	}
	f.mu.Lock()
	f.processes = append(f.processes, p)
	f.mu.Unlock()
	return p, nil
}

func (p *Process) pipes() (stderr io.Reader, err error) {
	if p.Spec.Piped {
		if p.Stdin, err = p.cmd.StdinPipe(); err != nil {
			return nil, err
		}
		// Not StdoutPipe: Wait would close it before everything is read.
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		p.Stdout, p.cmd.Stdout = r, w
	} else {
		p.cmd.Stdout = p.log
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stderr = w
	return r, nil
}

// live starts the process and waits for its end. The kernel's death signal is
// bound to the thread that started it, so this one stays.
func (p *Process) live(stderr io.Reader, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	p.closeOurEnds()
	started <- err
	if err != nil {
		return
	}
	read := make(chan struct{})
	go func() { p.read(stderr); close(read) }()
	p.err = p.cmd.Wait()
	close(p.exited)
	switch {
	case p.told.Load():
	case p.Spec.Mortal && p.cmd.ProcessState.ExitCode() < 0: // by a signal
		p.fleet.end(p)
	default:
		p.fleet.fail(p.ended(read))
	}
	<-read
	_ = p.log.Close()
}

// lastWords is how long the end of a log may take to be read: processes that it
// started may have it open for longer than it has lived.
const lastWords = time.Second

// ended says that the process has ended, and with what words.
func (p *Process) ended(read <-chan struct{}) error {
	select {
	case <-read:
	case <-time.After(lastWords):
	}
	err := fmt.Errorf("%s (pid %d) ended by itself: %s", p.Spec.Name, p.PID(), p.cmd.ProcessState)
	if last := p.last.Load(); last != nil {
		err = fmt.Errorf("%w: %s", err, *last)
	}
	return err
}

// closeOurEnds closes what only the child writes to, or its readers would never
// see the end.
func (p *Process) closeOurEnds() {
	for _, w := range []io.Writer{p.cmd.Stdout, p.cmd.Stderr} {
		if f, ok := w.(*os.File); ok && f != p.log {
			_ = f.Close()
		}
	}
}

func (f *Fleet) end(p *Process) {
	select {
	case f.ended <- p:
	default: // nobody reads, and nobody starts them again
	}
}

func (f *Fleet) fail(err error) {
	select {
	case f.failed <- err:
	default:
	}
}

// maxLine bounds a line of a log: the rest of a longer one is another line.
const maxLine = 64 << 10

// read copies the log and picks the events out of it, until all who write to it
// have ended: the process and those that it started.
func (p *Process) read(stderr io.Reader) {
	lines := bufio.NewReaderSize(stderr, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			_, _ = p.log.Write(line)
			p.fleet.print(p.Spec.Name, line)
			if e, ok := ParseEvent(p.Spec.Name, line, time.Now()); ok {
				p.fleet.events <- e
			} else if last := string(bytes.TrimSpace(line)); last != "" {
				p.last.Store(&last)
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// print echoes a line of a log. Lines of several processes do not mix.
func (f *Fleet) print(from string, line []byte) {
	if f.echo == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Fprintf(f.echo, "%s | %s\n", from, bytes.TrimRight(line, "\n"))
}

// PID is the process ID.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Kill ends the process and waits until it is gone. Killing twice does nothing.
func (p *Process) Kill() {
	p.told.Store(true)
	_ = p.cmd.Process.Kill() // fails when it has ended already
	<-p.exited
}

// Expect says that the process will end, which is no failure then.
func (p *Process) Expect() { p.told.Store(true) }

// Close kills all processes, the youngest first, and waits until they are gone.
// Nobody needs to read events then.
func (f *Fleet) Close() {
	f.mu.Lock()
	processes := f.processes
	f.processes = nil
	f.mu.Unlock()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-f.events:
			case <-stop:
				return
			}
		}
	}()
	for _, p := range processes {
		p.Expect()
	}
	for _, p := range slices.Backward(processes) {
		p.Kill()
	}
}
