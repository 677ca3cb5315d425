package measure

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Load is how many players there are, and how often a second each of them acts.
type Load struct {
	Players int     `json:"players"`
	Rate    float64 `json:"rate"`
}

// String is the load as [ParseLoads] reads it.
func (l Load) String() string { return fmt.Sprintf("%dx%v", l.Players, l.Rate) }

// minRate is the least that says anything of a run of seconds.
const minRate = 0.1

// ParseLoads reads "10x60,100x20": players, and actions per second of each. most is what
// one machine carries of either.
func ParseLoads(list string, most Load) (out []Load, err error) {
	for text := range strings.SplitSeq(list, ",") {
		players, rate, ok := strings.Cut(strings.TrimSpace(text), "x")
		l := Load{}
		var err error
		if ok {
			l.Players, err = strconv.Atoi(players)
		}
		if ok && err == nil {
			l.Rate, err = strconv.ParseFloat(rate, 64)
		}
		switch {
		case !ok || err != nil:
			return nil, fmt.Errorf("%q: write players and actions per second of each, as in 100x20", text)
		case l.Players < 1 || l.Players > most.Players:
			return nil, fmt.Errorf("%q: players are 1 to %d", text, most.Players)
		case !(l.Rate >= minRate && l.Rate <= most.Rate): // not a number, too
			return nil, fmt.Errorf("%q: actions per second are %v to %v", text, minRate, most.Rate)
		case slices.Contains(out, l):
			return nil, fmt.Errorf("%q is there twice", text)
		}
		out = append(out, l)
	}
	return out, nil
}
