package fleet

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// roleEnv makes this test binary one of the processes of a fleet.
const roleEnv = "FLEET_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "talker":
		talk()
	case "sidecar":
		supervise()
	case "game":
		stay()
	case "starter":
		lead()
	}
}

// talk writes a log, and then echoes its input until that ends.
func talk() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	log.Info("hello", "event", "serving", "epoch", 3, "region", "demo")
	log.Info("no event")
	fmt.Fprintln(os.Stderr, "panic: not JSON")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		fmt.Println("you said " + in.Text())
	}
}

// supervise starts a game as a sidecar does, and reports it. The game dies with
// this thread.
func supervise() {
	runtime.LockOSThread()
	game := exec.CommandContext(context.Background(), os.Args[0])
	game.Env = append(os.Environ(), roleEnv+"=game")
	game.SysProcAttr = attributes()
	if err := game.Start(); err != nil {
		panic(err)
	}
	slog.New(slog.NewJSONHandler(os.Stderr, nil)).Info("game started", "event", gameStarted, "pid", game.Process.Pid)
	_ = game.Wait()
	stay()
}

// lead starts a process of its own fleet and tells its pid, for the test that
// kills the leader.
func lead() {
	f := New(".", nil)
	p, err := f.Start(spec("game"))
	if err != nil {
		panic(err)
	}
	fmt.Println(p.PID())
	stay()
}

// stay waits to be killed, or for a Ctrl-C. It does not wait for the end of its input,
// which may come when its parent dies: the tests are to see who killed it.
func stay() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, os.Interrupt)
	<-told
}

func spec(role string) Spec {
	return Spec{Name: fmt.Sprintf("%s-%d", role, os.Getpid()), Path: os.Args[0], Env: append(os.Environ(), roleEnv+"="+role)}
}

func newFleet(t *testing.T) *Fleet {
	t.Helper()
	f := New(t.TempDir(), nil)
	t.Cleanup(f.Close)
	return f
}

// next waits for the next event.
func next(t *testing.T, f *Fleet) Event {
	t.Helper()
	select {
	case e := <-f.Events():
		return e
	case err := <-f.Failed():
		t.Fatal(err)
	case <-time.After(20 * time.Second):
		t.Fatal("no event")
	}
	return Event{}
}

// state is the state letter of a process, "" when it is gone.
func state(t *testing.T, pid int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	if after[:1] == "Z" { // dead, only not waited for
		return ""
	}
	return after[:1]
}

func becomes(t *testing.T, pid int, states ...string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, s := range states {
			if state(t, pid) == s {
				return true
			}
		}
		return false
	}, 20*time.Second, 2*time.Millisecond, "process %d is not in state %q", pid, states)
}

func TestEventsAndPipes(t *testing.T) {
	f := newFleet(t)
	s := spec("talker")
	s.Piped = true
	before := time.Now()
	p, err := f.Start(s)
	require.NoError(t, err)

	e := next(t, f)
	require.Equal(t, "serving", e.Name)
	require.Equal(t, "hello", e.Msg)
	require.Equal(t, p.Spec.Name, e.From)
	require.Equal(t, "demo", e.Text("region"))
	require.EqualValues(t, 3, e.Number("epoch"))
	require.True(t, e.Has("epoch"))
	require.False(t, e.Has("epochs"))
	require.WithinRange(t, e.At, before, time.Now())

	fmt.Fprintln(p.Stdin, "aye")
	line, err := bufio.NewReader(p.Stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "you said aye\n", line)

	p.Expect()
	require.NoError(t, p.Stdin.Close())
	<-p.Exited()
	require.Empty(t, f.Failed())
	require.Eventually(t, func() bool {
		log, err := os.ReadFile(filepath.Join(f.dir, s.Name+".log"))
		return err == nil && strings.Contains(string(log), "panic: not JSON") && strings.Contains(string(log), "no event")
	}, 20*time.Second, time.Millisecond)
}

func TestParse(t *testing.T) {
	now := time.Unix(1, 0)
	for _, line := range []string{"", "panic: x", "7", `{"msg":"no event"}`, `{"event":7}`, `{"event":"cut sho`} {
		_, ok := ParseEvent("p", []byte(line), now)
		require.False(t, ok, "%q", line)
	}
	e, ok := ParseEvent("p", []byte(`{"time":"odd","event":"down","n":"text"}`), now)
	require.True(t, ok)
	require.Equal(t, now, e.At, "the time of reading, when the line has none")
	require.Zero(t, e.Number("n"))
	require.Zero(t, e.Number("event"))
}

func TestWhoEndsByItselfIsReported(t *testing.T) {
	f := newFleet(t)
	p, err := f.Start(spec("talker")) // no input: ends at once
	require.NoError(t, err)
	err = <-f.Failed()
	require.ErrorContains(t, err, p.Spec.Name)
	require.ErrorContains(t, err, "exit status 0: panic: not JSON")
}

func TestStartFails(t *testing.T) {
	f := newFleet(t)
	_, err := f.Start(Spec{Name: "x", Path: "/does/not/exist", Piped: true})
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = f.Start(Spec{Name: "no/such/folder", Path: os.Args[0]})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// startServer starts a server and waits for its game.
func startServer(t *testing.T, f *Fleet) *Server {
	t.Helper()
	s := f.NewServer(spec("sidecar"))
	require.Error(t, faults[0].Strike(s), "nothing to strike yet")
	require.NoError(t, s.Start())
	s.Observe(Event{From: "another", Name: gameStarted})
	e := next(t, f)
	s.Observe(e)
	require.NotZero(t, s.Game())
	return s
}

func fault(t *testing.T, name string) Fault {
	t.Helper()
	chosen, err := ParseFaults(name)
	require.NoError(t, err)
	require.Len(t, chosen, 1)
	return chosen[0]
}

func TestKill(t *testing.T) {
	f := newFleet(t)
	s := startServer(t, f)
	game := s.Game()
	require.NoError(t, fault(t, "kill").Strike(s))
	becomes(t, game, "")
	require.NotEmpty(t, state(t, s.sidecar.PID()))
	require.Zero(t, s.Game())
	require.NoError(t, fault(t, "kill").Heal(s))
}

func TestHost(t *testing.T) {
	f := newFleet(t)
	s := startServer(t, f)
	game, sidecar := s.Game(), s.sidecar.PID()
	require.NoError(t, fault(t, "host").Strike(s))
	becomes(t, game, "")
	becomes(t, sidecar, "")
	require.Empty(t, f.Failed())
	require.NoError(t, fault(t, "host").Heal(s))
	s.Observe(next(t, f))
	require.NotZero(t, s.Game())
	require.NotEqual(t, game, s.Game())
	require.NotEqual(t, sidecar, s.sidecar.PID())
	becomes(t, s.Game(), "S", "R")
}

func TestFreeze(t *testing.T) {
	f := newFleet(t)
	s := startServer(t, f)
	require.NoError(t, fault(t, "freeze").Strike(s))
	becomes(t, s.Game(), "T")
	becomes(t, s.sidecar.PID(), "T")
	require.NoError(t, fault(t, "freeze").Heal(s))
	becomes(t, s.Game(), "S", "R")
	becomes(t, s.sidecar.PID(), "S", "R")

	require.NoError(t, fault(t, "freeze").Strike(s))
	f.Close() // frozen or not
	becomes(t, s.sidecar.PID(), "")
	becomes(t, s.Game(), "")
}

func TestEdge(t *testing.T) {
	f := newFleet(t)
	s := f.NewServer(spec("game")) // like an edge it supervises nobody
	require.Error(t, fault(t, "edge").Strike(s), "nothing to strike yet")
	require.NoError(t, s.Start())
	before := s.sidecar.PID()
	require.NoError(t, fault(t, "edge").Strike(s))
	becomes(t, before, "")
	require.Empty(t, f.Failed())
	require.NoError(t, fault(t, "edge").Heal(s))
	require.NotEqual(t, before, s.sidecar.PID())
	becomes(t, s.sidecar.PID(), "S", "R")
}

func TestParseFaults(t *testing.T) {
	chosen, err := ParseFaults("kill, freeze,kill")
	require.NoError(t, err)
	require.Len(t, chosen, 3)
	require.Equal(t, "freeze", chosen[1].Name)
	require.Equal(t, "game and sidecar of server-2 frozen (SIGSTOP)", fmt.Sprintf(chosen[1].Does, "server-2"))
	for _, bad := range []string{"", "kill,", "drain", "kill;freeze"} {
		_, err := ParseFaults(bad)
		require.ErrorContains(t, err, "choose from kill, host, freeze, edge", "%q", bad)
	}
}

// TestFleetDiesWithItsLeader: SIGKILL leaves nobody time to clean up.
func TestFleetDiesWithItsLeader(t *testing.T) {
	leader := exec.CommandContext(t.Context(), os.Args[0])
	leader.Env = append(os.Environ(), roleEnv+"=starter")
	leader.Dir = t.TempDir()
	out, err := leader.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, leader.Start())
	var child int
	_, err = fmt.Fscan(out, &child)
	require.NoError(t, err)
	require.NotEmpty(t, state(t, child))
	require.NoError(t, leader.Process.Kill())
	_ = leader.Wait()
	becomes(t, child, "")
}

// TestMortal: who may be killed by others is told of when it is; that it gives up
// is a failure all the same.
func TestMortal(t *testing.T) {
	f := newFleet(t)
	mortal := func(role string) *Process {
		spec := spec(role)
		spec.Mortal = true
		p, err := f.Start(spec)
		require.NoError(t, err)
		return p
	}
	p := mortal("game")
	require.NoError(t, p.cmd.Process.Kill())
	require.Same(t, p, <-f.Ended())
	p = mortal("game")
	p.Kill()
	require.Empty(t, f.Ended(), "we did that")
	require.Empty(t, f.Failed())
	mortal("talker") // its input is empty
	require.ErrorContains(t, <-f.Failed(), "ended by itself: exit status 0")
	require.Empty(t, f.Ended())
}
