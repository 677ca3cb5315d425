package peers

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/measure"
)

// stage is the processes of one trial behind a proxy: two game servers, the proxy and
// the players.
type stage struct {
	dir     string
	program string // the path of reseat
	fleet   *fleet.Fleet

	primary *fleet.Process
	crowd   *remote
	players *fleet.Process
}

// Names of the game servers.
const (
	primaryName = "primary"
	backupName  = "backup"
)

func (s *stage) journal(name string) string { return filepath.Join(s.dir, name+".journal") }

// open starts everything. The players play then.
func (s *stage) open(ctx context.Context, c Contender, t tool, load measure.Load, seed uint64) error {
	at := place{Dir: s.dir, Module: t.module}
	var err error
	if s.primary, at.Primary, err = s.game(ctx, primaryName, c.network); err != nil {
		return err
	}
	if _, at.Backup, err = s.game(ctx, backupName, c.network); err != nil {
		return err
	}
	if at.Listen, err = freeAddr(c.network); err != nil {
		return err
	}
	if err := s.proxy(ctx, c, t, at); err != nil {
		return err
	}
	s.players, err = s.fleet.Start(fleet.Spec{
		Name: "players", Path: s.program, Piped: true,
		Args: []string{
			"peers-players", "--network", c.network, "--addr", at.Listen, "--players", fmt.Sprint(load.Players),
			"--rate", fmt.Sprint(load.Rate), "--seed", fmt.Sprint(seed),
		},
	})
	if err != nil {
		return err
	}
	s.crowd = lead(s.players.Stdin, s.players.Stdout)
	return nil
}

// game starts a game server and waits until it says where it listens.
func (s *stage) game(ctx context.Context, name, network string) (p *fleet.Process, addr string, err error) {
	p, err = s.fleet.Start(fleet.Spec{
		Name: name, Path: s.program, Args: []string{"peers-game", "--network", network, "--journal", s.journal(name)},
	})
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("peers: %s does not start", name))
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return nil, "", context.Cause(ctx)
		case err := <-s.fleet.Failed():
			return nil, "", err
		case e := <-s.fleet.Events():
			if e.From == name && e.Name == "listening" {
				return p, e.Text("addr"), nil
			}
		}
	}
}

// proxy starts what stands between, and waits until it listens.
func (s *stage) proxy(ctx context.Context, c Contender, t tool, at place) error {
	text, err := c.config(at)
	if err != nil {
		return err
	}
	file := filepath.Join(s.dir, c.Name+".conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	args := c.command(t, file, false)
	p, err := s.fleet.Start(fleet.Spec{Name: c.Name, Path: args[0], Args: args[1:]})
	if err != nil || c.network == "udp" { // a datagram that comes too early is sent again
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("peers: %s does not listen", c.Name))
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", at.Listen)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.Exited():
			return fmt.Errorf("peers: %s does not start, see %s.log in %s", c.Name, c.Name, s.dir)
		case <-tick.C:
		}
	}
}

// strike makes the fault happen to the primary, and returns when that began.
func (s *stage) strike(fault string) (at int64, err error) {
	s.primary.Expect()
	at = time.Now().UnixNano()
	if fault == Freeze {
		return at, s.primary.Freeze()
	}
	s.primary.Kill()
	return at, nil
}

// judge has the players stop, lets a frozen server go on for as long as one needs to
// do what it has still in hand, and compares.
func (s *stage) judge(ctx context.Context, fault string, at int64) (Outcome, error) {
	s.players.Expect()
	accounts, err := s.crowd.finish(ctx)
	if err != nil {
		return Outcome{}, err
	}
	if fault == Freeze {
		if err := s.primary.Thaw(); err != nil {
			return Outcome{}, err
		}
		if err := measure.Pause(ctx, wake); err != nil {
			return Outcome{}, err
		}
	}
	s.fleet.Close()
	primary, err := readJournal(s.journal(primaryName))
	if err != nil {
		return Outcome{}, err
	}
	backup, err := readJournal(s.journal(backupName))
	if err != nil {
		return Outcome{}, err
	}
	return reckon(accounts, fault, at, primary, backup), nil
}

// close ends all processes.
func (s *stage) close() {
	s.fleet.Close()
	if s.crowd != nil {
		s.crowd.leave()
	}
}

// freeAddr is an address of this machine that nobody listens on.
func freeAddr(network string) (addr string, err error) {
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0") //nolint:noctx // ends at once
		if err != nil {
			return "", fmt.Errorf("peers: %w", err)
		}
		return c.LocalAddr().String(), c.Close()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // as above
	if err != nil {
		return "", fmt.Errorf("peers: %w", err)
	}
	return l.Addr().String(), l.Close()
}
