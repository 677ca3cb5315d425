package judge

import "github.com/reseat-proxy/reseat/bench/world"

// Ledger is what one client wrote down.
type Ledger struct {
	Player      string   `json:"player"`
	Region      string   `json:"region,omitempty"`
	Sent        uint64   `json:"sent"`              // actions 1..Sent were accepted
	Durable     uint64   `json:"durable"`           // actions 1..Durable were acknowledged as durable
	Hash        uint64   `json:"hash,string"`       // world.Chain over the payloads 1..Sent
	Refused     []uint64 `json:"refused,omitempty"` // actions that were refused, ascending
	Fell        uint64   `json:"fell"`              // times the durable mark went down, or above what was sent
	Strays      uint64   `json:"strays"`            // replies that no action of this client asked for
	Disconnects uint64   `json:"disconnects"`       // times the connection to the edge was lost
	Resumes     uint64   `json:"resumes"`           // times the session went on after that, perhaps on another edge

	// Rolls is what each answer said first that chance gave: 0 where it had no
	// part in it. Contradicted counts the answers that said something else later.
	Rolls        world.Rolls `json:"rolls,omitempty"`
	Contradicted uint64      `json:"contradicted"`

	Ended string `json:"ended,omitempty"` // why the session ended before the client wanted it to
}

// Allowance is something that the fault of a run explains, and that breaks no
// promise then. It is counted all the same.
type Allowance uint8

// The allowances.
const (
	// AllowResumes: an edge died, or was cut off. Connections may be lost, if
	// each loss was followed by a resume.
	AllowResumes Allowance = 1 << iota
	// AllowRefusals: there was poison. Actions may be refused, if they were not
	// carried out.
	AllowRefusals
	// AllowRerolls: replies did not wait until their action was safe. A player may
	// have seen what chance gave, and a failover took back.
	AllowRerolls
)
