package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/bench/consul"
	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/bench/peers"
)

// peersFlags are what a person can ask bench peers for.
type peersFlags struct {
	loads  string
	faults string
	only   string
	rounds int
	seed   uint64
	consul string
	output output
}

func newBenchPeers() *cobra.Command {
	var f peersFlags
	cmd := &cobra.Command{
		Use:   "peers",
		Short: "Measure a dead game server behind nginx, HAProxy and Reseat, side by side",
		Long: `Lets a game server die, or freeze, under players who reach it through nginx
(stream module, TCP and UDP), through HAProxy (TCP, in several settings) and
through Reseat, all as processes on this machine and in turns, and says for each
how long the players had to wait, what became of the actions that they were told
are done, and how often they had to connect again.

It installs nothing: a program that is not there is named with its package
(apt-get install nginx libnginx-mod-stream haproxy) and not measured.
A trial during which this machine was too busy is repeated. The exit code is 1 if
it stayed so, if a program is missing, or if Reseat broke a promise.

Contenders: ` + strings.Join(peers.Names(), ", "),
		Example: `  reseat bench peers
  reseat bench peers --quick
  reseat bench peers --only reseat,haproxy-all --load 200x10 --rounds 5 --json`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.loads, "load", "100x20,500x4", "players and actions per second of each: PLAYERSxRATE, comma-separated")
	flags.StringVar(&f.faults, "fault", "kill,freeze", "what happens to the game process: kill (SIGKILL), freeze (SIGSTOP)")
	flags.StringVar(&f.only, "only", "", "contenders to measure, in this order (default: all)")
	flags.IntVar(&f.rounds, "rounds", 3, "how often each is measured, 1 to 100")
	flags.Uint64Var(&f.seed, "seed", 1, "decides what the players do, and when the faults come")
	flags.StringVar(&f.consul, "consul", "", "Consul's binary (default $RESEAT_CONSUL, or consul in PATH), or "+consul.Memory)
	f.output.addQuick(cmd, "one round at 100x20, unless they are said: some two minutes", map[string]string{"load": "100x20", "rounds": "1"})
	f.output.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runBenchPeers(cmd, f) }
	return cmd
}

func runBenchPeers(cmd *cobra.Command, f peersFlags) error {
	settings, err := f.settings()
	if err != nil {
		return &usageError{err}
	}
	if settings.Program, err = program(); err != nil {
		return err
	}
	settings.Screen, settings.Echo = cmd.ErrOrStderr(), f.output.echo(cmd)
	return f.output.run(cmd, "peers", f.seed, func(ctx context.Context, run *measure.Run) (result, error) {
		r, err := peers.Run(ctx, settings, run)
		if err != nil {
			return nil, err
		}
		if !r.OK() {
			err = errBench
		}
		if !r.Whole() {
			err = errors.Join(err, errNotAll)
		}
		return r, err
	})
}

// errNotAll: what is missing is said in the table.
var errNotAll = errors.New("not everything could be measured, see above")

func (f peersFlags) settings() (s peers.Settings, err error) {
	s = peers.Settings{Rounds: f.rounds, Seed: f.seed}
	if s.Loads, err = peers.ParseLoads(f.loads); err != nil {
		return s, fmt.Errorf("--load: %w", err)
	}
	if s.Faults, err = peers.ParseFaults(f.faults); err != nil {
		return s, fmt.Errorf("--fault: %w", err)
	}
	if s.Contenders, err = peers.Find(f.only); err != nil {
		return s, fmt.Errorf("--only: %w", err)
	}
	if f.rounds < 1 || f.rounds > 100 {
		return s, fmt.Errorf("--rounds %d is not 1 to 100", f.rounds)
	}
	if peers.NeedsConsul(s.Contenders) {
		s.Consul, err = consul.Find(f.consul)
	}
	return s, err
}

// The processes of bench peers are commands of their own, which it starts and nobody
// else has to know.

func newPeersGame() *cobra.Command {
	var network, listen, journal string
	cmd := &cobra.Command{
		Use:    "peers-game",
		Short:  "The game server of bench peers",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runPeersGame(cmd.Context(), network, listen, journal, demoLog(cmd.ErrOrStderr()))
		},
	}
	cmd.Flags().StringVar(&network, "network", "tcp", "tcp or udp")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address")
	cmd.Flags().StringVar(&journal, "journal", "", "file to write what is applied into")
	return cmd
}

func runPeersGame(ctx context.Context, network, listen, journal string, log *slog.Logger) error {
	game, err := peers.NewGame(journal)
	if err != nil {
		return err
	}
	defer game.Close()
	var listener net.ListenConfig
	if network == "udp" {
		conn, err := listener.ListenPacket(ctx, network, listen)
		if err != nil {
			return err
		}
		log.Info("game listens", "event", "listening", "addr", conn.LocalAddr().String())
		return game.ServeUDP(ctx, conn)
	}
	ln, err := listener.Listen(ctx, network, listen)
	if err != nil {
		return err
	}
	log.Info("game listens", "event", "listening", "addr", ln.Addr().String())
	return game.ServeTCP(ctx, ln)
}

func newPeersPlayers() *cobra.Command {
	var cfg peers.Config
	cmd := &cobra.Command{
		Use:    "peers-players",
		Short:  "The players of bench peers: they take orders on standard input",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			crowd, err := peers.NewCrowd(cfg)
			if err != nil {
				return err
			}
			in := cmd.InOrStdin()
			defer endReading(cmd.Context(), in)()
			return peers.Serve(cmd.Context(), crowd, in, cmd.OutOrStdout())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.Network, "network", "tcp", "tcp or udp")
	flags.StringVar(&cfg.Addr, "addr", "", "address of the game, or of what is before it")
	flags.IntVar(&cfg.Players, "players", 1, "number of players")
	flags.Float64Var(&cfg.Rate, "rate", 1, "actions per second of each")
	flags.Uint64Var(&cfg.Seed, "seed", 1, "decides what they do")
	return cmd
}
