package config

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The samples explain every setting, show defaults as they are, and would work
// on a machine that has the files they name.
func TestSamples(t *testing.T) {
	edge, sidecar := DefaultEdge(), DefaultSidecar()
	for _, tt := range []struct {
		file    string
		root    settings
		differs string // settings of a real deployment
	}{
		{"reseat-edge.yaml", &edge, "regions name host state_dir keys_file tls.cert tls.key link_tls.ca link_tls.cert link_tls.key " +
			"consul.address consul.token_file log.format"},
		{"reseat-sidecar.yaml", &sidecar, "listen advertise regions name zone host state_dir game.socket admin.listen link_tls.ca link_tls.cert link_tls.key " +
			"consul.address consul.token_file log.format"},
	} {
		t.Run(tt.file, func(t *testing.T) {
			l := newLoader(tt.root)
			defaults := map[string]string{}
			for _, k := range l.keys {
				defaults[k.path] = format(k.value)
			}
			l.file(filepath.Join("..", "..", "..", "deploy", tt.file))
			require.Empty(t, l.errs)

			var differs []string
			for _, k := range l.keys {
				require.Contains(t, l.origins, k.path, "every setting is in the sample")
				if format(k.value) != defaults[k.path] {
					differs = append(differs, k.path)
				}
			}
			require.Equal(t, strings.Fields(tt.differs), differs)

			tt.root.check(&checker{loader: l})
			for _, err := range l.errs {
				require.ErrorContains(t, err, "no such file")
			}
		})
	}
}
