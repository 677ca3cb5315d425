package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newBench() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure, on real processes",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBenchRecovery(), newBenchPeers(), newBenchSteady(), newBenchScale(), newBenchConsul(), newBenchMesh())
	return cmd
}

// errBench: all was run, and the table says what went wrong.
var errBench = errors.New("not all promises were kept, see above")

// results is where benchmarks write to, unless told otherwise.
const results = "bench/results"

// elsewhere are flags that only say where things are, or what is shown.
var elsewhere = []string{"consul", "out", "pprof", "json", "markdown", "show", "verbose"}

// commandLine is the command as one would write it to measure the same again.
func commandLine(cmd *cobra.Command) string {
	line := []string{cmd.CommandPath()}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch {
		case slices.Contains(elsewhere, f.Name):
		case f.Value.Type() == "bool" && f.Value.String() == "true":
			line = append(line, "--"+f.Name)
		default:
			line = append(line, "--"+f.Name+"="+f.Value.String())
		}
	})
	return strings.Join(line, " ")
}
