package discovery

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestConfigDefaults(t *testing.T) {
	require.NoError(t, Config{}.Validate())
	require.Equal(t, Config{
		Prefix: "reseat", Service: "reseat-game", CheckTTL: 3 * time.Second, SessionTTL: 10 * time.Second,
		Timeout: time.Second, Wait: 10 * time.Second,
	}, Config{}.WithDefaults())
}

func TestConfigValidate(t *testing.T) {
	for _, test := range []struct {
		name      string
		cfg       Config
		complaint string // empty: none
	}{
		{"nested prefix", Config{Prefix: "games/eu-1"}, ""},
		{"empty part of prefix", Config{Prefix: "games/"}, `prefix "games/": discovery: bad name: it is empty`},
		{"path in prefix", Config{Prefix: "games/../x"}, `prefix "games/../x"`},
		{"service", Config{Service: "a b"}, `service: discovery: bad name: "a b" has ' ' at byte 1`},
		{"two tokens", Config{Token: "a", TokenFile: "b"}, "leave one of them empty"},
		{"timeout", Config{Timeout: time.Nanosecond}, "timeout 1ns is below 1ms"},
		{"check and timeout", Config{CheckTTL: 3 * time.Second, Timeout: 1001 * time.Millisecond}, "one lost beat would be a death"},
		{"check as short as can be", Config{CheckTTL: 300 * time.Millisecond, Timeout: 100 * time.Millisecond}, ""},
		{"negative check", Config{CheckTTL: -time.Second}, "check TTL -1s"},
		{"short session", Config{SessionTTL: 9 * time.Second}, "session TTL 9s is not between 10s and 24h"},
		{"long session", Config{SessionTTL: 25 * time.Hour}, "not between 10s and 24h"},
		{"session and check", Config{SessionTTL: 10 * time.Second, CheckTTL: 11 * time.Second}, "would fall before the check"},
		{"short wait", Config{Wait: 500 * time.Millisecond}, "wait 500ms is not between 1s and 10m"},
		{"long wait", Config{Wait: 11 * time.Minute}, "not between 1s and 10m"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.cfg.Validate()
			_, newErr := New(test.cfg, nil)
			if test.complaint == "" {
				require.NoError(t, err)
				require.NoError(t, newErr)
				return
			}
			require.ErrorContains(t, err, test.complaint)
			require.Equal(t, err, newErr)
		})
	}
	require.Len(t, strings.Split(Config{Wait: 1, Prefix: "/", SessionTTL: 1}.Validate().Error(), "\n"), 4, "all that is wrong")
}

func TestCheckName(t *testing.T) {
	for _, good := range []string{"a", "0", "eu-west.1", "A_b", strings.Repeat("x", 64)} {
		require.NoError(t, CheckName(good), good)
	}
	for _, bad := range []string{"", ".", "..", "-a", "_a", "a/b", "a b", " a", "a\n", "ä", "a\x00", strings.Repeat("x", 65)} {
		require.ErrorIs(t, CheckName(bad), ErrName, "%q", bad)
	}
}

func TestServerValidate(t *testing.T) {
	good := Server{Incarnation: "i", Address: "[::1]:7001", Regions: []string{"r"}}
	require.NoError(t, good.validate())
	for name, change := range map[string]func(*Server){
		"no incarnation": func(s *Server) { s.Incarnation = "" },
		"no regions":     func(s *Server) { s.Regions = nil },
		"bad region":     func(s *Server) { s.Regions = []string{"r", "a/b"} },
		"long zone":      func(s *Server) { s.Zone = strings.Repeat("z", 65) },
		"no address":     func(s *Server) { s.Address = "" },
		"no host":        func(s *Server) { s.Address = ":7001" },
		"no port":        func(s *Server) { s.Address = "127.0.0.1" },
		"port 0":         func(s *Server) { s.Address = "127.0.0.1:0" },
		"port 70000":     func(s *Server) { s.Address = "127.0.0.1:70000" },
		"named port":     func(s *Server) { s.Address = "127.0.0.1:http" },
	} {
		s := good
		change(&s)
		require.Error(t, s.validate(), name)
	}
}
