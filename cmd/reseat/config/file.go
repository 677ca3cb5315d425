package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// file reads the YAML file at path into the settings. The settings are walked
// beside the document's nodes rather than decoded from it: so every problem has
// its line, and texts are read as those of flags and variables are.
func (l *loader) file(path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		l.problem(path, "", "%s", whyUnreadable(err))
		return
	}
	doc := &document{loader: l, path: path}
	doc.read(text)
}

// whyUnreadable is the reason without the path, which is said elsewhere.
func whyUnreadable(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "no such file"
	case errors.Is(err, fs.ErrPermission):
		return "not readable by this user"
	}
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// document is one YAML file on its way into the settings.
type document struct {
	*loader
	path string
}

func (d *document) read(text []byte) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var root, more yaml.Node
	switch err := dec.Decode(&root); {
	case errors.Is(err, io.EOF):
		d.problem(d.path, "", "is empty: write settings into it, or start without it to run on defaults")
		return
	case err != nil:
		d.syntax(err)
		return
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		d.problem(d.path, "", "has more than one document: remove what follows the second ---")
		return
	}
	d.section(root.Content[0], "")
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func (d *document) syntax(err error) {
	origin, text := d.path, err.Error()
	if m := yamlError.FindStringSubmatch(text); m != nil {
		text = m[2]
		if m[1] != "" {
			origin += ":" + m[1]
		}
	}
	d.problem(origin, "", "not valid YAML: %s", text)
}

// section reads a mapping whose settings have paths that start with prefix.
func (d *document) section(node *yaml.Node, prefix string) {
	node = resolve(node)
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		return // all its settings are commented out
	}
	if node.Kind != yaml.MappingNode {
		d.problem(d.at(node), strings.TrimSuffix(prefix, "."), "must be a section: lines of key: value")
		return
	}
	lines := map[string]int{} // of each key
	for i := 0; i < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]
		path := prefix + name.Value
		if line, twice := lines[name.Value]; twice {
			d.problem(d.at(name), path, "stands twice, first in line %d: remove one", line)
			continue
		}
		lines[name.Value] = name.Line
		d.entry(name, value, path, prefix)
	}
}

func (d *document) entry(name, value *yaml.Node, path, prefix string) {
	if k, known := d.key(path); known {
		d.setting(k, value)
		return
	}
	if d.isSection(path) {
		d.section(value, path+".")
		return
	}
	hint := ""
	if near := d.nearest(name.Value, prefix); near != "" {
		hint = fmt.Sprintf("; did you mean %s?", near)
	}
	d.problem(d.at(name), path, "unknown key%s", hint)
}

func (d *document) setting(k key, node *yaml.Node) {
	node = resolve(node)
	isList := k.isList()
	switch {
	case node.Kind == yaml.ScalarNode && node.Tag == "!!null":
		d.problem(d.at(node), k.path, "has no value: give it one, or remove the line")
	case isList && node.Kind == yaml.SequenceNode:
		d.list(k, node)
	case !isList && node.Kind == yaml.ScalarNode:
		d.set(k, node.Value, d.at(node))
	default:
		d.problem(d.at(node), k.path, "must be %s", k.kind())
	}
}

func (d *document) list(k key, node *yaml.Node) {
	items := make([]string, 0, len(node.Content))
	for _, item := range node.Content {
		item = resolve(item)
		if item.Kind != yaml.ScalarNode || strings.Contains(item.Value, ",") {
			d.problem(d.at(item), k.path, "must be %s", k.kind())
			return
		}
		items = append(items, item.Value)
	}
	d.set(k, strings.Join(items, ","), d.at(node))
}

// at is the place of a node: file:line.
func (d *document) at(node *yaml.Node) string { return fmt.Sprintf("%s:%d", d.path, node.Line) }

// resolve follows an alias to what it stands for.
func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func (l *loader) isSection(path string) bool {
	for _, k := range l.keys {
		if strings.HasPrefix(k.path, path+".") {
			return true
		}
	}
	return false
}
