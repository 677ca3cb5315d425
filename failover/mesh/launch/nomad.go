package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/reseat-proxy/reseat/failover/mesh/hook"
)

// NomadConfig is a job of pool servers whose count is raised by one for each launch.
// The token needs read-job-scaling and scale-job in the job's namespace.
type NomadConfig struct {
	// Hook says where Nomad is: the URL of an agent, such as http://127.0.0.1:4646.
	// The token goes into X-Nomad-Token.
	Hook      hook.Config
	Job       string
	Group     string
	Namespace string // empty: the token's default
	// Max is the count that is never exceeded: nobody who does not come may fill a
	// cluster.
	Max int
}

// Nomad launches by scaling a job.
type Nomad struct {
	c    *hook.Client
	cfg  NomadConfig
	turn chan struct{} // of one slot, taken from reading the count to writing it: two launches are two servers
}

var _ Launcher = (*Nomad)(nil)

// NewNomad returns a Launcher, or says what is wrong with cfg.
func NewNomad(cfg NomadConfig) (*Nomad, error) {
	switch {
	case cfg.Job == "":
		return nil, errors.New("launch: nomad: the job is empty: give the ID of the job of the pool servers")
	case cfg.Group == "":
		return nil, errors.New("launch: nomad: the group is empty: give the task group that is to be scaled")
	case cfg.Max < 1:
		return nil, fmt.Errorf("launch: nomad: max is %d: give the count that must not be exceeded, at least 1", cfg.Max)
	}
	cfg.Hook.TokenHeader = "X-Nomad-Token"
	c, err := hook.New(cfg.Hook)
	if err != nil {
		return nil, err
	}
	return &Nomad{c: c, cfg: cfg, turn: make(chan struct{}, 1)}, nil
}

// scaleStatus is what Nomad says of a job's counts.
type scaleStatus struct {
	JobStopped bool
	TaskGroups map[string]struct {
		Desired int
		Running int
	}
}

// scaleRequest is what it wants to be told.
type scaleRequest struct {
	Count   int
	Target  map[string]string
	Message string
	Meta    map[string]string `json:",omitempty"`
}

// Launch raises the count by one. While a deployment of the job is active Nomad
// refuses that.
func (n *Nomad) Launch(ctx context.Context, r Request) error {
	select {
	case n.turn <- struct{}{}:
		defer func() { <-n.turn }()
	case <-ctx.Done():
		return &Error{"nomad", r, context.Cause(ctx)}
	}
	if err := n.scale(ctx, r); err != nil {
		return &Error{"nomad", r, err}
	}
	return nil
}

func (n *Nomad) scale(ctx context.Context, r Request) error {
	path := "/v1/job/" + url.PathEscape(n.cfg.Job) + "/scale"
	if n.cfg.Namespace != "" {
		path += "?namespace=" + url.QueryEscape(n.cfg.Namespace)
	}
	text, err := n.c.Get(ctx, path)
	if err != nil {
		return err
	}
	var status scaleStatus
	if err := json.Unmarshal(text, &status); err != nil {
		return fmt.Errorf("the answer is not Nomad's: %w", err)
	}
	group, ok := status.TaskGroups[n.cfg.Group]
	switch {
	case status.JobStopped:
		return fmt.Errorf("job %s is stopped: run it again", n.cfg.Job)
	case !ok:
		return fmt.Errorf("job %s has no group %s", n.cfg.Job, n.cfg.Group)
	case group.Desired >= n.cfg.Max:
		return fmt.Errorf("job %s wants %d of group %s already, of which %d run, and more than %d are not allowed",
			n.cfg.Job, group.Desired, n.cfg.Group, group.Running, n.cfg.Max)
	}
	_, err = n.c.Post(ctx, path, scaleRequest{
		Count:   group.Desired + 1,
		Target:  map[string]string{"Job": n.cfg.Job, "Group": n.cfg.Group},
		Message: fmt.Sprintf("reseat: region %s lacks servers (launch %s)", r.Region, r.ID),
		Meta:    map[string]string{"reseat_launch": r.ID, "reseat_region": r.Region, "reseat_zone": r.Zone},
	})
	return err
}
