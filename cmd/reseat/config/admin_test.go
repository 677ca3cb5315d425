package config

import (
	"net"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"
)

// Files in these tests are edge.yaml itself: it is there, and its owner's alone.
func TestBadAdmin(t *testing.T) {
	for _, tt := range []bad{
		{
			name: "no port", yaml: minimal, args: []string{"--admin=127.0.0.1"},
			want: `--admin: "127.0.0.1" is not an address: write host:port, as :7777 or 127.0.0.1:7777`,
		},
		{
			name: "open", yaml: minimal + "admin: {listen: ':7700'}\n",
			want: `edge.yaml:3: admin.listen: :7700 is open to other machines, who could drain servers there: set admin.token_file, admin.tls_cert and admin.tls_key, or use 127.0.0.1`,
		},
		{
			name: "open without token", yaml: minimal + "admin: {listen: '10.0.0.1:7700', tls_cert: edge.yaml, tls_key: edge.yaml}\n",
			want: `edge.yaml:3: admin.listen: 10.0.0.1:7700 is open to other machines, who could drain servers there: set admin.token_file, or use 127.0.0.1`,
		},
		{
			name: "open without TLS", yaml: minimal + "admin: {listen: '[::]:7700', token_file: edge.yaml}\n",
			want: `edge.yaml:3: admin.listen: [::]:7700 is open to other machines, and the token would cross the network in the clear: set admin.tls_cert and admin.tls_key, or use 127.0.0.1`,
		},
		{
			name: "half of TLS", yaml: minimal + "admin: {tls_cert: edge.yaml}\n",
			want: `edge.yaml:3: admin.tls_cert: works only together with admin.tls_key: set all of them, or none`,
		},
		{
			name: "no token file", yaml: minimal, args: []string{"--admin-token-file=nowhere"},
			want: `--admin-token-file: nowhere: no such file`,
		},
		{
			name: "off, and test endpoints", yaml: minimal, args: []string{"--admin=off", "--enable-test-endpoints"},
			want: `--admin: is off, and admin.enable_test_endpoints and admin.enable_pprof need it: give an address, or turn them off`,
		},
		{
			name: "switch", yaml: minimal + "admin: {enable_pprof: maybe}\n",
			want: `edge.yaml:3: admin.enable_pprof: "maybe" is neither true nor false`,
		},
		{
			name: "advertised wildcard", yaml: minimal + "admin: {advertise: '0.0.0.0:7700'}\n",
			want: `edge.yaml:3: admin.advertise: "0.0.0.0:7700" is no address that others can reach: use this machine's name or IP, and a port`,
		},
		{
			name: "advertised without port", yaml: minimal + "admin: {listen: '127.0.0.1:0', advertise: localhost}\n",
			want: `edge.yaml:3: admin.advertise: "localhost" has no port, and admin.listen has none that is known before the start: write host:port`,
		},
		{
			name: "advertised URL", yaml: minimal + "admin: {advertise: 'http://localhost:7700'}\n",
			want: `edge.yaml:3: admin.advertise: "http://localhost:7700" is not an address: write host:port, as :7777 or 127.0.0.1:7777`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := edge(t, tt.yaml, tt.env, tt.args...)
			require.EqualError(t, err, tt.want)
		})
	}
}

func TestAdmin(t *testing.T) {
	cfg, origins, err := edge(t, minimal+"admin: {listen: ':7700', advertise: edge-1, token_file: edge.yaml, tls_cert: edge.yaml, tls_key: edge.yaml}\n",
		[]string{"RESEAT_EDGE_ADMIN_ENABLE_PPROF=true"}, "--enable-test-endpoints")
	require.NoError(t, err)
	require.Equal(t, "edge-1:7700", cfg.Admin.Advertise)
	require.True(t, cfg.Admin.EnablePprof)
	require.True(t, cfg.Admin.EnableTestEndpoints, "the flag alone turns it on")
	require.Equal(t, "--enable-test-endpoints", origins["admin.enable_test_endpoints"])
	cfg, _, err = edge(t, minimal, nil, "--enable-test-endpoints=false", "--admin=off")
	require.NoError(t, err)
	require.False(t, cfg.Admin.EnableTestEndpoints)
}

func TestAdminURL(t *testing.T) {
	addr := func(s string) net.Addr {
		a, err := net.ResolveTCPAddr("tcp", s)
		require.NoError(t, err)
		return a
	}
	for want, tt := range map[string]struct {
		admin Admin
		addr  string
	}{
		"http://127.0.0.1:7700": {Admin{}, "127.0.0.1:7700"},
		"http://[::1]:1":        {Admin{}, "[::1]:1"},
		"https://10.0.0.1:7700": {Admin{TLSCert: "c"}, "10.0.0.1:7700"},
		"https://edge-1:443":    {Admin{TLSCert: "c", Advertise: "edge-1:443"}, "[::]:7700"},
		"":                      {Admin{TLSCert: "c"}, "[::]:7700"},
	} {
		require.Equal(t, want, tt.admin.URL(addr(tt.addr)))
	}
}

// A sidecar shows nothing unless it is told to, and then to nobody who should not see.
func TestSidecarAdmin(t *testing.T) {
	load := func(yaml string, args ...string) (*Sidecar, error) {
		t.Helper()
		t.Chdir(write(t, map[string]string{"sidecar.yaml": yaml}))
		fs := pflag.NewFlagSet("sidecar", pflag.ContinueOnError)
		flags := SidecarFlags(fs)
		require.NoError(t, fs.Parse(args))
		cfg, _, err := LoadSidecar(Source{Path: "sidecar.yaml", Environ: home, Flags: flags})
		return cfg, err
	}
	const plain = "regions: [arena]\n"
	cfg, err := load(plain)
	require.NoError(t, err)
	require.Equal(t, Shown{Listen: Off}, cfg.Admin)
	cfg, err = load(plain, "--admin=127.0.0.1:7701", "--enable-pprof")
	require.NoError(t, err)
	require.Equal(t, Shown{Listen: "127.0.0.1:7701", EnablePprof: true}, cfg.Admin)
	cfg, err = load(plain + "admin: {listen: ':7701', token_file: sidecar.yaml, tls_cert: sidecar.yaml, tls_key: sidecar.yaml}\n")
	require.NoError(t, err)
	require.Equal(t, ":7701", cfg.Admin.Listen)

	for _, tt := range []struct{ yaml, want string }{
		{"admin: {enable_pprof: true}\n", "is off, and admin.enable_pprof needs it: give an address, or turn that off"},
		{"admin: {listen: ':7701'}\n", ":7701 is open to other machines, who could read its metrics there: set admin.token_file, admin.tls_cert and admin.tls_key, or use 127.0.0.1"},
		{"admin: {listen: ':7701', token_file: sidecar.yaml}\n", "the token would cross the network in the clear"},
		{"admin: {listen: ':7701', tls_cert: sidecar.yaml, tls_key: sidecar.yaml}\n", "who could read its metrics there: set admin.token_file, or use 127.0.0.1"},
		{"admin: {listen: localhost}\n", "is not an address"},
		{"admin: {listen: '127.0.0.1:1', token_file: nowhere}\n", "nowhere: no such file"},
		{"admin: {advertise: here}\n", "admin.advertise"},
	} {
		_, err := load(plain + tt.yaml)
		require.ErrorContains(t, err, tt.want)
		require.ErrorContains(t, err, "admin.")
	}
}
