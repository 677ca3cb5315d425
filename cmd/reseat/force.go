package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
	"github.com/reseat-proxy/reseat/discovery"
)

// forceFlags say which region, and where Consul is.
type forceFlags struct {
	region string
	yes    bool
	consul config.Consul
}

func newForceTakeover() *cobra.Command {
	var f forceFlags
	cmd := &cobra.Command{
		Use:   "force-takeover",
		Short: "Let any server take over a region whose in-sync servers are all gone, at the price of what only they had",
		Long: `A region may only be taken over by a server of its in-sync set: those have every
action that players were told is durable. When all of them are gone for good,
nobody may, and the region waits for one of them or for a person.

This command is that person. It shows the set and who is registered, asks, and
deletes the set: any server of the region takes over then, with the newest
snapshot that an edge keeps. It refuses while a server holds the region.`,
		Example: `  reseat force-takeover --region arena
  reseat force-takeover --region arena --consul 10.0.0.5:8500 --yes`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.region, "region", "", "the region")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	flags.StringVar(&f.consul.Address, "consul", "", "Consul's HTTP address (default $CONSUL_HTTP_ADDR or 127.0.0.1:8500)")
	flags.StringVar(&f.consul.TokenFile, "consul-token-file", "", "file with an ACL token that may write the region's keys")
	flags.StringVar(&f.consul.CAFile, "consul-ca-file", "", "PEM file that Consul's certificate is checked with")
	flags.StringVar(&f.consul.Prefix, "consul-prefix", discovery.DefaultPrefix, "first part of all keys, as in the settings of the sidecars")
	flags.StringVar(&f.consul.Service, "consul-service", discovery.DefaultService, "service of the game servers, as in the settings of the sidecars")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := discovery.CheckName(f.region); err != nil {
			return &usageError{fmt.Errorf("--region: %w", err)}
		}
		return runForceTakeover(cmd.Context(), f, cmd.InOrStdin(), cmd.OutOrStdout(), newLogger(cmd.ErrOrStderr(), config.Log{}))
	}
	return cmd
}

// forcePatience is how long Consul may take to say how the region is.
const forcePatience = 5 * time.Second

func runForceTakeover(ctx context.Context, f forceFlags, stdin io.Reader, stdout io.Writer, log *slog.Logger) error {
	client, err := newDiscovery(f.consul, log)
	if err != nil {
		return &usageError{err}
	}
	defer client.Close()
	view, err := look(ctx, client, f.region)
	if err != nil {
		return err
	}
	describeRegion(stdout, view)
	switch {
	case view.Primary != nil:
		return refuseHeld(view)
	case !view.InSyncKnown:
		fmt.Fprintln(stdout, "\nNothing is to be forced: without a set any server of the region may take over.")
		return nil
	}
	fmt.Fprint(stdout, forceWarning)
	if !f.yes {
		if err := confirm(stdin, stdout, f.region); err != nil {
			return err
		}
	}
	return force(ctx, client, view, stdout, log)
}

// look reads the region once. The first question is one that tells what is wrong
// with Consul, or with our token.
func look(ctx context.Context, client *discovery.Client, region string) (discovery.View, error) {
	ctx, cancel := context.WithTimeout(ctx, forcePatience)
	defer cancel()
	if _, err := client.InSync(ctx, region); err != nil {
		return discovery.View{}, err
	}
	w := client.Watch(region)
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	for {
		select {
		case view := <-w.Views():
			if view.Stale {
				continue
			}
			cancel()
			<-done //nolint:errcheck // it was us who ended it
			return view, nil
		case err := <-done:
			return discovery.View{}, fmt.Errorf("consul does not say how region %s is: %w", region, err)
		}
	}
}

// describeRegion tells a person what Consul says.
func describeRegion(w io.Writer, v discovery.View) {
	fmt.Fprintf(w, "region %s, epoch %d\n", v.Region, v.Epoch)
	if v.Primary != nil {
		fmt.Fprintf(w, "primary: %s\n", calledIn(v, v.Primary.Incarnation))
	} else {
		fmt.Fprintln(w, "primary: none, the lock is free")
	}
	if !v.InSyncKnown {
		fmt.Fprintln(w, "in sync: no set is published")
	} else {
		fmt.Fprintf(w, "in sync: %d\n", len(v.InSync))
	}
	for _, incarnation := range v.InSync {
		fmt.Fprintf(w, "  %s\n", calledIn(v, incarnation))
	}
	fmt.Fprintf(w, "registered: %d\n", len(v.Servers))
	for _, s := range v.Servers {
		in := "not in the set"
		if slices.Contains(v.InSync, s.Incarnation) {
			in = "in the set: it may take over by itself"
		}
		fmt.Fprintf(w, "  %s, %s\n", calledIn(v, s.Incarnation), in)
	}
}

// calledIn is what people call an incarnation, and whether it is there.
func calledIn(v discovery.View, incarnation string) string {
	s, registered := v.Server(incarnation)
	switch {
	case incarnation == "":
		return "a server that is not known"
	case !registered:
		return incarnation + " (gone)"
	case !s.Passing:
		return fmt.Sprintf("%s (%s at %s, does not answer)", incarnation, s.Name, s.Address)
	}
	return fmt.Sprintf("%s (%s at %s)", incarnation, s.Name, s.Address)
}

func refuseHeld(v discovery.View) error {
	return fmt.Errorf("region %s is held by %s in epoch %d, nothing was changed: a server that is dead loses it by itself within consul.check_ttl",
		v.Region, calledIn(v, v.Primary.Incarnation), v.Primary.Epoch)
}

const forceWarning = `
Only the servers of the set have every action that players were told is durable.
When it is deleted, another one takes over with the newest snapshot that an edge
keeps. Durable actions that are newer are lost, and if no edge keeps one, the
region begins anew. Each player of whom anything is lost is told which actions, and
its session ends with the code lost. If a server of the set can be brought back as
a process that still runs (frozen, cut off), do that instead.
`

var errNotConfirmed = errors.New("not confirmed, nothing was changed")

// confirm asks for the region's name: nobody types that by mistake.
func confirm(stdin io.Reader, stdout io.Writer, region string) error {
	fmt.Fprintf(stdout, "\nType the region's name to go on: ")
	line, err := bufio.NewReader(stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %w", errNotConfirmed, err)
	}
	if strings.TrimSpace(line) != region {
		return errNotConfirmed
	}
	return nil
}

func force(ctx context.Context, client *discovery.Client, seen discovery.View, stdout io.Writer, log *slog.Logger) error {
	was, err := client.ForceOpen(ctx, seen.Region)
	switch {
	case errors.Is(err, discovery.ErrHeld):
		return fmt.Errorf("somebody took the region over meanwhile, nothing was changed: %w", err)
	case errors.Is(err, discovery.ErrRaced):
		return fmt.Errorf("the set changed meanwhile, nothing was changed: look again: %w", err)
	case errors.Is(err, discovery.ErrUnavailable):
		return fmt.Errorf("whether the set was deleted is not known: run this again: %w", err)
	case err != nil:
		return err
	}
	log.Warn("take-over forced", "event", "forced", "region", seen.Region, "epoch", seen.Epoch,
		"members", was.Members, "version", uint64(was.Version))
	fmt.Fprintf(stdout, "\nThe in-sync set of %s is deleted.", seen.Region)
	if len(seen.Servers) == 0 {
		fmt.Fprintln(stdout, " No server is registered for the region: start one.")
		return nil
	}
	fmt.Fprintln(stdout, " One of the registered servers takes over when an edge has shown what it keeps.")
	return nil
}
