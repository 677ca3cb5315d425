package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of this program, of Go and of the protocol",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			info, _ := debug.ReadBuildInfo()
			return printVersion(cmd.OutOrStdout(), info)
		},
	}
}

// printVersion takes info as debug.ReadBuildInfo returns it, which may be nil.
func printVersion(w io.Writer, info *debug.BuildInfo) error {
	_, err := fmt.Fprintf(w, "reseat %s\n%s %s/%s\nprotocol %s, version %d\n",
		describe(info), runtime.Version(), runtime.GOOS, runtime.GOARCH, wire.ALPN, wire.Version)
	return err
}

// describe is the module's version, and the commit if it is known.
func describe(info *debug.BuildInfo) string {
	if info == nil {
		return "(unknown version)"
	}
	version := info.Main.Version
	if version == "" {
		version = "(devel)"
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if commit := settings["vcs.revision"]; commit != "" {
		version += " " + commit[:min(12, len(commit))]
		if settings["vcs.modified"] == "true" {
			version += ", modified"
		}
	}
	return version
}
