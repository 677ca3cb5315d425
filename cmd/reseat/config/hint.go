package config

import "strings"

// nearest is the key that name, which is unknown in the section prefix, was most
// likely meant to be: a neighbor that looks like it, else one of that name in
// another section. It is empty if there is none.
func (l *loader) nearest(name, prefix string) string {
	best, bestDistance := "", max(2, len(name)/3)+1
	for _, near := range l.names(prefix) {
		d := distance(name, near)
		if len(name) > 2 && (strings.HasPrefix(near, name) || strings.HasPrefix(name, near)) {
			d = min(d, 1)
		}
		if d < bestDistance {
			best, bestDistance = near, d
		}
	}
	if best != "" {
		return prefix + best
	}
	for _, k := range l.keys {
		if k.path == name || strings.HasSuffix(k.path, "."+name) {
			return k.path
		}
	}
	return ""
}

// names are the keys and sections right below prefix.
func (l *loader) names(prefix string) []string {
	var names []string
	for _, k := range l.keys {
		if rest, below := strings.CutPrefix(k.path, prefix); below {
			name, _, _ := strings.Cut(rest, ".")
			names = append(names, name)
		}
	}
	return names
}

// distance counts the letters to insert, remove, replace or swap with their
// neighbor to turn a into b.
func distance(a, b string) int {
	before, last, next := []int(nil), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(last[j]+1, next[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, last, next = last, next, make([]int, len(b)+1)
	}
	return last[len(b)]
}
