package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/sidecar"
)

// What is configured reaches the sidecar, and what is not keeps its default.
func TestSidecarSettings(t *testing.T) {
	cfg, _, err := config.LoadSidecar(config.Source{Environ: []string{
		"HOME=" + t.TempDir(), "RESEAT_SIDECAR_REGIONS=arena",
		"RESEAT_SIDECAR_OUTPUT_COMMIT=none", "RESEAT_SIDECAR_FAILOVER_LAG=1s", "RESEAT_SIDECAR_FAILOVER_STAGGER=20ms",
	}})
	require.NoError(t, err)
	settings, err := sidecarConfig(cfg, nil, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer settings.Discovery.Close()
	require.Equal(t, sidecar.OutputNone, settings.OutputCommit)
	want := failover.DefaultTiming()
	want.Lag, want.Stagger = time.Second, 20*time.Millisecond
	require.Equal(t, want, settings.Timing)

	plain := config.DefaultSidecar()
	require.Equal(t, failover.DefaultTiming(), timing(plain.Failover))
	require.Equal(t, sidecar.OutputStrict, sidecar.OutputCommit(plain.OutputCommit))
}
