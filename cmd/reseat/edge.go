package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/cmd/reseat/config"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/certs"
)

func newEdge() *cobra.Command {
	var common configFlags
	cmd := &cobra.Command{
		Use:   "edge",
		Short: "Run an edge: players connect to it, it keeps their actions and follows the primaries",
		Example: `  reseat edge --listen 127.0.0.1:7777 --region arena
  reseat edge --config /etc/reseat/edge.yaml`,
		Args: noArguments,
	}
	common.add(cmd, "RESEAT_EDGE_CONFIG")
	flags := config.EdgeFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, origins, err := config.LoadEdge(config.Source{Path: common.path, Environ: os.Environ(), Flags: flags})
		if err != nil {
			return err
		}
		if common.print {
			return config.Explain(cmd.OutOrStdout(), cfg, origins)
		}
		return runEdge(cmd.Context(), cfg, newLogger(cmd.ErrOrStderr(), cfg.Log))
	}
	return cmd
}

// runEdge serves players until ctx ends, then drains.
func runEdge(ctx context.Context, cfg *config.Edge, log *slog.Logger) error {
	settings, err := edgeConfig(cfg, log)
	if err != nil {
		return err
	}
	defer settings.Discovery.Close()
	tracer, stopTracer := newTracer(ctx, "reseat-edge", log)
	defer stopTracer()
	settings.Tracer = tracer
	edge, err := proxy.NewEdge(settings)
	if err != nil {
		return err
	}
	onAsk(ctx, tellEdge(edge, cfg.Regions, log))
	stop := announceDrain(ctx, log)
	defer stop()
	beside := &control{cfg: cfg, edge: edge, client: settings.Discovery, tracer: tracer, log: log}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := beside.run(gctx); gctx.Err() == nil {
			return err
		}
		return nil
	})
	g.Go(func() error {
		return explainListen(edge.Run(gctx), map[string]string{"udp": "--listen or RESEAT_EDGE_LISTEN"})
	})
	return g.Wait()
}

// edgeConfig turns settings into what an edge needs. It reads, and on the first
// run makes, keys and certificates.
func edgeConfig(cfg *config.Edge, log *slog.Logger) (proxy.Config, error) {
	players, links, err := edgeTLS(cfg, log)
	if err != nil {
		return proxy.Config{}, err
	}
	keys, err := proxy.LoadKeys(cfg.KeysFile)
	if err != nil {
		return proxy.Config{}, err
	}
	client, err := newDiscovery(cfg.Consul, log)
	if err != nil {
		return proxy.Config{}, err
	}
	return proxy.Config{
		Name:      cfg.Name,
		Regions:   cfg.Regions,
		Critical:  cfg.Mesh.Critical,
		Listen:    cfg.Listen,
		PlayerTLS: players,
		Keys:      keys,
		Limits: buffer.Limits{
			Actions:       cfg.Limits.Actions,
			Bytes:         int(cfg.Limits.Bytes),
			Age:           cfg.Limits.Age,
			ActionBytes:   int(cfg.Limits.ActionBytes),
			RegionBytes:   int(cfg.Limits.RegionBytes),
			SnapshotBytes: int(cfg.Limits.SnapshotBytes),
		},
		Players:   cfg.Limits.Players,
		Handshake: float64(cfg.Limits.HandshakeRate),
		Link:      linkConfig(cfg.Link),
		LinkTLS:   links,
		Drain:     cfg.DrainTimeout,
		Discovery: client,
		Log:       log,
	}, nil
}

// edgeTLS is what players see, and what the edge shows to sidecars.
func edgeTLS(cfg *config.Edge, log *slog.Logger) (players, links *tls.Config, err error) {
	var made certs.Set
	if cfg.TLS == (config.TLS{}) || cfg.LinkTLS == (config.LinkTLS{}) {
		if made, err = certs.Dev(cfg.StateDir); err != nil {
			return nil, nil, err
		}
	}
	public := certs.Files{Cert: cfg.TLS.Cert, Key: cfg.TLS.Key}
	if cfg.TLS == (config.TLS{}) {
		public = made.Public
		log.Warn("players see a certificate for development, which they must be given the CA of", "event", "dev_tls", "ca", public.CA)
	}
	if players, err = certs.PlayerServer(public); err != nil {
		return nil, nil, err
	}
	links, err = certs.LinkClient(linkFiles(cfg.LinkTLS, made.Edge), certs.RoleServer)
	return players, links, err
}
