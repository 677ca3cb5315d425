package mesh

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDefaultsAreValid(t *testing.T) {
	cfg := DefaultConfig()
	require.NoError(t, cfg.Validate())
	cfg.Launch.AtOnce = 2
	require.NoError(t, cfg.Validate())
	cfg.Backups = 0
	require.NoError(t, cfg.Validate())
}

func TestContradictions(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"backups is 9: give 0 to 8":                          func(c *Config) { c.Backups = 9 },
		"backups is -1":                                      func(c *Config) { c.Backups = -1 },
		"patience is 0s: it must be positive":                func(c *Config) { c.Patience = 0 },
		"gather is -1s":                                      func(c *Config) { c.Gather = -time.Second },
		"settle is 0s":                                       func(c *Config) { c.Settle = 0 },
		"trim is 0s":                                         func(c *Config) { c.Trim = 0 },
		"score_every is 0s":                                  func(c *Config) { c.ScoreEvery = 0 },
		"alert_every is 0s":                                  func(c *Config) { c.AlertEvery = 0 },
		"degrade.window is 0s":                               func(c *Config) { c.Degrade.Window = 0 },
		"degrade.dwell is 0s":                                func(c *Config) { c.Degrade.Dwell = 0 },
		"degrade.retry_after is 0s":                          func(c *Config) { c.Degrade.RetryAfter = 0 },
		"it is at most a day":                                func(c *Config) { c.Degrade.RetryAfter = 25 * time.Hour },
		"degrade.failures_per_minute is 0":                   func(c *Config) { c.Degrade.FailuresPerMinute = 0 },
		"degrade.failures_per_minute is NaN":                 func(c *Config) { c.Degrade.FailuresPerMinute = math.NaN() },
		"degrade.failures_per_minute is +Inf":                func(c *Config) { c.Degrade.FailuresPerMinute = math.Inf(1) },
		"degrade.servers_failed is 1.5":                      func(c *Config) { c.Degrade.ServersFailed = 1.5 },
		"degrade.servers_failed is -0.1":                     func(c *Config) { c.Degrade.ServersFailed = -0.1 },
		"degrade.fall is 1: give a part above 0 and below 1": func(c *Config) { c.Degrade.Fall = 1 },
		"degrade.severe begins at pressure 0.5: it must be above that of m": func(c *Config) { c.Degrade.Severe.Pressure = 0.5 },
		"degrade.moderate begins at pressure 1: it must be above that of l": func(c *Config) { c.Degrade.Moderate.Pressure = 1 },
		"degrade.light begins at pressure 0: it must be above that of norm": func(c *Config) { c.Degrade.Light.Pressure = 0 },
		"degrade.moderate has fidelity 0.9: it must not be above that of l": func(c *Config) { c.Degrade.Moderate.Fidelity = 0.9 },
		"degrade.light has fidelity 1.1: give 0 to 1":                       func(c *Config) { c.Degrade.Light.Fidelity = 1.1 },
		"degrade.severe has fidelity NaN":                                   func(c *Config) { c.Degrade.Severe.Fidelity = math.NaN() },
		"moves.limit is 0s":                                                 func(c *Config) { c.Moves.Limit = 0 },
		"moves.drain_wait is 0s":                                            func(c *Config) { c.Moves.DrainWait = 0 },
		"moves.per_target is 0":                                             func(c *Config) { c.Moves.PerTarget = 0 },
		"moves.at_once (1) is below moves.per_target (2)":                   func(c *Config) { c.Moves.AtOnce, c.Moves.PerTarget = 1, 2 },
		"launch.at_once is 17: give 0 (no launcher) to 16":                  func(c *Config) { c.Launch.AtOnce = 17 },
		"launch.after is -1s":                                               func(c *Config) { c.Launch.AtOnce, c.Launch.After = 1, -time.Second },
		"launch.limit is 0s":                                                func(c *Config) { c.Launch.AtOnce, c.Launch.Limit = 1, 0 },
		"launch.pause (0s) must be positive":                                func(c *Config) { c.Launch.AtOnce, c.Launch.Pause = 1, 0 },
		"launch.pause_max (1ns) not below it":                               func(c *Config) { c.Launch.AtOnce, c.Launch.PauseMax = 1, 1 },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		err := cfg.Validate()
		require.ErrorContains(t, err, want)
		_, err = New(cfg)
		require.ErrorContains(t, err, want)
	}
	cfg := DefaultConfig()
	cfg.Backups, cfg.Patience = 9, 0
	require.ErrorContains(t, cfg.Validate(), "patience", "all of it is told")
	require.ErrorContains(t, cfg.Validate(), "backups")
}
