package config

import (
	"reflect"
	"strings"
	"time"
)

// key is one setting: its names, and where its value is.
type key struct {
	path  string // in the file, as link.idle
	env   string // as RESEAT_EDGE_LINK_IDLE
	flag  string // empty: has none
	help  string // of the flag
	value reflect.Value
}

// ways tells a person how to set it.
func (k key) ways() string {
	s := k.path + " in the file, " + k.env
	if k.flag != "" {
		s += " or --" + k.flag
	}
	return s
}

// keysOf lists the settings of root, a pointer to Edge or Sidecar, in the order
// of its fields.
func keysOf(root any) []key {
	v := reflect.ValueOf(root).Elem()
	return appendKeys(nil, v, "", envPrefix(root))
}

// envPrefix starts the names of root's environment variables: RESEAT_EDGE_.
func envPrefix(root any) string {
	return "RESEAT_" + strings.ToUpper(reflect.TypeOf(root).Elem().Name()) + "_"
}

func appendKeys(keys []key, section reflect.Value, prefix, env string) []key {
	for i := range section.NumField() {
		field, value := section.Type().Field(i), section.Field(i)
		path := prefix + field.Tag.Get("yaml")
		if value.Kind() == reflect.Struct {
			keys = appendKeys(keys, value, path+".", env)
			continue
		}
		keys = append(keys, key{
			path:  path,
			env:   env + strings.ToUpper(strings.ReplaceAll(path, ".", "_")),
			flag:  field.Tag.Get("flag"),
			help:  field.Tag.Get("help"),
			value: value,
		})
	}
	return keys
}

// Origins tells for each setting, by its path, where its value came from: a file
// and line, an environment variable or a flag. A default is not in it.
type Origins map[string]string

func (k key) isList() bool {
	_, is := reflect.TypeAssert[[]string](k.value)
	return is
}

func (k key) isSwitch() bool {
	_, is := reflect.TypeAssert[bool](k.value)
	return is
}

// kind names the form of a setting for messages about a wrong one.
func (k key) kind() string {
	switch k.value.Interface().(type) {
	case []string:
		return "a list, as [a, b]"
	case time.Duration:
		return "a duration, as 10s"
	case Size:
		return "a size, as 64KiB"
	case int, float64:
		return "a number"
	case bool:
		return "true or false"
	default:
		return "a single value"
	}
}
