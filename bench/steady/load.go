package steady

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Payload is the size of an action and of its answer, in bytes.
const Payload = 64

// Load is how many play, and how.
type Load struct {
	Players int     `json:"players"`
	Rate    float64 `json:"rate,omitempty"`   // actions per second of each player; 0: as many as Window allows
	Window  int     `json:"window,omitempty"` // actions that each player keeps on the way
}

// Saturated is the load that keeps everybody as busy as can be, in batches: fewer on
// the way than an edge keeps (100), so that it never has to push back.
var Saturated = Load{Players: 50, Window: 64}

// Limits of a load: what one process of players carries.
const (
	maxPlayers = 5000
	maxRate    = 1000
	maxWindow  = 90
)

// String is the load as ParseLoad reads it.
func (l Load) String() string {
	switch {
	case l == Saturated:
		return "saturated"
	case l.Window > 0:
		return fmt.Sprintf("%dw%d", l.Players, l.Window)
	}
	return fmt.Sprintf("%dx%s", l.Players, strconv.FormatFloat(l.Rate, 'g', -1, 64))
}

// interval is how far apart the actions of a player are.
func (l Load) interval() time.Duration { return time.Duration(float64(time.Second) / l.Rate) }

// ParseLoads reads loads that commas separate.
func ParseLoads(text string) (loads []Load, err error) {
	for one := range strings.SplitSeq(text, ",") {
		l, err := ParseLoad(strings.TrimSpace(one))
		if err != nil {
			return nil, err
		}
		if slices.Contains(loads, l) {
			return nil, fmt.Errorf("load %v is there twice", l)
		}
		loads = append(loads, l)
	}
	return loads, nil
}

// ParseLoad reads "100x30", which is 100 players with 30 actions a second each;
// "50w64", which is 50 players who keep 64 actions on the way each; or "saturated".
func ParseLoad(text string) (l Load, err error) {
	if text == Saturated.String() {
		return Saturated, nil
	}
	bad := fmt.Errorf("%q is no load: write PLAYERSxRATE such as 100x30, PLAYERSwWINDOW such as 50w64, or saturated", text)
	at := strings.IndexAny(text, "xw")
	if at < 0 {
		return l, bad
	}
	if l.Players, err = strconv.Atoi(text[:at]); err != nil {
		return l, bad
	}
	if text[at] == 'w' {
		l.Window, err = strconv.Atoi(text[at+1:])
	} else {
		l.Rate, err = strconv.ParseFloat(text[at+1:], 64)
	}
	if err != nil {
		return l, bad
	}
	return l, l.Check()
}

// Check tells what is out of range.
func (l Load) Check() error {
	switch {
	case l.Players < 1 || l.Players > maxPlayers:
		return fmt.Errorf("load %v: 1 to %d players", l, maxPlayers)
	case l.Window < 0 || l.Window > maxWindow:
		return fmt.Errorf("load %v: 1 to %d actions on the way", l, maxWindow)
	case l.Window == 0 && (!(l.Rate > 0) || l.Rate > maxRate): // NaN is no rate
		return fmt.Errorf("load %v: more than 0 and at most %d actions a second", l, maxRate)
	case l.Window > 0 && l.Rate != 0:
		return fmt.Errorf("load %v: a rate or a window, not both", l)
	}
	return nil
}
