package config

import (
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes.
type Size int64

// The units of a Size.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
)

var units = []struct {
	name string
	size Size
}{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}}

// ParseSize reads bytes, as "65536", or a number and a unit, as "64KiB".
func ParseSize(text string) (Size, error) {
	number, unit := text, Size(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 63)
	if err != nil || Size(n)*unit/unit != Size(n) || Size(n)*unit < 0 {
		return 0, fmt.Errorf("%q is not a size: write bytes, as 65536, or a unit, as 64KiB or 16MiB", text)
	}
	return Size(n) * unit, nil
}

// String is the size in the largest unit that leaves no fraction.
func (s Size) String() string {
	for _, u := range units {
		if s >= u.size && s%u.size == 0 && u.size > 1 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// assign reads text into a setting. It is the one reader for all sources.
func assign(setting reflect.Value, text string) error {
	switch v := setting.Addr().Interface().(type) {
	case *string:
		*v = text
	case *[]string:
		*v = splitList(text)
	case *bool:
		on, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*v = on
	case *float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%q is not a number", text)
		}
		*v = x
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		*v = n
	case *Size:
		size, err := ParseSize(text)
		if err != nil {
			return err
		}
		*v = size
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a duration: write a number and a unit, as 300ms, 10s or 5m", text)
		}
		*v = d
	case *slog.Level:
		level, ok := levels[text]
		if !ok {
			return fmt.Errorf("%q is not a log level: use debug, info, warn or error", text)
		}
		*v = level
	default:
		panic(fmt.Sprintf("config: settings of type %T are not known", v))
	}
	return nil
}

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// format is the inverse of assign; secrets in URLs are hidden.
func format(setting reflect.Value) string {
	switch v := setting.Interface().(type) {
	case string:
		return hidePassword(v)
	case []string:
		return strings.Join(v, ",")
	case slog.Level:
		return strings.ToLower(v.String())
	case time.Duration:
		return shortDuration(v)
	default:
		return fmt.Sprint(v)
	}
}

func splitList(text string) []string {
	var list []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// shortDuration writes 5m rather than 5m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func hidePassword(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil || u.User == nil {
		return "xxxxx" + text[strings.LastIndex(text, "@"):]
	}
	return u.Redacted()
}
