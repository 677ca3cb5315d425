package election

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/reseat-proxy/reseat/bench/choose"
)

// Ways in which a lock becomes free.
const (
	Session = "session" // its session is destroyed
	Check   = "check"   // the check that its session depends on is critical
)

// Cell is what is measured together.
type Cell struct {
	Regions  int    `json:"regions"`
	Failing  int    `json:"failing"` // of the regions, at once
	Watchers int    `json:"watchers"`
	Way      string `json:"way"`
}

// String is the cell in words.
func (c Cell) String() string {
	return fmt.Sprintf("%d of %d regions, %d watchers, %s", c.Failing, c.Regions, c.Watchers, c.Way)
}

// Bounds of what one machine is asked to carry.
const (
	maxRegions  = 200
	maxWatchers = 200
)

// Cells are all combinations: of each number of regions, one fails, and then all.
func Cells(regions, watchers []int, ways []string) (out []Cell) {
	for _, r := range regions {
		for _, failing := range slices.Compact([]int{1, r}) {
			for _, w := range watchers {
				for _, way := range ways {
					out = append(out, Cell{r, failing, w, way})
				}
			}
		}
	}
	return out
}

// ParseRegions reads a comma-separated list of numbers of regions.
func ParseRegions(list string) ([]int, error) { return parse(list, maxRegions) }

// ParseWatchers reads a comma-separated list of numbers of watchers.
func ParseWatchers(list string) ([]int, error) { return parse(list, maxWatchers) }

func parse(list string, most int) (out []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > most {
			return nil, fmt.Errorf("%q is not a number from 1 to %d", text, most)
		}
		out = append(out, n)
	}
	return out, nil
}

// ParseWays reads a comma-separated list of ways.
func ParseWays(list string) ([]string, error) {
	all := []string{Session, Check}
	return choose.From("way", list, all, all)
}
