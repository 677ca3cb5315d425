package history

import "time"

// Setup is what a run was meant to be: what it allows, and what must have
// happened for it to prove anything.
type Setup struct {
	Name   string `json:"name"`
	Commit string `json:"commit,omitempty"`
	Seed   uint64 `json:"seed"`

	// Strict: output commit is on, so an answer that a player has seen stands.
	// Otherwise only durable marks promise anything.
	Strict bool `json:"strict"`
	// Poison: some actions are meant to be refused.
	Poison bool `json:"poison,omitempty"`
	// Roaming: players are meant to lose their connections (edges die, networks
	// are cut).
	Roaming bool `json:"roaming,omitempty"`

	// Kept is how many actions a client may keep; 0: 100.
	Kept uint64 `json:"kept,omitempty"`
	// Lag is by how much a client may have heard of room later than it used it,
	// and other small differences between two clocks or goroutines; 0: 1 s.
	Lag time.Duration `json:"lag_ns,omitempty"`
	// Flight is how long output may be on its way from a primary to a player,
	// stopped edges included; 0: 10 s.
	Flight time.Duration `json:"flight_ns,omitempty"`
	// Within is how long after the last fault healed everything must be durable;
	// 0: 15 s.
	Within time.Duration `json:"within_ns,omitempty"`
	// Patience is how long the search for a linear order may take; 0: 1 min.
	Patience time.Duration `json:"patience_ns,omitempty"`

	// Gate is the least of each count that makes the run valid.
	Gate Counts `json:"gate"`
}

func (s Setup) withDefaults() Setup {
	if s.Kept == 0 {
		s.Kept = 100
	}
	for field, value := range map[*time.Duration]time.Duration{
		&s.Lag: time.Second, &s.Flight: 10 * time.Second, &s.Within: 15 * time.Second, &s.Patience: time.Minute,
	} {
		if *field == 0 {
			*field = value
		}
	}
	return s
}
