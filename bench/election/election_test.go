package election

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/measure"
	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/discovery/devconsul"
)

// inMemory is a registry in memory, and its agent by hand.
type inMemory struct{ url string }

func registry(t *testing.T) inMemory {
	t.Helper()
	consul := devconsul.New(devconsul.Options{})
	api := httptest.NewServer(consul)
	t.Cleanup(func() {
		api.CloseClientConnections()
		api.Close()
		consul.Close()
	})
	return inMemory{api.URL}
}

func (a inMemory) Do(ctx context.Context, method, path, body string) error {
	req, err := http.NewRequestWithContext(ctx, method, a.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, res.Status)
	}
	return nil
}

// In every cell each failing region goes to the next server, round after round, all
// watchers see it, and the regions that do not fail stay where they are.
func TestRounds(t *testing.T) {
	a := registry(t)
	for i, cell := range Cells([]int{1, 4}, []int{3}, []string{Session, Check}) {
		t.Run(cell.String(), func(t *testing.T) {
			space := fmt.Sprintf("test-%d", i)
			var last *server
			require.NoError(t, run(t.Context(), cell, a, a.url, space, func(s *stage) error {
				for range 2 {
					before := s.leader
					samples, err := s.round()
					if err != nil {
						return err
					}
					require.NotEqual(t, before.incarnation, s.leader.incarnation)
					require.Len(t, samples, cell.Failing)
					for _, sample := range samples {
						require.Positive(t, sample.Free)
						require.Greater(t, sample.Taken, sample.Free)
						require.Positive(t, sample.First)
						require.GreaterOrEqual(t, sample.All, sample.First)
					}
				}
				last = s.leader
				return s.check(t, last)
			}))
		})
	}
}

// check looks who leads what, and in which epoch.
func (s *stage) check(t *testing.T, leader *server) error {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	mesh := s.client.WatchMesh()
	go func() { _ = mesh.Run(ctx) }()
	views, stop := mesh.Subscribe()
	defer stop()
	m := <-views
	require.Len(t, m.Regions, s.cell.Regions)
	for name, v := range m.Regions {
		require.NotNil(t, v.Primary, name)
		want, epoch := "server-1", uint64(1)
		for _, region := range s.regions {
			if region == name {
				want, epoch = leader.incarnation, 3
			}
		}
		require.Equal(t, want, v.Primary.Incarnation, name)
		require.Equal(t, epoch, v.Epoch, name)
		require.Equal(t, []string{want}, v.InSync, "who has failed is not in sync any more")
	}
	return nil
}

func TestStageEndsWithoutConsul(t *testing.T) {
	cell := Cell{Regions: 1, Failing: 1, Watchers: 1, Way: Session}
	err := run(t.Context(), cell, nil, "127.0.0.1:1", "test", func(*stage) error { return nil })
	require.ErrorIs(t, err, discovery.ErrUnavailable)
}

func TestCells(t *testing.T) {
	require.Equal(t, []Cell{
		{1, 1, 1, Session},
		{1, 1, 5, Session},
		{10, 1, 1, Session},
		{10, 1, 5, Session},
		{10, 10, 1, Session},
		{10, 10, 5, Session},
	}, Cells([]int{1, 10}, []int{1, 5}, []string{Session}))
	for _, bad := range []string{"", "0", "x", "1,,2", "201"} {
		_, err := ParseRegions(bad)
		require.Error(t, err, bad)
		_, err = ParseWatchers(bad)
		require.Error(t, err, bad)
	}
	_, err := ParseWays("session,ttl")
	require.ErrorContains(t, err, `unknown way "ttl": choose from session, check`)
}

func result() *Result {
	const milli = time.Millisecond
	return &Result{
		Run: &measure.Run{Command: "reseat bench consul"}, Consul: "real",
		Measures: []Measure{
			{Cell: Cell{10, 1, 1, Session}, Rounds: 1, Samples: []Sample{{milli, 3 * milli, 4 * milli, 5 * milli}}},
			{Cell: Cell{10, 1, 10, Session}, Rounds: 1, Samples: []Sample{{milli, 3 * milli, 4 * milli, 9 * milli}}, Void: true},
			{Cell: Cell{10, 10, 10, Check}, Failed: "too late"},
		},
	}
}

func TestPrint(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, result().Print(&out, false))
	require.Regexp(t, `1 of 10, session +1 +1\.0 ms / 1\.0 ms / 1\.0 ms +3\.0 ms .* 5\.0 ms +1\n`, out.String())
	require.Regexp(t, `9\.0 ms +1 +VOID\n`, out.String())
	require.Regexp(t, `10 of 10, check .* 0 +FAILED: too late\n`, out.String())
	out.Reset()
	require.NoError(t, result().Print(&out, true))
	require.Contains(t, out.String(), "| 1 of 10, session | 1 | 1.0 ms / 1.0 ms / 1.0 ms |")
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, result().Save(dir, "consul"))
	svg, err := os.ReadFile(dir + "/consul-session.svg")
	require.NoError(t, err)
	require.Contains(t, string(svg), "1 of 10 regions, p99")
	require.NoFileExists(t, dir+"/consul-check.svg", "nothing was measured")
	text, err := json.Marshal(result())
	require.NoError(t, err)
	require.Contains(t, string(text), `"all_ns":9000000`)
}
