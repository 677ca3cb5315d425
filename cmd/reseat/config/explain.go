package config

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Explain writes the settings as YAML that can be read again, with the origin of
// each as a comment. It holds no secrets: those are in files, of which it has the
// paths.
func Explain[T Edge | Sidecar](w io.Writer, cfg *T, origins Origins) error {
	top := &yaml.Node{Kind: yaml.MappingNode}
	sections := map[string]*yaml.Node{"": top}
	for _, k := range keysOf(cfg) {
		section, name := "", k.path
		if i := strings.LastIndex(k.path, "."); i >= 0 {
			section, name = k.path[:i], k.path[i+1:]
		}
		if sections[section] == nil {
			sections[section] = &yaml.Node{Kind: yaml.MappingNode}
			top.Content = append(top.Content, scalar(section), sections[section])
		}
		node := valueNode(k.value)
		node.LineComment = "default"
		if origin := origins[k.path]; origin != "" {
			node.LineComment = origin
		}
		sections[section].Content = append(sections[section].Content, scalar(name), node)
	}

	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(top); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return enc.Close()
}

func valueNode(value reflect.Value) *yaml.Node {
	list, isList := reflect.TypeAssert[[]string](value)
	if !isList {
		node := scalar(format(value))
		if value.Kind() == reflect.String {
			node.Tag = "!!str" // so that the encoder quotes what is not plainly a string
		}
		return node
	}
	node := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, item := range list {
		node.Content = append(node.Content, scalar(item))
	}
	return node
}

func scalar(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }
