package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/proxy/admin"
)

// steerEvery is how often a command that waits looks.
const steerEvery = 250 * time.Millisecond

// steerFlags are those of commands that ask for something and may wait for it.
type steerFlags struct {
	admin   adminFlags
	wait    bool
	timeout time.Duration
}

func (f *steerFlags) add(cmd *cobra.Command) {
	f.admin.add(cmd)
	cmd.Flags().BoolVar(&f.wait, "wait", false, "return when it is done")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 5*time.Minute, "with --wait, the longest time")
}

func newDrain() *cobra.Command {
	var f steerFlags
	var undo bool
	cmd := &cobra.Command{
		Use:   "drain SERVER",
		Short: "Empty a game server: its regions move to others, and it gets no new ones",
		Long: `Asks the mesh to empty a server, which is called by its name or its incarnation.
Each region that it leads is handed over to a backup in sync, when another backup
stands in for it; no player is disconnected and no action is lost. It then has
nothing left and may be stopped. --undo takes the request back.`,
		Example: `  reseat drain game-3 --wait && systemctl stop reseat-sidecar
  reseat drain game-3 --undo`,
		Args: arguments("SERVER"),
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&undo, "undo", false, "do not empty it any more")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if undo && f.wait {
			return &usageError{fmt.Errorf("--undo is done at once: leave --wait out")}
		}
		client, err := f.admin.client()
		if err != nil {
			return err
		}
		defer client.Close()
		return runDrain(cmd.Context(), client, f, admin.DrainRequest{Server: args[0], Undo: undo}, cmd.OutOrStdout())
	}
	return cmd
}

func runDrain(ctx context.Context, client *admin.Client, f steerFlags, req admin.DrainRequest, w io.Writer) error {
	r, err := client.Drain(ctx, req)
	if err != nil {
		return err
	}
	if req.Undo {
		fmt.Fprintf(w, "%s (%s) is not to be emptied any more\n", r.Server, r.Incarnation)
		return nil
	}
	fmt.Fprintf(w, "%s (%s) is being emptied\n", r.Server, r.Incarnation)
	if !f.wait {
		return nil
	}
	return await(ctx, client, f.timeout, w, func(s admin.Status) (string, bool, error) { return drained(s, r) })
}

// drained says how far a drain is.
func drained(s admin.Status, r admin.DrainReply) (text string, done bool, err error) {
	i := slices.IndexFunc(s.Servers, func(one admin.ServerStatus) bool { return one.Incarnation == r.Incarnation })
	if i < 0 {
		return r.Server + " is gone", true, nil
	}
	switch one := s.Servers[i]; {
	case one.Drained:
		return r.Server + " is empty: it may be stopped", true, nil
	case len(one.PrimaryOf) > 0:
		return fmt.Sprintf("%s still leads %s", r.Server, strings.Join(one.PrimaryOf, ", ")), false, nil
	case len(one.BackupOf) > 0:
		return fmt.Sprintf("%s still backs %s", r.Server, strings.Join(one.BackupOf, ", ")), false, nil
	}
	return r.Server + " is about to be emptied", false, nil
}

func newMove() *cobra.Command {
	var f steerFlags
	cmd := &cobra.Command{
		Use:   "move REGION SERVER",
		Short: "Let another game server lead a region",
		Long: `Asks the mesh to let a server lead a region. If it is not in sync yet it gets a
copy of the state first; then the primary hands over. No player is disconnected and
no action is lost.`,
		Example: `  reseat move arena game-2 --wait`,
		Args:    arguments("REGION", "SERVER"),
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := f.admin.client()
		if err != nil {
			return err
		}
		defer client.Close()
		return runMove(cmd.Context(), client, f, admin.MoveRequest{Region: args[0], To: args[1]}, cmd.OutOrStdout())
	}
	return cmd
}

func runMove(ctx context.Context, client *admin.Client, f steerFlags, req admin.MoveRequest, w io.Writer) error {
	r, err := client.Move(ctx, req)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s is to be led by %s (%s)\n", r.Region, r.To, r.Incarnation)
	if !f.wait {
		return nil
	}
	return await(ctx, client, f.timeout, w, func(s admin.Status) (string, bool, error) { return moved(s, r) })
}

// moved says how far a move is.
func moved(s admin.Status, r admin.MoveReply) (text string, done bool, err error) {
	i := slices.IndexFunc(s.Regions, func(one admin.RegionStatus) bool { return one.Name == r.Region })
	if i < 0 {
		return "", false, fmt.Errorf("region %s is gone", r.Region)
	}
	region := s.Regions[i]
	switch {
	case region.Primary != nil && region.Primary.Incarnation == r.Incarnation && region.State == admin.Serving:
		return fmt.Sprintf("%s is led by %s, epoch %d", r.Region, r.To, region.Epoch), true, nil
	case !slices.ContainsFunc(s.Servers, func(one admin.ServerStatus) bool { return one.Incarnation == r.Incarnation && one.Passing }):
		return "", false, fmt.Errorf("%s has failed: %s is not moved to it", r.To, r.Region)
	case slices.Contains(region.InSync, r.To):
		return r.To + " is in sync, and takes over", false, nil
	}
	return r.To + " copies the state", false, nil
}

// await looks until what was asked for is done, and tells each change.
func await(ctx context.Context, client *admin.Client, timeout time.Duration, w io.Writer, look func(admin.Status) (string, bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(steerEvery)
	defer tick.Stop()
	said := ""
	for {
		s, err := client.Status(ctx)
		if err == nil {
			text, done, err := look(s)
			if err != nil {
				return err
			}
			if text != said {
				fmt.Fprintln(w, text)
				said = text
			}
			if done {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
				return errors.New("interrupted: what was asked for goes on without this command, see reseat status")
			}
			return fmt.Errorf("not done within %v (%s): it goes on without this command, see reseat status", timeout, said)
		case <-tick.C:
		}
	}
}
