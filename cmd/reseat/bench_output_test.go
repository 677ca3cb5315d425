package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/measure"
)

// figure is a result of one number.
type figure struct {
	Value int `json:"value"`
}

func (f *figure) Print(w io.Writer, markdown bool) error {
	_, err := fmt.Fprintf(w, "value %d, as Markdown: %v\n", f.Value, markdown)
	return err
}

func (f *figure) Save(folder, name string) error { return measure.Save(folder, name, f) }

// measured runs a benchmark whose result is the value of --load.
func measured(t *testing.T, failed error, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var f struct {
		load   int
		output output
	}
	cmd := &cobra.Command{Use: "test", SilenceErrors: true, SilenceUsage: true}
	cmd.Flags().IntVar(&f.load, "load", 9, "")
	f.output.addQuick(cmd, "", map[string]string{"load": "1"})
	f.output.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return f.output.run(cmd, "test", 1, func(context.Context, *measure.Run) (result, error) {
			if f.load == 0 {
				return nil, failed
			}
			return &figure{f.load}, failed
		})
	}
	var out, log bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&log)
	err = cmd.ExecuteContext(t.Context())
	if failed == nil && errors.Is(err, measure.ErrLoaded) {
		err = nil // none of this test's business
	}
	return out.String(), log.String(), err
}

func TestBenchOutput(t *testing.T) {
	dir := t.TempDir()
	out, log, err := measured(t, nil, "--markdown", "--out", dir)
	require.NoError(t, err)
	require.Equal(t, "value 9, as Markdown: true\n", out)
	require.Equal(t, "results and plots are in "+dir+"/test*\n", log)
	require.FileExists(t, dir+"/test.json")

	out, log, err = measured(t, nil, "--quick", "--json", "--out", dir)
	require.NoError(t, err)
	require.Equal(t, "{\n\t\"value\": 1\n}\n", out)
	require.Contains(t, log, "value 1, as Markdown: false\n")
	require.FileExists(t, dir+"/test-quick.json")

	out, log, err = measured(t, errBench, "--quick", "--load=3", "--out=")
	require.ErrorIs(t, err, errBench, "it is shown, and told")
	require.Equal(t, "value 3, as Markdown: false\n", out)
	require.Empty(t, log)

	out, _, err = measured(t, errBench, "--load=0", "--out", dir)
	require.ErrorIs(t, err, errBench)
	require.Empty(t, out, "there is nothing to show")
}
