package traces

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// bar is how wide the picture of a span's time is, in characters.
const bar = 32

// Draw writes the trace as a tree of text: of each span when it begins, after the
// trace's beginning, and how long it lasts, both in milliseconds; where that is in
// the whole; its process; and its attributes. The events of a span follow it, each
// with its time.
func (t Trace) Draw(w io.Writer) error {
	root, ok := t.Root()
	if !ok {
		_, err := fmt.Fprintf(w, "trace %s is empty\n", t.ID)
		return err
	}
	p := picture{trace: t, from: t.Spans[0].Start, to: root.End, seen: map[string]bool{}}
	for _, s := range t.Spans {
		if s.End.After(p.to) {
			p.to = s.End
		}
	}
	fmt.Fprintf(w, "trace %s: %s, %s ms, %d spans\n\n", t.ID, root.Name, ms(p.to.Sub(p.from)), len(t.Spans))
	var table bytes.Buffer
	p.out = tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintf(p.out, "at ms\tms\t%s\tspan\tprocess\tattributes\n", strings.Repeat(" ", bar))
	for _, s := range t.roots() {
		p.span(s, "", "")
	}
	_ = p.out.Flush() // into memory
	for line := range strings.Lines(table.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// picture is a trace that is being drawn.
type picture struct {
	trace    Trace
	from, to time.Time
	seen     map[string]bool // spans that have been drawn: a wrong parent makes no circle
	out      *tabwriter.Writer
}

func (p *picture) span(s Span, mine, below string) {
	if p.seen[s.ID] {
		return
	}
	p.seen[s.ID] = true
	name := mine + s.Name
	if s.Error != "" {
		name += " !"
	}
	fmt.Fprintf(p.out, "%7s\t%7s\t%s\t%s\t%s\t%s\n", ms(s.Start.Sub(p.from)), ms(s.Duration()), p.bar(s), name, s.who(), told(s.Attributes))
	children := p.trace.Children(s.ID)
	for _, e := range s.Events {
		stem := below + "  "
		if len(children) > 0 {
			stem = below + "│ "
		}
		fmt.Fprintf(p.out, "%7s\t\t%s\t%s· %s\t\t%s\n", ms(e.At.Sub(p.from)), p.mark(e.At), stem, e.Name, told(e.Attributes))
	}
	for i, child := range children {
		if i == len(children)-1 {
			p.span(child, below+"└─ ", below+"   ")
		} else {
			p.span(child, below+"├─ ", below+"│  ")
		}
	}
}

// column is where a moment is in a bar.
func (p *picture) column(at time.Time) int {
	whole := p.to.Sub(p.from)
	if whole <= 0 {
		return 0
	}
	return min(max(int(int64(at.Sub(p.from))*bar/int64(whole)), 0), bar-1)
}

func (p *picture) bar(s Span) string {
	from := p.column(s.Start)
	to := max(p.column(s.End), from)
	return strings.Repeat("·", from) + strings.Repeat("█", to-from+1) + strings.Repeat("·", bar-1-to)
}

func (p *picture) mark(at time.Time) string {
	col := p.column(at)
	return strings.Repeat(" ", col) + "▲" + strings.Repeat(" ", bar-1-col)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond)) }

// told is what attributes say, without the name space that they share.
func told(attributes map[string]any) string {
	words := make([]string, 0, len(attributes))
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		words = append(words, fmt.Sprintf("%s=%v", strings.TrimPrefix(key, "reseat."), attributes[key]))
	}
	return strings.Join(words, " ")
}
