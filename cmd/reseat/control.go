package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/failover/mesh/hook"
	"github.com/reseat-proxy/reseat/failover/mesh/launch"
	"github.com/reseat-proxy/reseat/failover/mesh/notify"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/admin"
	"github.com/reseat-proxy/reseat/proxy/admin/page"
	"github.com/reseat-proxy/reseat/proxy/certs"
	"github.com/reseat-proxy/reseat/proxy/controller"
	"github.com/reseat-proxy/reseat/proxy/trace"
)

// control is what an edge has besides its players: a part in the controller of the
// mesh, and the API. Players do not depend on either.
type control struct {
	cfg    *config.Edge
	edge   *proxy.Edge
	client *discovery.Client
	tracer *trace.Tracer // of failovers; may be nil
	log    *slog.Logger
	runner *controller.Runner
}

// run runs both as long as the edge does.
func (c *control) run(ctx context.Context) error {
	addr, err := c.edge.Addr(ctx)
	if err != nil {
		return nil //nolint:nilerr // it could not listen, and says so itself
	}
	ln, err := c.listen(ctx)
	if err != nil {
		return err
	}
	if c.runner, err = c.newRunner(addr, ln); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	if ln != nil {
		api, err := c.newAPI(ln)
		if err != nil {
			_ = ln.Close()
			return err
		}
		g.Go(func() error { return api.Run(ctx) })
		g.Go(func() error { return c.relay(ctx, api) })
	}
	g.Go(func() error { return c.report(ctx) })
	g.Go(func() error { return c.runner.Run(ctx) })
	return g.Wait()
}

// listen opens the address of the API; nil: there is none. The default is for one
// edge on a machine: the next ones go without.
func (c *control) listen(ctx context.Context) (net.Listener, error) {
	if c.cfg.Admin.Listen == config.Off {
		return nil, nil
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", c.cfg.Admin.Listen)
	if errors.Is(err, syscall.EADDRINUSE) && c.cfg.Admin.Listen == admin.DefaultListen {
		c.log.Warn("another process listens where the admin API would be: this edge goes without; give it another address with --admin",
			"event", "no_admin", "addr", c.cfg.Admin.Listen)
		return nil, nil
	}
	return ln, explainListen(err, map[string]string{"tcp": "--admin or RESEAT_EDGE_ADMIN_LISTEN"})
}

func (c *control) newRunner(addr net.Addr, ln net.Listener) (*controller.Runner, error) {
	me := discovery.EdgeServer{
		Incarnation: c.edge.Status().Incarnation, Name: c.cfg.Name, Address: c.reachable(addr), Regions: c.cfg.Regions,
	}
	if ln != nil {
		me.Admin = c.cfg.Admin.URL(ln.Addr())
	}
	launcher, err := newLauncher(c.cfg.Mesh.Launch)
	if err != nil {
		return nil, err
	}
	sinks := []notify.Sink{notify.Log{To: c.log}}
	if url := c.cfg.Mesh.AlertURL; url != "" {
		sink, err := notify.NewWebhook(hook.Config{URL: url, TokenFile: c.cfg.Mesh.AlertTokenFile}, c.cfg.Name, c.log)
		if err != nil {
			return nil, fmt.Errorf("mesh.alert_url: %w", err)
		}
		sinks = append(sinks, sink)
	}
	return controller.New(controller.Config{
		Edge: me, Discovery: c.client, Source: c.edge.Mesh(), Mesh: c.cfg.Controller(), Follow: !c.cfg.Mesh.Controller, Tracer: c.tracer,
		Launcher: launcher, Sinks: sinks, Log: c.log,
	})
}

// reachable is an address under which players may reach the edge: of one that
// listens on all addresses, this machine's name.
func (c *control) reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		host = c.cfg.Host
	}
	return net.JoinHostPort(host, port)
}

// newLauncher is what starts servers, or nil.
func newLauncher(cfg config.Launch) (launch.Launcher, error) {
	switch {
	case len(cfg.Exec) > 0:
		return launch.NewExec(launch.ExecConfig{Command: cfg.Exec})
	case cfg.URL != "":
		return launch.NewWebhook(hook.Config{URL: cfg.URL, TokenFile: cfg.TokenFile})
	case cfg.NomadURL != "":
		return launch.NewNomad(launch.NomadConfig{
			Hook: hook.Config{URL: cfg.NomadURL, TokenFile: cfg.TokenFile},
			Job:  cfg.NomadJob, Group: cfg.NomadGroup, Max: cfg.NomadMax,
		})
	}
	return nil, nil
}

func (c *control) newAPI(ln net.Listener) (*admin.Server, error) {
	cfg := admin.Config{
		Listen: ln.Addr().String(), Listener: ln, Pprof: c.cfg.Admin.EnablePprof, Test: c.cfg.Admin.EnableTestEndpoints,
		Source: c.edge.Mesh(), Edge: c.edge, Controller: c.runner,
		Edges: c.client.Edges, Consul: c.client.Stats, Work: c.runner.Stats, Tester: steering{c.runner}, Faults: faults{c.client},
		Page: page.Handler(), Log: c.log,
	}
	var err error
	if cfg.Token, cfg.TLS, err = adminSecrets(c.cfg.Admin.TokenFile, c.cfg.Admin.TLSCert, c.cfg.Admin.TLSKey); err != nil {
		return nil, err
	}
	return admin.New(cfg)
}

// adminSecrets are what the section admin names: the token, and what is shown; zero
// where it names nothing.
func adminSecrets(tokenFile, cert, key string) (token string, shown *tls.Config, err error) {
	if tokenFile != "" {
		if token, err = admin.ReadToken(tokenFile); err != nil {
			return "", nil, err
		}
	}
	if cert != "" {
		if shown, err = certs.PlayerServer(certs.Files{Cert: cert, Key: key}); err != nil {
			return "", nil, fmt.Errorf("admin.tls_cert: %w", err)
		}
	}
	return token, shown, nil
}

// relay tells the readers of the API what the controller has done and Consul does
// not show, until ctx ends.
func (c *control) relay(ctx context.Context, api *admin.Server) error {
	events, stop := c.runner.Events()
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case ev := <-events:
			passOn(api, ev)
		}
	}
}

func passOn(api *admin.Server, ev controller.Event) {
	out := admin.Event{At: ev.At, Region: ev.Region, Server: api.NameOf(ev.Server), Incarnation: ev.Server, Detail: ev.Detail}
	switch ev.Kind {
	case controller.KindAlert:
		api.TellAlert(*ev.Alert)
		return
	case controller.KindMoveFailed:
		out.Type, out.Reason = admin.EventMove, "failed"
	case controller.KindDrained:
		out.Type, out.Reason = admin.EventDrain, "done"
	case controller.KindLaunch:
		out.Type, out.Severity, out.Reason = admin.EventAlert, string(mesh.Info), "launch"
	case controller.KindLaunchFailed:
		out.Type, out.Severity, out.Reason = admin.EventAlert, string(mesh.Warning), "launch_failed"
	default:
		return // the Mesh says it to every edge
	}
	api.Tell(out)
}

// reportEvery is how often the controller hears how busy regions are. Their scores
// change less often than that.
const reportEvery = time.Second

// report tells the controller of the regions' loads until ctx ends.
func (c *control) report(ctx context.Context) error {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			for region, load := range c.edge.Loads() {
				kept := int(c.edge.Kept(region).Kept)
				c.runner.Report(region, mesh.Load{Players: int(load.Players), Kept: kept, Pressure: load.Pressed})
			}
		}
	}
}

// steering is the controller as the API asks it.
type steering struct{ *controller.Runner }

// Want implements admin.Tester.
func (s steering) Want(ctx context.Context, regions []admin.WantedRegion) error {
	for _, r := range regions {
		if err := s.Runner.Want(ctx, r.Name, r.Critical); err != nil {
			return err
		}
	}
	return nil
}

// faults asks servers that are under test to do harm to themselves.
type faults struct{ client *discovery.Client }

// Strike implements admin.Faults.
func (f faults) Strike(ctx context.Context, server, kind string, d time.Duration) error {
	return f.client.SetStrike(ctx, server, &discovery.Strike{Kind: kind, Millis: uint64(d.Milliseconds()), At: time.Now().UTC()})
}
