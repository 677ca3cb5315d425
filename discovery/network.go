package discovery

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	consul "github.com/hashicorp/consul/api"
)

// Consul answers the 201st connection from one address with 429. A process
// keeps well below, so that two of them fit on one machine beside other users.
const (
	maxCallConns     = 16
	maxWatches       = 40
	maxBlockingConns = 2 * maxWatches // a watch has two blocking queries
)

// settings translates cfg for consul/api, and returns what makes a transport
// with at most so many connections, and what closes its idle ones.
func settings(cfg Config) (consul.Config, func(conns int) (http.RoundTripper, func()), error) {
	s := *consul.DefaultConfig() // the environment
	if cfg.Address != "" {
		s.Address = cfg.Address
	} else if os.Getenv(consul.HTTPAddrEnvName) == "" {
		s.Address = "127.0.0.1:8500" // "localhost" may be ::1, where agents do not listen
	}
	if cfg.CAFile != "" {
		s.TLSConfig.CAFile = cfg.CAFile
	}
	if err := setToken(&s, cfg); err != nil {
		return s, nil, err
	}
	dial := (&net.Dialer{Timeout: cfg.Timeout, KeepAlive: 15 * time.Second}).DialContext
	if path, ok := strings.CutPrefix(s.Address, "unix://"); ok {
		s.Address = "localhost"
		tcp := dial
		dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return tcp(ctx, "unix", path) }
	}
	if cfg.Transport != nil {
		return s, func(int) (http.RoundTripper, func()) { return cfg.Transport, func() {} }, nil
	}
	tlsConfig, err := consul.SetupTLSConfig(&s.TLSConfig)
	if err != nil {
		return s, nil, fmt.Errorf("discovery: TLS to consul: %w", err)
	}
	return s, func(conns int) (http.RoundTripper, func()) {
		t := &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         dial,
			TLSClientConfig:     tlsConfig.Clone(),
			TLSHandshakeTimeout: cfg.Timeout,
			MaxConnsPerHost:     conns,
			MaxIdleConnsPerHost: conns,
			IdleConnTimeout:     90 * time.Second,
		}
		return t, t.CloseIdleConnections
	}, nil
}

// setToken reads the token here, because consul/api would prefer the
// environment's file to a token that was given.
func setToken(s *consul.Config, cfg Config) error {
	switch {
	case cfg.Token != "":
		s.Token, s.TokenFile = cfg.Token, ""
	case cfg.TokenFile != "":
		s.Token, s.TokenFile = "", cfg.TokenFile
	}
	if s.TokenFile == "" {
		return nil
	}
	text, err := os.ReadFile(s.TokenFile)
	if err != nil {
		return fmt.Errorf("discovery: token file: %w", err)
	}
	if s.Token = strings.TrimSpace(string(text)); s.Token == "" {
		return fmt.Errorf("discovery: token file %s is empty", s.TokenFile)
	}
	s.TokenFile = ""
	return nil
}
