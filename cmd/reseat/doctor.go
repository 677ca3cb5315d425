package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
	"github.com/reseat-proxy/reseat/cmd/reseat/doctor"
)

type doctorFlags struct {
	path    string
	sidecar bool
	json    bool
}

func newDoctor() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what keeps an edge or a sidecar from working here, and say what to do",
		Long: `Checks, with the settings of an edge (or, with --sidecar, of a sidecar): Consul, its
version and clock, each right of the token, those included without which Consul
answers less in silence; ports, certificates, UDP buffers, open files, CPU quota.
Run it as the user, and where possible in the unit, of the process itself.

The exit code is 1 if a check fails. Nothing is changed.`,
		Example: `  reseat doctor -c /etc/reseat/edge.yaml
  reseat doctor --sidecar -c /etc/reseat/sidecar.yaml --json`,
		Args: noArguments,
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.path, "config", "c", "", "YAML file with settings (default $RESEAT_EDGE_CONFIG or, with --sidecar, $RESEAT_SIDECAR_CONFIG)")
	flags.BoolVar(&f.sidecar, "sidecar", false, "check for a sidecar")
	flags.BoolVar(&f.json, "json", false, "findings as JSON")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return runDoctor(cmd.Context(), f, os.Environ(), cmd.OutOrStdout())
	}
	return cmd
}

func runDoctor(ctx context.Context, f doctorFlags, environ []string, w io.Writer) error {
	patient, findings := f.patient(environ)
	if patient.Consul != nil {
		defer patient.Consul.Close()
	}
	findings = append(findings, doctor.Examine(ctx, patient)...)
	if f.json {
		if err := doctor.WriteJSON(w, findings); err != nil {
			return err
		}
	} else {
		doctor.Write(w, findings)
	}
	if n := doctor.Failed(findings); n > 0 {
		return fmt.Errorf("%d of %d checks fail", n, len(findings))
	}
	return nil
}

// patient loads the settings. What is wrong with them is a finding; the machine is
// looked at all the same.
func (f doctorFlags) patient(environ []string) (p doctor.Patient, findings []doctor.Finding) {
	source := config.Source{Path: f.path, Environ: environ}
	var consul config.Consul
	var err error
	if f.sidecar {
		if p.Sidecar, _, err = config.LoadSidecar(source); err == nil {
			consul = p.Sidecar.Consul
		}
	} else if p.Edge, _, err = config.LoadEdge(source); err == nil {
		consul = p.Edge.Consul
	}
	findings = doctor.Settings(err, cmp.Or(f.path, "from the environment and defaults"))
	if err != nil {
		return p, findings
	}
	client, err := newDiscovery(consul, slog.New(slog.DiscardHandler))
	if err != nil {
		return p, append(findings, doctor.Settings(err, "")...)
	}
	p.Consul = client
	return p, findings
}
