package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/certs"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/trace"
)

// configFlags are the flags that edge and sidecar share.
type configFlags struct {
	path  string
	print bool
}

func (f *configFlags) add(cmd *cobra.Command, env string) {
	cmd.Flags().StringVarP(&f.path, "config", "c", "", "YAML file with settings (default $"+env+")")
	cmd.Flags().BoolVar(&f.print, "print-config", false, "print the settings in effect and where each comes from, then exit")
	cmd.Flags().SortFlags = false
}

// newLogger writes records to w as configured.
func newLogger(w io.Writer, cfg config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.Level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// announceDrain logs the first signal. The returned function must be called
// when there is nothing left to drain; it returns when that has been logged.
func announceDrain(ctx context.Context, log *slog.Logger) (stop func()) {
	said := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(said)
		log.Info("stopping in good order, a second signal stops at once", "event", "draining")
	})
	return func() {
		if !cancel() {
			<-said
		}
	}
}

// newTracer is what the environment asks for; a wrong one costs traces, and nothing
// else. The returned function must be called when there is nothing left to trace.
func newTracer(ctx context.Context, service string, log *slog.Logger) (t *trace.Tracer, stop func()) {
	t, stop, err := trace.Setup(ctx, service, log)
	if err != nil {
		log.Warn("failovers are not traced", "event", "traces", "error", err)
	}
	if t != nil {
		log.Info("failovers are traced", "event", "traces", "to", trace.Destination())
	}
	return t, stop
}

func newDiscovery(cfg config.Consul, log *slog.Logger) (*discovery.Client, error) {
	return discovery.New(discovery.Config{
		Address:    cfg.Address,
		TokenFile:  cfg.TokenFile,
		CAFile:     cfg.CAFile,
		Prefix:     cfg.Prefix,
		Service:    cfg.Service,
		CheckTTL:   cfg.CheckTTL,
		SessionTTL: cfg.SessionTTL,
		Timeout:    cfg.Timeout,
	}, log)
}

func linkConfig(cfg config.Link) link.Config {
	return link.Config{Idle: cfg.Idle, KeepAlive: cfg.Keepalive}
}

// linkFiles are the configured certificates, or else those that were made for
// development.
func linkFiles(cfg config.LinkTLS, made certs.Files) certs.Files {
	if cfg == (config.LinkTLS{}) {
		return made
	}
	return certs.Files{CA: cfg.CA, Cert: cfg.Cert, Key: cfg.Key}
}

// explainListen says what to do about an address that cannot be listened on.
// Flags names the flag to change for each kind of network.
func explainListen(err error, flags map[string]string) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "listen" || op.Addr == nil {
		return err
	}
	flag, ours := flags[op.Net]
	if !ours {
		return err
	}
	where := op.Net + " " + op.Addr.String()
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%s is in use by another process: stop it, or choose another address with %s", where, flag)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s is not allowed for this user: choose a port above 1023 with %s", where, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is not an address of this machine: choose another with %s", where, flag)
	default:
		return fmt.Errorf("%w: choose another address with %s", err, flag)
	}
}
