package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/bench/steady"
	"github.com/reseat-proxy/reseat/proxy/certs"
	"github.com/reseat-proxy/reseat/proxy/game"
)

// The processes of bench steady and bench scale besides edges and sidecars are commands
// of their own, which nobody else has to know.

func newBenchEcho() *cobra.Command {
	var listen string
	var files certs.Files
	cmd := &cobra.Command{
		Use: "bench-echo", Short: "A game server without a proxy", Hidden: true, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			tls, err := certs.PlayerServer(files)
			if err != nil {
				return err
			}
			return steady.Echo(cmd.Context(), listen, tls, demoLog(cmd.ErrOrStderr()))
		},
	}
	serverFlags(cmd, &listen, &files)
	return cmd
}

func serverFlags(cmd *cobra.Command, listen *string, files *certs.Files) {
	cmd.Flags().StringVar(listen, "listen", "127.0.0.1:0", "UDP address")
	cmd.Flags().StringVar(&files.Cert, "cert", "", "PEM certificate to show")
	cmd.Flags().StringVar(&files.Key, "key", "", "PEM key of it")
}

func newBenchRelay() *cobra.Command {
	var ca string
	var files certs.Files
	var cfg steady.RelayConfig
	cmd := &cobra.Command{
		Use: "bench-relay", Short: "The smallest relay", Hidden: true, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if cfg.Server, err = certs.PlayerServer(files); err != nil {
				return err
			}
			if cfg.Client, err = certs.PlayerClient(ca); err != nil {
				return err
			}
			cfg.Log = demoLog(cmd.ErrOrStderr())
			return steady.Relay(cmd.Context(), cfg)
		},
	}
	serverFlags(cmd, &cfg.Listen, &files)
	cmd.Flags().StringVar(&cfg.To, "to", "", "UDP address of the server")
	cmd.Flags().StringVar(&ca, "ca", "", "PEM file with the certificates to trust")
	cmd.Flags().BoolVar(&cfg.Each, "each", false, "a connection to the server for each player")
	return cmd
}

func newBenchGame() *cobra.Command {
	return &cobra.Command{
		Use: "bench-game", Short: "A game that answers each action with the same", Hidden: true, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return game.Run(cmd.Context(), game.Config{
				Name: "bench-game",
				New:  func(string) game.World { return new(steady.World) },
				Log:  demoLog(cmd.ErrOrStderr()),
			})
		},
	}
}

func newBenchPlayers() *cobra.Command {
	var ca string
	var cfg steady.PlayersConfig
	cmd := &cobra.Command{
		Use: "bench-players", Short: "Players who take orders on standard input", Hidden: true, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if cfg.TLS, err = certs.PlayerClient(ca); err != nil {
				return err
			}
			return runBenchPlayers(cmd.Context(), cfg, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringArrayVar(&cfg.To, "to", nil, "UDP address of a server or relay, or of an edge; may be repeated")
	cmd.Flags().StringArrayVar(&cfg.Regions, "region", nil, "region to join behind an edge; may be repeated")
	cmd.Flags().StringVar(&ca, "ca", "", "PEM file with the certificates to trust")
	cmd.Flags().IntVar(&cfg.Players, "players", 1, "how many")
	cmd.Flags().Uint64Var(&cfg.Seed, "seed", 1, "decides when in each interval they act")
	return cmd
}

func runBenchPlayers(ctx context.Context, cfg steady.PlayersConfig, in io.Reader, out io.Writer) error {
	defer endReading(ctx, in)()
	return steady.Players(ctx, cfg, in, out)
}
