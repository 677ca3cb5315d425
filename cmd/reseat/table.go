package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// table is drawn for people: columns as wide as what is in them, as long as all of
// them fit. Then the wide ones are cut.
type table struct {
	columns []column
	rows    [][]string
}

type column struct {
	name  string
	right bool // aligned: numbers
	least int  // it may be cut to this width; 0: never
}

const gap = "  "

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// draw writes the table in at most so many columns of text.
func (t *table) draw(w io.Writer, width int) {
	widths := t.widths(width)
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	for _, cells := range append([][]string{names}, t.rows...) {
		var line strings.Builder
		for i, cell := range cells {
			if i > 0 {
				line.WriteString(gap)
			}
			pad := strings.Repeat(" ", max(widths[i]-utf8.RuneCountInString(cell), 0))
			if t.columns[i].right {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cut(cell, widths[i]) + pad)
			}
		}
		_, _ = io.WriteString(w, strings.TrimRight(line.String(), " ")+"\n")
	}
}

// widths takes from the widest column that may be cut until all fit.
func (t *table) widths(width int) []int {
	widths := make([]int, len(t.columns))
	total := len(gap) * (len(t.columns) - 1)
	for i, c := range t.columns {
		widths[i] = utf8.RuneCountInString(c.name)
		for _, cells := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(cells[i]))
		}
		total += widths[i]
	}
	for ; total > width; total-- {
		widest := -1
		for i, c := range t.columns {
			if c.least > 0 && widths[i] > c.least && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return widths
}

// cut shortens a text to a width.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:width-1]) + "…"
}
