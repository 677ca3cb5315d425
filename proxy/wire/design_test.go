package wire_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// DESIGN.md lists every frame with its fields, and every code, and no others.
func TestDesignIsComplete(t *testing.T) {
	file, err := os.ReadFile("DESIGN.md")
	require.NoError(t, err)
	rows := map[string]string{} // first two cells: the last cell
	for line := range strings.Lines(string(file)) {
		if cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|"); strings.HasPrefix(line, "| 0x") {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows[cells[0]+" "+cells[1]] = cells[len(cells)-1]
		}
	}
	for _, typ := range wire.Types() {
		key := fmt.Sprintf("0x%02x %v", uint64(typ), typ)
		var fields []string
		for i, f := 0, reflect.TypeOf(wire.New(typ)).Elem(); i < f.NumField(); i++ {
			fields = append(fields, f.Field(i).Name)
		}
		require.Equal(t, strings.Join(fields, ", "), rows[key], "the row of %s", key)
		delete(rows, key)
	}
	for _, c := range wire.Codes() {
		key := fmt.Sprintf("0x%02x %v", uint64(c), c)
		require.NotEmpty(t, rows[key], "the row of %s", key)
		delete(rows, key)
	}
	require.Empty(t, rows, "rows of what does not exist")
}

// Limits in the text are those of the code.
func TestDesignLimits(t *testing.T) {
	file, err := os.ReadFile("DESIGN.md")
	require.NoError(t, err)
	for name, value := range map[string]int{
		"MaxName": wire.MaxName, "MaxToken": wire.MaxToken, "MaxText": wire.MaxText,
		"MaxAction": wire.MaxAction, "MaxOutcome": wire.MaxOutcome, "MaxUpdate": wire.MaxUpdate, "MaxDatagram": wire.MaxDatagram,
		"MaxCarried": wire.MaxCarried, "MaxParcel": wire.MaxParcel, "MaxRecord": wire.MaxRecord, "MaxChunk": wire.MaxChunk, "MaxSnapshot": wire.MaxSnapshot,
	} {
		require.Regexp(t, regexp.MustCompile(fmt.Sprintf(`(?m)^\| %s \| %d \|`, name, value)), string(file))
	}
	for link := range wire.LinkCount {
		require.Regexp(t, regexp.MustCompile(fmt.Sprintf(`(?m)^\| %v \|.*\| %d \|$`, link, wire.Largest(link))), string(file))
	}
}
