package launch

import (
	"context"

	"github.com/reseat-proxy/reseat/failover/mesh/hook"
)

// Webhook launches by posting the Request to somebody who knows how. Any 2xx means
// that a server is on its way. A try that fails for a moment is repeated with the
// same ID, which must not start another one.
type Webhook struct{ c *hook.Client }

var _ Launcher = (*Webhook)(nil)

// NewWebhook returns a Launcher, or says what is wrong with cfg.
func NewWebhook(cfg hook.Config) (*Webhook, error) {
	c, err := hook.New(cfg)
	if err != nil {
		return nil, err
	}
	return &Webhook{c}, nil
}

// Launch posts the request.
func (w *Webhook) Launch(ctx context.Context, r Request) error {
	if _, err := w.c.Post(ctx, "", r); err != nil {
		return &Error{"webhook", r, err}
	}
	return nil
}
