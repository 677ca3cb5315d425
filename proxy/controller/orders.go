package controller

import (
	"maps"
	"sync"
	"time"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover/mesh"
	"github.com/reseat-proxy/reseat/proxy/trace"
)

// orders are this term's of the last minute, one for each region at most, that no trace
// has. Each is part of the trace of the move that it led to, which begins later, with
// the heir's claim: so it is told when the region is seen to be led by the heir.
type orders struct {
	tracer *trace.Tracer

	mu       sync.Mutex // guards the field below; nothing is called out under it
	byRegion map[string]*order
}

// order is one, on its way from the decision to the trace.
type order struct {
	*mesh.Order
	epoch   uint64 // of who is to hand over
	decided time.Time
	written time.Time // zero: we have not heard so
	parent  string    // of the move; empty: the heir does not lead yet
}

// memory is how long an order is remembered. It is more than most moves get.
const memory = time.Minute

func newOrders(tracer *trace.Tracer) *orders {
	return &orders{tracer: tracer, byRegion: map[string]*order{}}
}

// decided notes that seats are about to be written, which may have an order. Another one
// for the same region takes its place.
func (o *orders) decided(now time.Time, put mesh.PutSeats, from *discovery.Holder) {
	if o.tracer == nil || put.Order == nil || from == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.byRegion[put.Region] = &order{Order: put.Order, epoch: from.Epoch, decided: now}
}

// written notes what came of that. What is not known to be written is not told.
func (o *orders) written(now time.Time, put mesh.PutSeats, err error) {
	o.mu.Lock()
	if one := o.byRegion[put.Region]; one != nil && one.Order == put.Order {
		one.written = now
		if err != nil {
			delete(o.byRegion, put.Region)
		}
	}
	o.mu.Unlock()
	o.tell()
}

// see looks who leads now, and forgets what is old.
func (o *orders) see(now time.Time, m discovery.Mesh) {
	o.mu.Lock()
	maps.DeleteFunc(o.byRegion, func(region string, one *order) bool { return !one.follow(now, m.Region(region).Primary) })
	o.mu.Unlock()
	o.tell()
}

// follow takes in who leads, and tells whether there may be something to tell yet.
func (o *order) follow(now time.Time, leads *discovery.Holder) bool {
	switch {
	case now.Sub(o.decided) > memory:
		return false
	case o.parent != "" || leads == nil || leads.Epoch <= o.epoch:
		return true // our own write may come to our ears after the move
	case leads.Incarnation != o.To:
		return false
	}
	o.parent = leads.Trace
	return o.parent != ""
}

// tell tells what is written and has been followed.
func (o *orders) tell() {
	var done []part
	o.mu.Lock()
	for region, one := range o.byRegion {
		if one.parent != "" && !one.written.IsZero() {
			done = append(done, part{one.parent, one.span(region)})
			delete(o.byRegion, region)
		}
	}
	o.mu.Unlock()
	for _, one := range done {
		o.tracer.Tell(one.parent, one.span)
	}
}

// part is what one of them adds to a trace.
type part struct {
	parent string
	span   trace.Span
}

// span is from when somebody asked for it until it was in Consul.
func (o *order) span(region string) trace.Span {
	began := o.Asked
	if began.IsZero() {
		began = o.decided
	}
	return trace.Span{
		Name: "order", Start: began, End: o.written, Events: []trace.Event{{Name: "decided", At: o.decided}},
		Attrs: []trace.Attr{
			trace.Str("region", region), trace.Str("from", o.From), trace.Str("to", o.To),
			trace.Int("epoch_before", o.epoch), trace.Str("why", string(o.Why)),
		},
	}
}
