package demo

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/proxy/admin"
)

// Stage is a point that a region has reached on its way to another primary, as the
// edges saw it: held, elected, serving, switched, resent, durable. Of several edges
// it is when the last one did.
type Stage struct {
	Name string        `json:"name"`
	At   time.Duration `json:"at_ns"` // since the fault
}

// noticing are the events by which processes say that a primary is gone. Those of a
// region name it; that a game is gone concerns all regions that it led.
var noticing = []string{"game_down", "suspect", "detected", "held"}

// notice takes in that a process has noticed.
func (f *Failover) notice(e fleet.Event, began time.Time) {
	if at := e.At.Sub(began); slices.Contains(noticing, e.Name) && at > 0 && (f.Noticed == 0 || at < f.Noticed) {
		f.Noticed = at
	}
}

// stages asks the edges how far each region of the round has come, and when.
func (s *scene) stages(ctx context.Context) error {
	stage := s.d.stage
	for _, edge := range stage.edges {
		if slices.Contains(s.Edges, edge.Name) {
			continue
		}
		seen, err := stage.saw(ctx, edge)
		if err != nil {
			return err
		}
		stage.update(func(k *known) {
			for _, one := range seen {
				if f := k.moves[one.Region]; f != nil {
					f.reach(one, s.At)
				}
			}
		})
	}
	return nil
}

// saw are the failovers that an edge remembers.
func (s *stage) saw(ctx context.Context, edge *fleet.Server) ([]admin.FailoverStatus, error) {
	api, err := admin.NewClient(s.admin(edge.Name), "", nil)
	if err != nil {
		return nil, err
	}
	defer api.Close()
	status, err := api.Status(ctx)
	return status.Failovers, err
}

// reach takes in what an edge saw of the region since the fault.
func (f *Failover) reach(seen admin.FailoverStatus, began time.Time) {
	if seen.Started.Before(began) {
		return
	}
	for _, stage := range seen.Stages {
		at := seen.Started.Sub(began) + time.Duration(stage.MS*float64(time.Millisecond))
		i := slices.IndexFunc(f.Stages, func(s Stage) bool { return s.Name == stage.Name })
		if i < 0 {
			f.Stages = append(f.Stages, Stage{stage.Name, at})
			continue
		}
		f.Stages[i].At = max(f.Stages[i].At, at)
	}
	slices.SortStableFunc(f.Stages, func(a, b Stage) int { return cmp.Compare(a.At, b.At) })
}
