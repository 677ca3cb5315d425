package measure

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Table is figures in columns. The first column is text, all others are aligned at
// their right.
type Table struct {
	Head []string
	Rows [][]string
	Text int // columns that are text; 0: the first
}

// left tells whether a column is text.
func (t *Table) left(column int) bool { return column < max(1, t.Text) }

// Row adds a row. Cells that are missing are empty.
func (t *Table) Row(cells ...string) { t.Rows = append(t.Rows, cells) }

// Write writes the table for people, or as a README has it.
func (t *Table) Write(w io.Writer, markdown bool) error {
	if markdown {
		return t.Markdown(w)
	}
	return t.Print(w)
}

// Print writes the table as text.
func (t *Table) Print(w io.Writer) error {
	widths := make([]int, len(t.Head))
	lines := append([][]string{t.Head}, t.Rows...)
	for _, cells := range lines {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, cells := range lines {
		var b strings.Builder
		for i, cell := range cells {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				b.WriteString("  ")
			}
			if t.left(i) {
				b.WriteString(cell + pad)
			} else {
				b.WriteString(pad + cell)
			}
		}
		if _, err := io.WriteString(w, strings.TrimRight(b.String(), " ")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// Markdown writes the table as a README has it.
func (t *Table) Markdown(w io.Writer) error {
	rule := make([]string, len(t.Head))
	for i := range rule {
		rule[i] = "---:"
		if t.left(i) {
			rule[i] = "---"
		}
	}
	for _, cells := range append([][]string{t.Head, rule}, t.Rows...) {
		if _, err := fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")); err != nil {
			return err
		}
	}
	return nil
}

// Ms is a duration in milliseconds, with the digits that mean something.
func Ms(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	switch {
	case v < 1:
		return fmt.Sprintf("%.2f ms", v)
	case v < 10:
		return fmt.Sprintf("%.1f ms", v)
	case v < 10_000:
		return fmt.Sprintf("%.0f ms", v)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// Verdict is a row's last word: a promise that was not kept counts for more than that
// the machine was too busy.
func Verdict(ok, void bool) string {
	switch {
	case !ok:
		return "NOT OK"
	case void:
		return "VOID"
	}
	return "ok"
}
