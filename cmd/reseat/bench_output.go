package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/bench/measure"
)

// result is what a benchmark has measured.
type result interface {
	// Print writes it for people, or as a README has it.
	Print(w io.Writer, markdown bool) error
	// Save writes it into a folder, as JSON and as plots. All names begin with name.
	Save(folder, name string) error
}

// output is what benchmarks do alike: where their results go, under which name, and
// what is shown meanwhile.
type output struct {
	json     bool
	markdown bool
	folder   string
	quick    bool
	verbose  bool

	hurried map[string]string // by --quick: flags that were not set, and their values
}

// add adds the flags that all benchmarks have.
func (o *output) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&o.json, "json", false, "print the result as JSON; the tables go to standard error")
	flags.BoolVar(&o.markdown, "markdown", false, "print the tables as Markdown")
	flags.StringVar(&o.folder, "out", results, "folder for the result and its plots; empty: none are written")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "show the logs of all processes on standard error")
	cmd.PreRunE = o.complete
}

// addQuick adds --quick, which gives other flags these values where they are not set.
func (o *output) addQuick(cmd *cobra.Command, usage string, values map[string]string) {
	o.hurried = values
	cmd.Flags().BoolVar(&o.quick, "quick", false, usage)
}

// complete fits the flags to each other.
func (o *output) complete(cmd *cobra.Command, _ []string) error {
	if o.json && o.markdown {
		return &usageError{errors.New("--json and --markdown: leave one of them out")}
	}
	if !o.quick {
		return nil
	}
	for name, value := range o.hurried {
		if f := cmd.Flags().Lookup(name); !f.Changed {
			if err := f.Value.Set(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// echo is where the logs of all processes go; nil: nowhere.
func (o *output) echo(cmd *cobra.Command) io.Writer {
	if o.verbose {
		return cmd.ErrOrStderr()
	}
	return nil
}

// run runs a benchmark and publishes its result under a name. of returns none if there
// is nothing to publish. Whatever it says went wrong is told after the result, and that
// the machine was too busy meanwhile.
func (o *output) run(cmd *cobra.Command, name string, seed uint64, of func(context.Context, *measure.Run) (result, error)) error {
	run := measure.Begin(commandLine(cmd), seed)
	r, err := of(cmd.Context(), run)
	void := run.End()
	switch {
	case cmd.Context().Err() != nil:
		return errInterrupted
	case r == nil:
		return err
	}
	return errors.Join(err, void, o.publish(r, name, cmd.OutOrStdout(), cmd.ErrOrStderr()))
}

// publish writes a result to wherever it is wanted.
func (o *output) publish(r result, name string, stdout, stderr io.Writer) error {
	tables := stdout
	if o.json {
		tables = stderr
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "\t")
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	if err := r.Print(tables, o.markdown); err != nil || o.folder == "" {
		return err
	}
	if o.quick { // it does not replace the rest
		name += "-quick"
	}
	if err := r.Save(o.folder, name); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "results and plots are in %s/%s*\n", o.folder, name)
	return nil
}
