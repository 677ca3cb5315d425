package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/bench/bots"
	"github.com/reseat-proxy/reseat/bench/world"
	"github.com/reseat-proxy/reseat/cmd/reseat/config"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
	"github.com/reseat-proxy/reseat/proxy/certs"
	"github.com/reseat-proxy/reseat/proxy/game"
	"github.com/reseat-proxy/reseat/proxy/player"
)

// The demo's processes besides edge and sidecars are commands of their own,
// which the demo starts and nobody else has to know.

func newDemoRegistry() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:    "demo-registry",
		Short:  "The demo's registry: as much of Consul as it needs, in memory",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDemoRegistry(cmd.Context(), listen, demoLog(cmd.ErrOrStderr()))
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "TCP address")
	return cmd
}

func runDemoRegistry(ctx context.Context, listen string, log *slog.Logger) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return explainListen(err, map[string]string{"tcp": "--listen"})
	}
	registry := devconsul.New(devconsul.Options{})
	server := &http.Server{Handler: registry, ReadHeaderTimeout: time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	defer registry.Close()
	log.Info("registry listens", "event", "listening", "addr", ln.Addr().String())
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func newDemoGame() *cobra.Command {
	var ballast int
	var memory uint64
	var poison bool
	cmd := &cobra.Command{
		Use:    "demo-game",
		Short:  "The demo's game server",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options := []world.Option{world.Ballast(ballast)}
			if poison {
				options = append(options, world.AllowPoison())
			}
			free, err := world.Burden(cmd.Context(), memory)
			if err != nil {
				return err
			}
			defer free()
			return game.Run(cmd.Context(), game.Config{
				Name: "demo-game",
				New:  func(string) game.World { return world.New(options...) },
				Log:  demoLog(cmd.ErrOrStderr()),
			})
		},
	}
	cmd.Flags().IntVar(&ballast, "ballast", 0, "KiB of state besides the game's own")
	cmd.Flags().Uint64Var(&memory, "memory", 0, "bytes to write to and keep before it says hello")
	cmd.Flags().BoolVar(&poison, "poison", false, "let players kill the game")
	return cmd
}

// crowdFlags say who plays, and where.
type crowdFlags struct {
	edges   []string
	regions map[string]int // players in each
	ca      string
	rate    float64
	seed    uint64
	noSpare bool
}

func newDemoBots() *cobra.Command {
	var f crowdFlags
	cmd := &cobra.Command{
		Use:    "demo-bots",
		Short:  "The demo's players: they take orders on standard input",
		Hidden: true,
		Args:   noArguments,
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.edges, "edge", []string{"127.0.0.1:7777"}, "address of an edge; may be repeated")
	flags.StringToIntVar(&f.regions, "region", map[string]int{"demo": 50}, "region to join, and by how many: NAME=PLAYERS; may be repeated")
	flags.StringVar(&f.ca, "ca", "", "PEM file with the certificates to trust")
	flags.Float64Var(&f.rate, "rate", 10, "actions per second of each player")
	flags.Uint64Var(&f.seed, "seed", 1, "decides what they do")
	flags.BoolVar(&f.noSpare, "no-spare", false, "they keep no connection to a second edge")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return runDemoBots(cmd.Context(), f, cmd.InOrStdin(), cmd.OutOrStdout(), demoLog(cmd.ErrOrStderr()))
	}
	return cmd
}

// crews are the regions in the order of their names, so that the same command
// makes the same crowd.
func (f *crowdFlags) crews() (out []bots.Region) {
	for _, name := range slices.Sorted(maps.Keys(f.regions)) {
		out = append(out, bots.Region{Name: name, Players: f.regions[name]})
	}
	return out
}

func runDemoBots(ctx context.Context, f crowdFlags, in io.Reader, out io.Writer, log *slog.Logger) error {
	tls, err := certs.PlayerClient(f.ca)
	if err != nil {
		return err
	}
	var joined atomic.Int64
	crowd, err := bots.New(bots.Config{
		Regions: f.crews(), Rate: f.rate, Seed: f.seed,
		Dial: func(ctx context.Context, region, name string, h player.Handler) (bots.Client, error) {
			first := int(joined.Add(1)-1) % len(f.edges) // spreads the players
			return player.Dial(ctx, player.Config{
				Edges: slices.Concat(f.edges[first:], f.edges[:first]), Region: region, Player: name, TLS: tls, Handler: h, Log: log,
				NoSpare: f.noSpare,
			})
		},
	})
	if err != nil {
		return err
	}
	defer endReading(ctx, in)()
	if err := bots.Serve(ctx, crowd, in, out); err != nil {
		return fmt.Errorf("players: %w", err)
	}
	return nil
}

// endReading closes in when ctx ends, if it can be closed, so that who reads it returns.
func endReading(ctx context.Context, in io.Reader) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		if file, ok := in.(*os.File); ok {
			_ = file.Close()
		}
	})
}

// demoLog writes what the demo reads.
func demoLog(w io.Writer) *slog.Logger { return newLogger(w, config.Log{Format: "json"}) }
