package history

// Scope is how much of a promise is judged.
type Scope string

// The scopes.
const (
	Whole Scope = "whole"
	Part  Scope = "part" // Note says which
	None  Scope = "none" // Note says why
)

// Invariant is a promise, and whether a recorded run can tell that it was kept.
type Invariant struct {
	ID      string `json:"id"` // the promise's number, or a name for one without
	Promise string `json:"promise"`
	Scope   Scope  `json:"scope"`
	Note    string `json:"note,omitempty"`

	check func(*run, *findings)
}

// Invariants lists all promises, judged or not: a verdict must not look as if it
// said more than it does.
func Invariants() []Invariant {
	return []Invariant{
		{"1", "a durable action is in the game and in the primary's log, once", Whole, "", checkDurable},
		{"2", "no action has more than one effect", Whole, "", checkOnce},
		{"3", "a player's actions are applied in order, without gaps", Whole, "", checkOrder},
		{"4", "what is applied was submitted, with that payload", Whole, "", checkSubmitted},
		{"5", "a number means one payload, for ever", Whole, "", checkNumbers},
		{"6", "a client's durable mark never falls", Whole, "", checkMarks},
		{"7", "durable <= applied <= submitted", Part, "marks at any time; replicas at the end", checkBounds},
		{"8", "a new primary has every mark that a client holds", Part, "what clients were told when they were reseated", checkReseated},
		{"9", "epochs rise, one primary in each", Whole, "", checkEpochs},
		{"10", "a replica accepts nothing below the epoch it promised", Part, "as seen in the logs at the end", checkLogEpochs},
		{"11", "an edge passes on nothing below the epoch it saw", Whole, "as clients hear it", checkHeard},
		{"12", "no durable ack without all of the in-sync set", Part, "only that nothing becomes durable while the set is empty; 1 and 14 judge the effect", checkEmptySet},
		{"13", "no output after a primary's end", Part, "only what clients hear later than output can be on its way", checkFenced},
		{"14", "what is durable is in every member of the in-sync set", Part, "the set at the end", checkMembers},
		{"15", "only a member of the last published set takes over", Whole, "", checkElected},
		{"16", "an incarnation is never used again", Whole, "", checkIncarnations},
		{"17", "logs agree up to the lower commit index", Part, "the part that both replicas still have", checkChains},
		{"18", "at the end all members have the primary's state", Whole, "", checkStates},
		{"19", "no new action of a player before its old ones are replayed", None, "replay ends are not recorded; 3 judges the effect", nil},
		{"20", "attach numbers rise, older ones change nothing", Part, "as seen in the logs and rows at the end", checkAttach},
		{"21", "a bounded number of actions is kept", Part, "by the clients' times and the edges' own counter; 28 judges that none is dropped", checkKept},
		{"22", "only what is durable is forgotten", Part, "by clients, at the end", checkForgotten},
		{"23", "a row says exactly what is in the state", Part, "the primary at the end; 18 compares the others with it", checkRows},
		{"24", "gold and items are conserved", Whole, "", checkTotals},
		{"25", "after a durable mark every later answer shows it", Whole, "", checkReads},
		{"26", "each player's history is linearizable", Whole, "", nil}, // Linearize
		{"27", "a refused action has no effect, and poison kills two servers at most", Whole, "", checkRefused},
		{"28", "after the last fault everything becomes durable", Whole, "", checkSettled},
		{"29", "no takeover without a fault", Whole, "", checkQuiet},
		{"30", "one session in Consul per living incarnation", None, "Consul's sessions are not recorded", nil},
		{"31", "goroutines, files and memory return to where they were", None, "soak tests judge it", nil},
		{"32", "memory per player is bounded", None, "bytes are not recorded; 21 judges the number of actions", nil},
		{"33", "nothing too large or unauthenticated is processed", None, "tests of bad input judge it", nil},
		{"34", "no secrets in logs, one JSON value per line", None, "logs are not kept whole", nil},
		{"rolls", "what a player was told that the game threw stands", Whole, "", checkRolls},
		{"answers", "every answer is to an action, and stays the same", Whole, "", checkAnswers},
		{"connection", "players stay connected where only servers fail", Whole, "", checkConnection},
	}
}
