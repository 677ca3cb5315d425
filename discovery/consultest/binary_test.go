package consultest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseVersion(t *testing.T) {
	for text, want := range map[string][3]int{
		"Consul v1.22.5\nBuild Date 1970":    {1, 22, 5},
		"Consul v1.23.0-rc1":                 {1, 23, 0},
		"Consul v2.0.11+ent\n":               {2, 0, 11},
		"Consul v1.22.5-dev+ent.fips1402\nx": {1, 22, 5},
	} {
		got, err := parseVersion(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"", "Consul", "consul v1.2.3", "Consul v1.2", "Consul v1.2.x", "Consul v1.2.3.4", "Vault v1.2.3"} {
		_, err := parseVersion(bad)
		require.Error(t, err, bad)
	}
}

func TestLess(t *testing.T) {
	require.True(t, less([3]int{1, 22, 4}, minVersion))
	require.True(t, less([3]int{1, 9, 9}, minVersion))
	require.False(t, less(minVersion, minVersion))
	require.False(t, less([3]int{1, 23, 0}, minVersion))
	require.False(t, less([3]int{2, 0, 0}, minVersion))
}

func TestVersion(t *testing.T) {
	fake := filepath.Join(t.TempDir(), "consul")
	require.NoError(t, os.WriteFile(fake, []byte("#!/bin/sh\necho Consul v1.30.1\n"), 0o700))
	v, err := version(t.Context(), fake)
	require.NoError(t, err)
	require.Equal(t, [3]int{1, 30, 1}, v)
	_, err = version(t.Context(), filepath.Join(t.TempDir(), "nothing"))
	require.Error(t, err)
}

func TestModuleRoot(t *testing.T) {
	root, err := moduleRoot()
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(root, "tools", "consul", "build.sh"))
	t.Chdir(t.TempDir())
	_, err = moduleRoot()
	require.Error(t, err)
}
