package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/pflag"
)

// Source is where settings come from, besides the defaults.
type Source struct {
	Path    string   // the YAML file; empty: $RESEAT_EDGE_CONFIG or $RESEAT_SIDECAR_CONFIG, or none
	Environ []string // as os.Environ returns it
	Flags   Flags    // as EdgeFlags or SidecarFlags returned them, after parsing
}

// SettingError is one thing wrong with a setting, in one line that says what to do.
// The errors of this package are SettingErrors, joined.
type SettingError struct {
	Origin string // file:line, environment variable or flag; empty: a default
	Path   string // of the setting, may be empty
	Text   string
}

func (p *SettingError) Error() string {
	var parts []string
	for _, part := range []string{p.Origin, p.Path, p.Text} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Map(printable, strings.Join(parts, ": "))
}

// printable keeps a SettingError one line, whatever a file's keys are made of.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return unicode.ReplacementChar
}

// LoadEdge returns the settings of an edge, complete and checked, and where each
// came from.
func LoadEdge(src Source) (*Edge, Origins, error) {
	cfg := DefaultEdge()
	origins, err := load(&cfg, src)
	if err != nil {
		return nil, nil, err
	}
	return &cfg, origins, nil
}

// LoadSidecar returns the settings of a sidecar, complete and checked, and where
// each came from.
func LoadSidecar(src Source) (*Sidecar, Origins, error) {
	cfg := DefaultSidecar()
	origins, err := load(&cfg, src)
	if err != nil {
		return nil, nil, err
	}
	return &cfg, origins, nil
}

// settings is an *Edge or a *Sidecar.
type settings interface {
	complete(env environment, origins Origins)
	check(c *checker)
}

var (
	_ settings = (*Edge)(nil)
	_ settings = (*Sidecar)(nil)
)

func load(root settings, src Source) (Origins, error) {
	l := newLoader(root)
	env := newEnvironment(src.Environ)
	if src.Path == "" {
		src.Path = env[l.configEnv()]
	}
	if src.Path != "" {
		l.file(src.Path)
	}
	l.environment(env)
	l.flags(src.Flags)
	if len(l.errs) > 0 {
		return nil, errors.Join(l.errs...) // values that were not read would be checked as defaults
	}

	root.complete(env, l.origins)
	root.check(&checker{loader: l})
	return l.origins, errors.Join(l.errs...)
}

// loader reads sources into the settings of one root and gathers what is wrong.
type loader struct {
	prefix  string // of environment variables
	keys    []key
	origins Origins
	errs    []error
}

func newLoader(root any) *loader {
	return &loader{prefix: envPrefix(root), keys: keysOf(root), origins: Origins{}}
}

// configEnv names the environment variable with the file's path.
func (l *loader) configEnv() string { return l.prefix + "CONFIG" }

func (l *loader) key(path string) (key, bool) {
	i := slices.IndexFunc(l.keys, func(k key) bool { return k.path == path })
	if i < 0 {
		return key{}, false
	}
	return l.keys[i], true
}

func (l *loader) set(k key, text, origin string) {
	if err := assign(k.value, text); err != nil {
		l.problem(origin, k.path, "%v", err)
		return
	}
	l.origins[k.path] = origin
}

func (l *loader) problem(origin, path, format string, args ...any) {
	if named := strings.HasPrefix(origin, "--") || strings.HasPrefix(origin, l.prefix); named {
		path = "" // the origin says it already
	}
	l.errs = append(l.errs, &SettingError{Origin: origin, Path: path, Text: fmt.Sprintf(format, args...)})
}

// environment is the process's environment by name.
type environment map[string]string

func newEnvironment(environ []string) environment {
	env := environment{}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			env[name] = value
		}
	}
	return env
}

func (l *loader) environment(env environment) {
	known := map[string]bool{l.configEnv(): true}
	for _, k := range l.keys {
		known[k.env] = true
		if text := env[k.env]; text != "" {
			l.set(k, text, k.env)
		}
	}
	// Others may own variables with our prefix (Kubernetes makes some for a
	// service called reseat-edge), so only a slip of one letter is refused.
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if !strings.HasPrefix(name, l.prefix) || known[name] {
			continue
		}
		for _, k := range l.keys {
			if distance(name, k.env) == 1 {
				l.problem(name, "", "not a setting; did you mean %s?", k.env)
			}
		}
	}
}

// Flags are the command-line flags of settings: the text of each that was given,
// by the path of its setting.
type Flags map[string]string

// EdgeFlags adds the flags of an edge to fs.
func EdgeFlags(fs *pflag.FlagSet) Flags {
	cfg := DefaultEdge()
	return addFlags(fs, &cfg)
}

// SidecarFlags adds the flags of a sidecar to fs.
func SidecarFlags(fs *pflag.FlagSet) Flags {
	cfg := DefaultSidecar()
	return addFlags(fs, &cfg)
}

func addFlags(fs *pflag.FlagSet, root settings) Flags {
	flags := Flags{}
	for _, k := range keysOf(root) {
		if k.flag != "" {
			fs.Var(&flagValue{key: k, given: flags}, k.flag, k.help)
			if k.isSwitch() {
				fs.Lookup(k.flag).NoOptDefVal = "true" // the flag alone turns it on
			}
		}
	}
	return flags
}

func (l *loader) flags(flags Flags) {
	for _, k := range l.keys {
		if text, given := flags[k.path]; given {
			l.set(k, text, "--"+k.flag)
		}
	}
}

// flagValue records the text of a flag; the loader reads it, as it does for all
// other sources.
type flagValue struct {
	key   key
	given Flags
}

// String is the default, for the help text.
func (f *flagValue) String() string {
	if f.key.value.IsValid() && !f.key.value.IsZero() {
		return format(f.key.value)
	}
	return ""
}

// Set keeps the text; a list gathers the texts of its repeated flag.
func (f *flagValue) Set(text string) error {
	if before, again := f.given[f.key.path]; again && f.key.isList() {
		text = before + "," + text
	}
	f.given[f.key.path] = text
	return nil
}

// Type is shown in the help text.
func (f *flagValue) Type() string {
	switch {
	case f.key.isList():
		return "list"
	case f.key.isSwitch():
		return "bool"
	}
	return "string"
}
