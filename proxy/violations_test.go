package proxy_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// violate notes that a promise was broken. The test goes on, so that everything
// is taken down, and fails in the end; what follows from the first few is not told.
func (m *mesh) violate(format string, args ...any) {
	if m.violations.Add(1) > 4 {
		return
	}
	line := fmt.Sprintf(format, args...)
	m.log.Error("VIOLATION " + line)
	m.t.Errorf("violation at %v: %s", time.Since(epochZero), line)
}

// clerk is a log handler that takes down which actions are quarantined.
type clerk struct {
	slog.Handler
	left *sync.Map
}

func (c *clerk) Enabled(context.Context, slog.Level) bool { return true }

func (c *clerk) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &clerk{c.Handler.WithAttrs(attrs), c.left}
}

func (c *clerk) Handle(ctx context.Context, r slog.Record) error {
	fields := map[string]string{}
	if r.Level == slog.LevelError {
		r.Attrs(func(a slog.Attr) bool { fields[a.Key] = a.Value.String(); return true })
	}
	if fields["event"] == "quarantined" {
		c.left.Store(fields["player"]+" "+fields["seq"], true)
	}
	if !c.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return c.Handler.Handle(ctx, r)
}
