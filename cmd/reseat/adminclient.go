package main

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/reseat-proxy/reseat/proxy/admin"
	"github.com/reseat-proxy/reseat/proxy/certs"
)

// adminFlags say which edge's API to ask, and what to show it.
type adminFlags struct{ url, tokenFile, caFile string }

func (f *adminFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.url, "admin", "", "URL of an edge's admin API (default $RESEAT_ADMIN or http://"+admin.DefaultListen+")")
	flags.StringVar(&f.tokenFile, "token-file", "", "file with the token that it asks for (default $RESEAT_ADMIN_TOKEN_FILE)")
	flags.StringVar(&f.caFile, "ca-file", "", "PEM file that its certificate is checked with (default: the system's)")
}

// client asks the API that the flags, or else the environment, name.
func (f *adminFlags) client() (*admin.Client, error) {
	url, file := f.url, f.tokenFile
	if url == "" {
		url = os.Getenv("RESEAT_ADMIN")
	}
	if url == "" {
		url = "http://" + admin.DefaultListen
	}
	if file == "" {
		file = os.Getenv("RESEAT_ADMIN_TOKEN_FILE")
	}
	var token string
	var trust *tls.Config
	var err error
	if file != "" {
		if token, err = admin.ReadToken(file); err != nil {
			return nil, &usageError{err}
		}
	}
	if f.caFile != "" {
		if trust, err = certs.PlayerClient(f.caFile); err != nil {
			return nil, &usageError{err}
		}
	}
	client, err := admin.NewClient(url, token, trust)
	if err != nil {
		return nil, &usageError{err}
	}
	return client, nil
}

// arguments refuses a command line without exactly these.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		use := cmd.CommandPath()
		return &usageError{fmt.Errorf("write %s %s: see %s --help", use, strings.Join(names, " "), use)}
	}
}
