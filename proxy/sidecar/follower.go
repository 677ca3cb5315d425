package sidecar

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/pump"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// follower keeps a backup's own link to the primary of its region. The link is
// this sidecar's witness of the primary's death, independent of what edges say.
type follower struct {
	region *region
	holder chan *discovery.Holder      // one slot, the newest; nil: nobody to follow
	last   discovery.Holder            // owned by the control goroutine
	out    atomic.Pointer[pump.Buffer] // of the present link, nil between links
}

func newFollower(r *region) *follower {
	return &follower{region: r, holder: make(chan *discovery.Holder, 1)}
}

// see is called by the control goroutine with every view.
func (f *follower) see(v discovery.View) {
	if v.Stale {
		return // fail static
	}
	var h *discovery.Holder
	if p := v.Primary; p != nil && p.Address != "" && p.Incarnation != f.region.life.id {
		h = p
	}
	if (h == nil && f.last == discovery.Holder{}) || (h != nil && *h == f.last) {
		return
	}
	f.last = discovery.Holder{}
	if h != nil {
		f.last = *h
	}
	select {
	case <-f.holder:
	default:
	}
	f.holder <- h
}

// probe makes the link say what it knows: a packet to a dead process is refused
// at once, where the next keep-alive may be some time off.
func (f *follower) probe() {
	if out := f.out.Load(); out != nil {
		_ = pump.Add(out, wire.Stale{Epoch: f.region.floor.Load()}) // full: packets are on their way
	}
}

// run follows one primary after the other.
func (f *follower) run(ctx context.Context) error {
	var holder *discovery.Holder
	for {
		var done chan struct{}
		fctx, cancel := context.WithCancel(ctx)
		if holder != nil {
			done = make(chan struct{})
			go func(h discovery.Holder) { defer close(done); f.follow(fctx, h) }(*holder)
		}
		select {
		case <-ctx.Done():
		case holder = <-f.holder:
		}
		cancel()
		if done != nil {
			<-done
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// follow dials the primary again and again for as long as it is the primary.
func (f *follower) follow(ctx context.Context, h discovery.Holder) {
	delay := retryDelay()
	for ctx.Err() == nil {
		began := time.Now()
		why := f.connect(ctx, h)
		if ctx.Err() != nil {
			return
		}
		f.region.log.Debug("link to the primary ended", "primary", h.Incarnation, "reason", why.String())
		if reason := failover.Reason(why.String()); reason.Witnessed() {
			f.region.post(failover.Witness{From: f.region.life.id, Suspicion: failover.Suspicion{
				Epoch: h.Epoch, Session: h.Session, Incarnation: h.Incarnation, Reason: reason,
			}})
		}
		if time.Since(began) > time.Second {
			delay.Reset()
		}
		select {
		case <-ctx.Done():
		case <-time.After(delay.NextBackOff()):
		}
	}
}

// connect holds one link until it ends and returns why it did.
func (f *follower) connect(ctx context.Context, h discovery.Holder) wire.Code {
	r := f.region
	cfg := r.life.sc.cfg.Link
	cfg.TLS = r.life.sc.cfg.ClientTLS
	conn, err := link.Dial(ctx, h.Address, cfg)
	if err != nil {
		return link.Cause(err)
	}
	defer conn.Close(wire.CodeLeft)
	st, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return link.Cause(err)
	}
	out := pump.NewBuffer(1 << 16)
	_ = pump.Add(out, wire.Open{
		Version: wire.Version, Role: wire.RoleBackup, Region: r.name, Incarnation: r.life.id, Epoch: r.floor.Load(),
	})
	f.out.Store(out)
	defer f.out.Store(nil)
	go func() { _ = pump.Run(conn.Context(), st, out.Waker, out) }()
	stop := context.AfterFunc(ctx, func() { conn.Close(wire.CodeLeft) })
	defer stop()
	reader := wire.NewReader(st, wire.LinkRegion)
	for {
		if _, _, err := reader.Next(); err != nil {
			<-conn.Context().Done()
			return link.Cause(context.Cause(conn.Context()))
		}
	}
}
