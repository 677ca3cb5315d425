package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/proxy/admin"
)

// statusEvery is how often reseat status --watch looks.
const statusEvery = time.Second

type statusFlags struct {
	admin adminFlags
	watch bool
	json  bool
}

func newStatus() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the mesh as an edge knows it: level, coverage, regions, servers, failovers",
		Long: `Asks the admin API of an edge for everything at one moment and draws it. Players,
kept actions and failovers are as that edge sees them; who is primary, who is in
sync and who is to be drained is what Consul says.`,
		Example: `  reseat status
  reseat status --watch
  reseat status --admin https://edge-1.internal:7700 --token-file /etc/reseat/admin-token
  reseat status --json | jq '.regions[] | select(.state != "serving")'`,
		Args: noArguments,
	}
	f.admin.add(cmd)
	cmd.Flags().BoolVar(&f.watch, "watch", false, "draw it again every second")
	cmd.Flags().BoolVar(&f.json, "json", false, "the API's answer; with --watch, one a line")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		client, err := f.admin.client()
		if err != nil {
			return err
		}
		defer client.Close()
		if f.watch {
			return watchStatus(cmd.Context(), client, f.json, cmd.OutOrStdout())
		}
		return showStatus(cmd.Context(), client, f.json, cmd.OutOrStdout())
	}
	return cmd
}

func showStatus(ctx context.Context, client *admin.Client, asJSON bool, w io.Writer) error {
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if !asJSON {
		drawStatus(w, s)
		return nil
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(s)
}

// watchStatus shows it again and again until ctx ends. That the edge does not answer
// is shown, too: it may be the one that is restarted.
func watchStatus(ctx context.Context, client *admin.Client, asJSON bool, w io.Writer) error {
	tick := time.NewTicker(statusEvery)
	defer tick.Stop()
	for {
		s, err := client.Status(ctx)
		var page bytes.Buffer
		switch {
		case ctx.Err() != nil:
			return nil
		case asJSON && err == nil:
			_ = json.NewEncoder(&page).Encode(s)
		case asJSON:
			return err // half of the lines would be missing
		default:
			page.WriteString(home(w))
			if err != nil {
				fmt.Fprintf(&page, "%v\n", err)
			} else {
				drawStatus(&page, s)
			}
		}
		if _, err := w.Write(page.Bytes()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// home clears a terminal. What is not one gets an empty line between pages.
func home(w io.Writer) string {
	if file, ok := w.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return "\x1b[H\x1b[2J\x1b[3J"
		}
	}
	return "\n"
}
