// Command reseat keeps players in the game when the game server dies: it is the
// edge in front of the players and the sidecar beside each game server.
//
// Exit codes: 0 for an end in good order, 1 for a failure, 2 for wrong usage or
// a wrong configuration. The first SIGINT or SIGTERM drains, the second kills.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // from now on a signal does what it does by default
	letGarbageLie()
	lookInto(ctx, os.Args[1:], os.Stderr)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	report(os.Stderr, err)
	os.Exit(exitCode(err))
}

// run carries out one command line and returns when all that it started is gone.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	root := newRoot() //nolint:contextcheck // commands take ctx from cobra
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return root.ExecuteContext(ctx)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "reseat",
		Short:         "Keeps players in the game when the game server dies",
		SilenceUsage:  true, // an error is one line; --help is there for the rest
		SilenceErrors: true,

		SuggestionsMinimumDistance: 2,
		Args:                       knownCommand,
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w: see %s --help", err, cmd.CommandPath())}
	})
	root.AddCommand(newEdge(), newSidecar(), newStatus(), newDrain(), newMove(), newDoctor(), newForceTakeover(), newDemo(), newChaos(), newBench(), newVersion(),
		newDemoRegistry(), newDemoGame(), newDemoBots(), newBenchEcho(), newBenchRelay(), newBenchGame(), newBenchPlayers(), newPeersGame(), newPeersPlayers())
	return root
}

// knownCommand is reached with arguments only if the first is no command.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see reseat --help"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return &usageError{fmt.Errorf("%q is not a command: %s", args[0], hint)}
}

// noArguments refuses what follows the flags.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return &usageError{fmt.Errorf("%s takes no arguments, but got %q: see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())}
}

// usageError is a command line that cannot be carried out.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }

func (e *usageError) Unwrap() error { return e.err }

func exitCode(err error) int {
	var (
		usage   *usageError
		setting *config.SettingError
	)
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage), errors.As(err, &setting):
		return 2
	default:
		return 1
	}
}

// report writes an error, each of its lines on its own.
func report(w io.Writer, err error) {
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintf(w, "reseat: %s\n", strings.TrimSuffix(line, "\n"))
	}
}

// program finds what is started as another process of ours: this program.
var program = func() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("this program is started again, and cannot be found: %w", err)
	}
	return path, nil
}

// errInterrupted is of a run that somebody has ended.
var errInterrupted = errors.New("interrupted")
