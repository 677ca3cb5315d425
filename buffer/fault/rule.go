//go:build fault

package fault

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rule is what is to happen at a failpoint.
type rule struct {
	skip    int     // times that pass without effect
	left    int     // times that it may still happen; below 0: any number
	percent float64 // of the times
	action  string
	sleep   time.Duration
}

// fires counts one time that a point is passed, and tells whether the rule acts.
func (r *rule) fires() bool {
	switch {
	case r.skip > 0:
		r.skip--
		return false
	case r.left == 0 || rand.Float64()*100 >= r.percent:
		return false
	}
	r.left--
	return true
}

// parse reads rules, separated by semicolons.
func parse(spec string) (map[Failpoint]*rule, error) {
	rules := map[Failpoint]*rule{}
	for part := range strings.SplitSeq(spec, ";") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		name, text, ok := strings.Cut(part, "=")
		point := Failpoint(strings.TrimSpace(name))
		if !ok {
			return nil, fmt.Errorf("%q is not name=action", part)
		}
		if !slices.Contains(Failpoints, point) {
			return nil, errors.New(unknown(point))
		}
		r, err := parseRule(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("failpoint %s: %w", point, err)
		}
		rules[point] = r
	}
	return rules, nil
}

// parseRule reads [skip n] [n*] [p%] action.
func parseRule(text string) (*rule, error) {
	r := &rule{left: -1, percent: 100}
	if rest, ok := strings.CutPrefix(text, "skip "); ok {
		number, after, _ := strings.Cut(strings.TrimSpace(rest), " ")
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("skip %q is not a number", number)
		}
		r.skip, text = n, strings.TrimSpace(after)
	}
	if number, after, ok := strings.Cut(text, "*"); ok {
		n, err := strconv.Atoi(strings.TrimSpace(number))
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%q is not a number of times", number)
		}
		r.left, text = n, strings.TrimSpace(after)
	}
	if number, after, ok := strings.Cut(text, "%"); ok {
		p, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(p >= 0 && p <= 100) {
			return nil, fmt.Errorf("%q is not a percentage", number)
		}
		r.percent, text = p, strings.TrimSpace(after)
	}
	return r, r.parseAction(text)
}

func (r *rule) parseAction(text string) error {
	inner, sleeps := strings.CutPrefix(text, "sleep(")
	inner, closed := strings.CutSuffix(inner, ")")
	switch {
	case sleeps && closed:
		d, err := time.ParseDuration(inner)
		if err != nil || d < 0 {
			return fmt.Errorf("sleep(%s) is not a duration", inner)
		}
		r.action, r.sleep = "sleep", d
	case text == "panic", text == "exit", text == "kill":
		r.action = text
	default:
		return fmt.Errorf("no action is called %q: there are panic, exit, kill and sleep(duration)", text)
	}
	return nil
}
