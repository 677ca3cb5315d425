package steady

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/certs"
)

func TestParseLoad(t *testing.T) {
	for text, want := range map[string]Load{
		"100x30":    {Players: 100, Rate: 30},
		"1x0.5":     {Players: 1, Rate: 0.5},
		"50w64":     Saturated,
		"saturated": Saturated,
		"2w1":       {Players: 2, Window: 1},
	} {
		got, err := ParseLoad(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
		again, err := ParseLoad(got.String())
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
	for text, want := range map[string]string{
		"":        `"" is no load`,
		"100":     `"100" is no load`,
		"x30":     `"x30" is no load`,
		"10x":     `"10x" is no load`,
		"0x30":    "1 to 5000 players",
		"5001x1":  "1 to 5000 players",
		"1x0":     "more than 0 and at most 1000 actions a second",
		"1xNaN":   "more than 0 and at most 1000 actions a second",
		"1xInf":   "more than 0 and at most 1000 actions a second",
		"1x-3":    "more than 0 and at most 1000 actions a second",
		"1w91":    "1 to 90 actions on the way",
		"1w0":     "more than 0 and at most 1000 actions a second",
		"many":    `"many" is no load`,
		"1w64x30": `"1w64x30" is no load`,
	} {
		_, err := ParseLoad(text)
		require.ErrorContains(t, err, want, text)
	}
	require.Error(t, Load{Players: 1, Rate: 1, Window: 1}.Check())
	loads, err := ParseLoads("saturated, 1x30")
	require.NoError(t, err)
	require.Equal(t, []Load{Saturated, {Players: 1, Rate: 30}}, loads)
	for _, bad := range []string{"1x30,", "1x30,1x30.0"} {
		_, err := ParseLoads(bad)
		require.Error(t, err, bad)
	}
}

func TestFind(t *testing.T) {
	found, err := Find("reseat-2, direct")
	require.NoError(t, err)
	require.Equal(t, "reseat-2", found[0].Name)
	require.Equal(t, "direct", found[1].Name)
	_, err = Find("relay,nginx")
	require.ErrorContains(t, err, `unknown path "nginx": choose from direct, relay`)
	_, err = Find("relay,relay")
	require.ErrorContains(t, err, "twice")
	_, err = Reseated(Mesh{})
	require.Error(t, err)
}

// slow gives a few bytes at a time.
type slow struct {
	r io.Reader
	n int
}

func (s slow) Read(b []byte) (int, error) { return s.r.Read(b[:min(len(b), s.n)]) }

func TestFrames(t *testing.T) {
	var all []byte
	var want []string
	for i := range 100 {
		payload := strings.Repeat("x", i*i%maxFrame)
		all, want = appendFrame(all, []byte(payload)), append(want, payload)
	}
	for _, n := range []int{1, 3, 64, 1 << 20} {
		in := frames{r: slow{bytes.NewReader(all), n}}
		var got []string
		var err error
		for err == nil {
			err = in.next(func(payload []byte) { got = append(got, string(payload)) })
		}
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, want, got)
	}
	in := frames{r: strings.NewReader("\xff\xffwhat is this")}
	require.ErrorIs(t, in.next(func([]byte) { t.Error("no frame") }), errFrame)
}

// listening returns the address that a server logs, once it does.
type listening chan string

func (l listening) Enabled(context.Context, slog.Level) bool { return true }
func (l listening) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l listening) WithGroup(string) slog.Handler            { return l }
func (l listening) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "addr" {
			l <- a.Value.String()
		}
		return true
	})
	return nil
}

// serve runs a server until the test ends, and returns where it listens.
func serve(t *testing.T, run func(ctx context.Context, log *slog.Logger) error) string {
	t.Helper()
	at := make(listening, 1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, slog.New(at)) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	select {
	case addr := <-at:
		return addr
	case err := <-ended:
		ended <- err
		require.FailNow(t, "it does not listen", "%v", err)
		return ""
	}
}

func keys(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	made, err := certs.Dev(t.TempDir())
	require.NoError(t, err)
	server, err = certs.PlayerServer(made.Public)
	require.NoError(t, err)
	client, err = certs.PlayerClient(made.Public.CA)
	require.NoError(t, err)
	return server, client
}

// Through none, one and two relays, of both kinds, everything comes back once and in
// order, with a schedule and in batches.
func TestEchoAndRelays(t *testing.T) {
	server, trusted := keys(t)
	at := serve(t, func(ctx context.Context, log *slog.Logger) error { return Echo(ctx, anyPort, server, log) })
	behind := func(to string, each bool) string {
		return serve(t, func(ctx context.Context, log *slog.Logger) error {
			return Relay(ctx, RelayConfig{Listen: anyPort, To: to, Each: each, Server: server, Client: trusted, Log: log})
		})
	}
	shared := behind(at, false)
	for name, to := range map[string]string{
		"direct": at, "shared": shared, "each": behind(at, true), "twice": behind(shared, false),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := join(t.Context(), 5, 1, plainly(to, trusted))
			require.NoError(t, err)
			defer c.leave()
			for _, load := range []Load{{Players: 5, Rate: 100}, {Players: 5, Window: 30}} {
				began := 0
				tally, err := c.play(t.Context(), load, 50*time.Millisecond, 200*time.Millisecond, func() error { began++; return nil })
				require.NoError(t, err)
				require.Equal(t, 1, began)
				require.NotZero(t, tally.Sent)
				require.Equal(t, tally.Sent, tally.Answered, "%v", load)
				require.Zero(t, tally.Wrong)
				require.EqualValues(t, tally.Answered, tally.RoundTrip.Count())
				require.LessOrEqual(t, tally.FromSend.Quantile(1), tally.RoundTrip.Quantile(1))
				if load.Rate > 0 {
					require.InDelta(t, 100, float64(tally.Sent), 5, "200 ms of 5 players at 100/s")
				}
			}
		})
	}
}

// A relay whose server has died ends, so that whoever started it learns of it.
func TestRelayEndsWithItsServer(t *testing.T) {
	server, trusted := keys(t)
	ctx, kill := context.WithCancel(t.Context())
	at := make(listening, 1)
	died := make(chan error, 1)
	go func() { died <- Echo(ctx, anyPort, server, slog.New(at)) }()
	addr := <-at
	ended := make(chan error, 1)
	go func() {
		ended <- Relay(t.Context(), RelayConfig{Listen: anyPort, To: addr, Server: server, Client: trusted, Log: slog.New(at)})
	}()
	<-at
	kill()
	require.NoError(t, <-died)
	require.NoError(t, <-ended)
}

func TestNobodyThere(t *testing.T) {
	_, trusted := keys(t)
	socket, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", anyPort)
	require.NoError(t, err)
	nowhere := socket.LocalAddr().String()
	require.NoError(t, socket.Close())
	_, err = join(t.Context(), 2, 1, plainly(nowhere, trusted))
	require.ErrorContains(t, err, "connect to "+nowhere)
	require.Error(t, Players(t.Context(), PlayersConfig{}, nil, nil))
}

// What the other process says is understood, whatever happens there.
func TestOrders(t *testing.T) {
	server, trusted := keys(t)
	at := serve(t, func(ctx context.Context, log *slog.Logger) error { return Echo(ctx, anyPort, server, log) })
	ordersR, ordersW := io.Pipe()
	wordsR, wordsW := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := Players(t.Context(), PlayersConfig{To: []string{at}, TLS: trusted, Players: 3, Seed: 1}, ordersR, wordsW)
		_ = wordsW.Close()
		ended <- err
	}()
	r := newRemote(ordersW, wordsR)
	require.NoError(t, r.join())
	began := false
	tally, err := r.play(order{Load: Load{Players: 3, Rate: 50}, Warm: 1, Lasts: 100 * time.Millisecond}, func() error { began = true; return nil })
	require.NoError(t, err)
	require.True(t, began)
	require.Positive(t, tally.Sent)
	require.Equal(t, tally.Sent, tally.Answered)
	require.EqualValues(t, tally.Answered, tally.RoundTrip.Count())
	require.NoError(t, ordersW.Close())
	require.NoError(t, <-ended)
	_, err = r.word()
	require.ErrorContains(t, err, "has ended")
}

func TestWorld(t *testing.T) {
	w := &World{actions: 7}
	var back World
	require.NoError(t, back.Restore(w.Snapshot(nil)))
	require.Equal(t, *w, back)
	require.Error(t, back.Restore([]byte("short")))
}
