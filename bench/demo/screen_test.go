package demo

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestScreenThatIsNoTerminal(t *testing.T) {
	var out bytes.Buffer
	s := NewScreen(&out)
	s.Bar("working")
	s.Line("%d %s", 1, s.paint(red, "done"))
	s.Bar("")
	require.Equal(t, "1 done\n", out.String())

	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	defer file.Close()
	require.False(t, NewScreen(file).live)
}

func TestScreenOfATerminal(t *testing.T) {
	var out bytes.Buffer
	s := &Screen{w: &out, live: true, color: true}
	s.Line("one")
	s.Bar("##")
	s.Bar("##")
	s.Line("%s", s.paint(green, "two"))
	s.Bar("")
	require.Equal(t, "one\n"+"\r\x1b[K##"+"\r\x1b[K\x1b[32mtwo\x1b[0m\n##"+"\r\x1b[K", out.String())
}

func TestGauge(t *testing.T) {
	require.Equal(t, "░░░░", gauge(0, 0, 4))
	require.Equal(t, "██░░", gauge(25, 50, 4))
	require.Equal(t, "████", gauge(50, 50, 4))
	require.Equal(t, "████", gauge(70, 50, 4))
}

func TestFormats(t *testing.T) {
	require.Equal(t, "1 player", plural(1, "player"))
	require.Equal(t, "0 players", plural(0, "player"))
	require.Equal(t, "1,234 actions", plural(uint64(1234), "action"))
	require.Equal(t, []string{"0", "999", "1,000", "1,234,567"},
		[]string{grouped(0), grouped(999), grouped(1000), grouped(int64(1234567))})
	require.Equal(t, []string{"0.0 ms", "9.9 ms", "10 ms", "9999 ms", "12.3 s"}, []string{
		millis(0), millis(9900 * time.Microsecond), millis(10 * time.Millisecond), millis(9999 * time.Millisecond), millis(12340 * time.Millisecond),
	})
	require.Equal(t, []string{"1 byte", "1,023 bytes", "3.2 KiB", "2.0 MiB"},
		[]string{bytesOf(1), bytesOf(1023), bytesOf(3277), bytesOf(2 << 20)})
	require.Equal(t, []string{"", "a", "a and b", "a, b and c"},
		[]string{list(nil), list([]string{"a"}), list([]string{"a", "b"}), list([]string{"a", "b", "c"})})
}
