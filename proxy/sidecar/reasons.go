package sidecar

import (
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// codeOf is the wire code of a decision's reason; reasons are names of codes.
func codeOf(r failover.Reason) wire.Code {
	if r == failover.ReasonSession {
		return wire.CodeDeposed
	}
	if c, ok := wire.ParseCode(string(r)); ok {
		return c
	}
	return wire.CodeLinkClosed
}

func isSessionGone(err error) bool {
	return errors.Is(err, discovery.ErrSession) || errors.Is(err, discovery.ErrSessionLost)
}

// retryDelay paces what is tried again for ever: Consul that does not answer, a
// primary that cannot be dialed.
func retryDelay() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(50*time.Millisecond),
		backoff.WithMaxInterval(2*time.Second),
		backoff.WithMaxElapsedTime(0),
	)
}
