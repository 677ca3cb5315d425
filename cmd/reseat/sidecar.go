package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/admin"
	"github.com/reseat-proxy/reseat/proxy/certs"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/sidecar"
)

func newSidecar() *cobra.Command {
	var common configFlags
	cmd := &cobra.Command{
		Use:   "sidecar [flags] [-- game [arguments]]",
		Short: "Run a sidecar: it starts a game server, or waits for one, and puts it into the mesh",
		Example: `  reseat sidecar --region arena -- ./my-game --map desert
  reseat sidecar --pool -- ./my-game
  reseat sidecar --region arena --socket unix:/run/reseat/game.sock`,
		Args: afterDash,
	}
	common.add(cmd, "RESEAT_SIDECAR_CONFIG")
	flags := config.SidecarFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, command []string) error {
		cfg, origins, err := config.LoadSidecar(config.Source{Path: common.path, Environ: os.Environ(), Flags: flags})
		if err != nil {
			return err
		}
		if common.print {
			return config.Explain(cmd.OutOrStdout(), cfg, origins)
		}
		if err := checkGame(cfg, command); err != nil {
			return err
		}
		return runSidecar(cmd.Context(), cfg, command, newLogger(cmd.ErrOrStderr(), cfg.Log))
	}
	return cmd
}

// afterDash takes arguments only as the game's command, so that a flag of the
// game is never mistaken for one of ours.
func afterDash(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && cmd.ArgsLenAtDash() != 0 {
		return &usageError{fmt.Errorf("%q is not a flag: put -- before the game's command, as in reseat sidecar --region arena -- %s", args[0], args[0])}
	}
	return nil
}

// checkGame checks that there will be a game to talk to.
func checkGame(cfg *config.Sidecar, command []string) error {
	if len(command) == 0 {
		if cfg.Game.Socket == "" {
			return &usageError{errors.New("no game: start one with -- ./my-game, or say where one will connect with --socket unix:/path")}
		}
		return nil
	}
	if _, err := exec.LookPath(command[0]); err != nil {
		return &usageError{fmt.Errorf("cannot start the game: %w: check the path after --", err)}
	}
	return nil
}

// runSidecar keeps the game in the mesh until ctx ends, then takes it out.
func runSidecar(ctx context.Context, cfg *config.Sidecar, command []string, log *slog.Logger) error {
	if cfg.Game.Socket == "" {
		dir, err := os.MkdirTemp("", "reseat-")
		if err != nil {
			return fmt.Errorf("folder for the game's socket: %w: name one with --socket unix:/path", err)
		}
		defer os.RemoveAll(dir)
		cfg.Game.Socket = "unix:" + filepath.Join(dir, "game.sock")
	}
	settings, err := sidecarConfig(cfg, command, log)
	if err != nil {
		return err
	}
	defer settings.Discovery.Close()
	tracer, stopTracer := newTracer(ctx, "reseat-sidecar", log)
	defer stopTracer()
	settings.Tracer = tracer
	sc, err := sidecar.New(settings)
	if err != nil {
		return err
	}
	log.Info("sidecar starts", "event", "starting", "listen", cfg.Listen, "regions", cfg.Regions, "game", cfg.Game.Socket)
	onAsk(ctx, tellSidecar(sc, cfg.Regions, log))
	stop := announceDrain(ctx, log)
	defer stop()
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := show(gctx, sc, cfg.Admin, settings.Discovery, log); gctx.Err() == nil {
			return err
		}
		return nil
	})
	g.Go(func() error {
		return explainListen(sc.Run(gctx), map[string]string{
			"udp":  "--listen or RESEAT_SIDECAR_LISTEN",
			"tcp":  "--socket or RESEAT_SIDECAR_GAME_SOCKET",
			"unix": "--socket or RESEAT_SIDECAR_GAME_SOCKET",
		})
	})
	return g.Wait()
}

// show serves what the sidecar shows of itself until ctx ends, if it is to.
func show(ctx context.Context, sc *sidecar.Sidecar, cfg config.Shown, client *discovery.Client, log *slog.Logger) error {
	if cfg.Listen == config.Off {
		return nil
	}
	token, tls, err := adminSecrets(cfg.TokenFile, cfg.TLSCert, cfg.TLSKey)
	if err != nil {
		return err
	}
	server, err := admin.NewSidecar(admin.SidecarConfig{
		Listen: cfg.Listen, Token: token, TLS: tls, Pprof: cfg.EnablePprof,
		Sidecar: sc, Source: sc.Mesh(), Consul: client.Stats, Log: log,
	})
	if err != nil {
		return err
	}
	return explainListen(server.Run(ctx), map[string]string{"tcp": "--admin or RESEAT_SIDECAR_ADMIN_LISTEN"})
}

// sidecarConfig turns settings into what a sidecar needs.
func sidecarConfig(cfg *config.Sidecar, command []string, log *slog.Logger) (sidecar.Config, error) {
	server, client, secret, err := sidecarTLS(cfg)
	if err != nil {
		return sidecar.Config{}, err
	}
	disco, err := newDiscovery(cfg.Consul, log)
	if err != nil {
		return sidecar.Config{}, err
	}
	links := linkConfig(cfg.Link)
	var strike func(string, time.Duration)
	if cfg.EnableTestEndpoints {
		network := &link.Severable{Network: link.UDP{}}
		links.Network, strike = network, striker{network, log}.strike
		log.Warn("this server does harm to itself when a tester asks for it", "event", "test_endpoints")
	}
	return sidecar.Config{
		Strike:    strike,
		Name:      cfg.Name,
		Zone:      cfg.Zone,
		Host:      cfg.Host,
		Regions:   cfg.Regions,
		Pool:      cfg.Pool,
		Drain:     cfg.DrainTimeout,
		Listen:    cfg.Listen,
		Advertise: cfg.Advertise,
		Game: sidecar.GameConfig{
			Socket:       cfg.Game.Socket,
			Command:      command,
			BeatTimeout:  cfg.Game.BeatTimeout,
			HelloTimeout: cfg.Game.HelloTimeout,
			RestartMin:   cfg.Game.RestartMin,
			RestartMax:   cfg.Game.RestartMax,
		},
		Snapshot: sidecar.Pace{
			Min:   cfg.Snapshot.MinInterval,
			Max:   cfg.Snapshot.MaxInterval,
			Rate:  int(cfg.Snapshot.BytesPerSecond),
			Bytes: int(cfg.Snapshot.Bytes),
		},
		OutputCommit: sidecar.OutputCommit(cfg.OutputCommit),
		Timing:       timing(cfg.Failover),

		Link:        links,
		ServerTLS:   server,
		ClientTLS:   client,
		ResetSecret: secret,
		Discovery:   disco,
		Log:         log,
	}, nil
}

// timing is the default one with what is configured.
func timing(cfg config.Failover) failover.Timing {
	t := failover.DefaultTiming()
	t.Lag, t.Grace, t.Witness, t.MinEpoch, t.Stagger = cfg.Lag, cfg.Grace, cfg.Witness, cfg.MinEpoch, cfg.Stagger
	t.Recoveries, t.MaxWait, t.Yield = cfg.Recoveries, cfg.MaxWait, cfg.Yield
	return t
}

// sidecarTLS is for links from edges and other sidecars, and for links to the latter.
func sidecarTLS(cfg *config.Sidecar) (server, client *tls.Config, secret []byte, err error) {
	var made certs.Set
	if cfg.LinkTLS == (config.LinkTLS{}) {
		if made, err = certs.Dev(cfg.StateDir); err != nil {
			return nil, nil, nil, err
		}
	}
	files := linkFiles(cfg.LinkTLS, made.Server)
	if server, err = certs.LinkServer(files, certs.RoleEdge, certs.RoleServer); err != nil {
		return nil, nil, nil, err
	}
	if client, err = certs.LinkClient(files, certs.RoleServer); err != nil {
		return nil, nil, nil, err
	}
	secret, err = os.ReadFile(files.Key)
	return server, client, secret, err
}
