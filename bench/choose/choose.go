// Package choose reads what people choose by name: faults, scenes, paths and the like.
package choose

import (
	"fmt"
	"slices"
	"strings"
)

// From returns what a comma-separated list names, in its order. names are those of all,
// and what says in an error what they are of.
func From[T any](what, list string, names []string, all []T) (out []T, err error) {
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		i := slices.Index(names, name)
		if i < 0 {
			return nil, fmt.Errorf("unknown %s %q: choose from %s", what, name, strings.Join(names, ", "))
		}
		out = append(out, all[i])
	}
	return out, nil
}

// Once is From for what makes no sense twice.
func Once[T comparable](what, list string, names []string, all []T) ([]T, error) {
	out, err := From(what, list, names, all)
	for i, one := range out {
		if slices.Contains(out[:i], one) {
			return nil, fmt.Errorf("%s %q is there twice", what, names[slices.Index(all, one)])
		}
	}
	return out, err
}
