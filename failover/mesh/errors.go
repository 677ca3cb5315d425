package mesh

import (
	"errors"
	"fmt"

	"github.com/reseat-proxy/reseat/discovery"
)

// Reason says why the mesh does not do what was asked for. It is the code in the
// answer of the API, and a metric label.
type Reason string

// The reasons.
const (
	UnknownRegion   Reason = "unknown_region"
	UnknownServer   Reason = "unknown_server"
	AmbiguousServer Reason = "ambiguous_server" // several servers have that name
	ServerDead      Reason = "server_dead"
	ServerDraining  Reason = "server_draining"
	NotForRegion    Reason = "not_for_region" // neither fixed for it nor in the pool
	MoveUnderWay    Reason = "move_under_way"
	TooManyMoves    Reason = "too_many_moves"
	OutOfTime       Reason = "out_of_time"
	ConsulAway      Reason = "consul_away" // the mesh is not known, or not any more
)

// MoveError says why a region is not moved.
type MoveError struct {
	Region, To string
	Reason     Reason
	Detail     string
}

func (e *MoveError) Error() string {
	return fmt.Sprintf("mesh: region %s is not moved to %s: %s", e.Region, e.To, e.Detail)
}

// ServerError says why a server is not the one that is meant.
type ServerError struct {
	Server string // as it was called
	Reason Reason
	Detail string
}

func (e *ServerError) Error() string { return fmt.Sprintf("server %s: %s", e.Server, e.Detail) }

// reasonOf is the reason in an error of this package.
func reasonOf(err error) Reason {
	if server, ok := errors.AsType[*ServerError](err); ok {
		return server.Reason
	}
	return UnknownServer
}

// FindServer is the server that somebody calls by its incarnation, or by its name
// if only one of that name is alive.
func FindServer(m discovery.Mesh, who string) (discovery.Server, error) {
	if s, ok := m.Server(who); ok {
		return s, nil
	}
	var named, passing []discovery.Server
	for _, s := range m.Servers {
		if s.Name != who || who == "" {
			continue
		}
		named = append(named, s)
		if s.Passing {
			passing = append(passing, s)
		}
	}
	switch {
	case len(passing) == 1:
		return passing[0], nil
	case len(named) == 1:
		return named[0], nil
	case len(named) == 0:
		return discovery.Server{}, &ServerError{who, UnknownServer, "no server of that name or incarnation is registered"}
	}
	return discovery.Server{}, &ServerError{
		who, AmbiguousServer, fmt.Sprintf("%d servers have that name; give the incarnation of the one that is meant", len(named)),
	}
}
