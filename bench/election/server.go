package election

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reseat-proxy/reseat/discovery"
)

// server is a sidecar's part in Consul.
type server struct {
	*discovery.Registration
	client      *discovery.Client
	incarnation string
}

// address is that of every server: nobody connects to it.
const address = "127.0.0.1:7001"

// register registers a server, and keeps it so until its session is lost, it is closed
// or g's context ends.
func register(ctx context.Context, g *errgroup.Group, client *discovery.Client, incarnation string) (*server, error) {
	r, err := client.Register(ctx, discovery.Server{Incarnation: incarnation, Name: incarnation, Address: address, Pool: true})
	if err != nil {
		return nil, err
	}
	g.Go(func() error {
		if err := r.Run(ctx); ctx.Err() == nil && !errors.Is(err, discovery.ErrSessionLost) {
			return err
		}
		return nil
	})
	return &server{r, client, incarnation}, nil
}

// take takes a region over, as soon as that can be.
func (s *server) take(ctx context.Context, region string) (discovery.Grant, error) {
	holder := discovery.Holder{Incarnation: s.incarnation, Address: address}
	for {
		grant, err := s.client.TakeOver(ctx, region, s.Session(), holder, 0)
		if err == nil || ctx.Err() != nil || !passing(err) {
			return grant, err
		}
	}
}

// passing tells whether a take-over that ended so may be repeated as it is.
func passing(err error) bool {
	return errors.Is(err, discovery.ErrRaced) || errors.Is(err, discovery.ErrHeld) || errors.Is(err, discovery.ErrUnavailable)
}

// found makes a server the leader of regions that nobody has led, alone in sync.
func (s *server) found(ctx context.Context, regions []string) (seats, error) {
	out := make(seats, len(regions))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, region := range regions {
		g.Go(func() error {
			_, err := s.take(ctx, region)
			if err == nil {
				out[i], err = s.client.ChangeInSync(ctx, region, s.Session(), 0, []string{s.incarnation})
			}
			return err
		})
	}
	return out, g.Wait()
}

// atOnce is how many changes are made at a time where time is not measured.
const atOnce = 8

// seats are the versions of the in-sync sets of some regions.
type seats []discovery.SetVersion

// share takes another server into the in-sync sets of regions that s leads.
func (s *server) share(ctx context.Context, with *server, regions []string, versions seats) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, region := range regions {
		g.Go(func() (err error) {
			versions[i], err = s.client.ChangeInSync(ctx, region, s.Session(), versions[i], []string{s.incarnation, with.incarnation})
			return err
		})
	}
	return g.Wait()
}

// agent is what is done to Consul by hand.
type agent interface {
	Do(ctx context.Context, method, path, body string) error
}

// fall makes the server's locks free.
func (s *server) fall(ctx context.Context, way string, a agent) error {
	switch way {
	case Session:
		return s.client.DestroySession(ctx, s.Session())
	case Check:
		return a.Do(ctx, http.MethodPut, "/v1/agent/check/update/beat:reseat-"+s.incarnation, `{"Status":"critical"}`)
	}
	return fmt.Errorf("election: unknown way %q", way)
}

// heir waits for one region to be free, and takes it.
type heir struct {
	free, taken time.Time
	version     discovery.SetVersion
}

func (s *server) inherit(ctx context.Context, views <-chan discovery.View, region string) (h heir, err error) {
	for h.free.IsZero() {
		select {
		case <-ctx.Done():
			return h, context.Cause(ctx)
		case v := <-views:
			if v.Primary == nil && v.Epoch > 0 {
				h.free = time.Now()
			}
		}
	}
	grant, err := s.take(ctx, region)
	h.taken, h.version = time.Now(), grant.InSyncVersion
	return h, err
}
