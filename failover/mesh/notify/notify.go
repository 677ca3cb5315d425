// Package notify tells alerts to people: to the log, and to a webhook. Nobody waits
// for it: a webhook that hangs costs the oldest alerts, which are counted, and the
// mesh nothing.
package notify

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/failover/mesh/hook"
)

// Sink takes alerts: raised, repeated, cleared. It does not block.
type Sink interface{ Tell(mesh.Alert) }

// Log writes alerts to a log.
type Log struct{ To *slog.Logger }

var (
	_ Sink = Log{}
	_ Sink = (*Webhook)(nil)
)

// Tell writes an alert.
func (l Log) Tell(a mesh.Alert) {
	level := map[mesh.Severity]slog.Level{mesh.Info: slog.LevelInfo, mesh.Warning: slog.LevelWarn, mesh.Critical: slog.LevelError}[a.Severity]
	if !a.Active {
		level = slog.LevelInfo
	}
	l.To.Log(context.Background(), level, "alert", "event", "alert", "key", a.Key, "severity", string(a.Severity),
		"active", a.Active, "region", a.Region, "message", a.Message, "since", a.Since)
}

// maxQueue bounds the alerts that wait for a webhook. A mesh of a hundred regions
// that loses everything at once has some two hundred; older ones are of no use.
const maxQueue = 256

// Webhook posts each alert as JSON, one after the other. Somebody must call Run.
type Webhook struct {
	c    *hook.Client
	from string
	log  *slog.Logger

	sent, dropped, failed atomic.Uint64

	mu    sync.Mutex // guards the field below
	queue []mesh.Alert
	wake  chan struct{} // of one slot: a word sent before somebody waits is not lost
}

// Message is what a webhook gets.
type Message struct {
	mesh.Alert
	From string    `json:"from"` // the edge that says so
	At   time.Time `json:"at"`
}

// NewWebhook returns a Sink for the edge of that name, or says what is wrong with cfg.
func NewWebhook(cfg hook.Config, from string, log *slog.Logger) (*Webhook, error) {
	c, err := hook.New(cfg)
	if err != nil {
		return nil, err
	}
	return &Webhook{c: c, from: from, log: log, wake: make(chan struct{}, 1)}, nil
}

// Tell puts an alert into the queue, in the place of the oldest one if it is full.
func (w *Webhook) Tell(a mesh.Alert) {
	w.mu.Lock()
	if len(w.queue) == maxQueue {
		w.queue = append(w.queue[:0], w.queue[1:]...)
		w.dropped.Add(1)
	}
	w.queue = append(w.queue, a)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run posts what is told until ctx ends, and returns its cause.
func (w *Webhook) Run(ctx context.Context) error {
	for {
		a, ok := w.next()
		if !ok {
			select {
			case <-w.wake:
				continue
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if _, err := w.c.Post(ctx, "", Message{a, w.from, time.Now().UTC()}); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			w.failed.Add(1)
			w.log.Warn("could not tell an alert", "key", a.Key, "err", err)
			continue
		}
		w.sent.Add(1)
	}
}

func (w *Webhook) next() (mesh.Alert, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return mesh.Alert{}, false
	}
	a := w.queue[0]
	w.queue = w.queue[1:]
	return a, true
}

// Stats counts what became of alerts. Each one that was told is in one of them, or
// waits.
type Stats struct {
	Sent    uint64
	Dropped uint64 // the queue was full
	Failed  uint64 // the webhook did not take it in time
	Waiting int
}

// Stats returns the counters.
func (w *Webhook) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return Stats{w.sent.Load(), w.dropped.Load(), w.failed.Load(), len(w.queue)}
}
