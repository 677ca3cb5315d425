package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/reseat-proxy/reseat/bench/bots"
	"github.com/reseat-proxy/reseat/bench/history"
	"github.com/reseat-proxy/reseat/bench/judge"
)

// Result is what became of a run. As JSON, durations are nanoseconds.
type Result struct {
	Cell string        `json:"cell"`
	Does string        `json:"does"`
	Seed uint64        `json:"seed"`
	Took time.Duration `json:"took_ns"`

	Outcome  history.Outcome `json:"outcome"`
	Failure  []string        `json:"failure,omitempty"`  // why it was not run to its end
	Problems []string        `json:"problems,omitempty"` // why it is not ok

	Acked     uint64 `json:"acked"` // actions that became durable
	Lost      uint64 `json:"lost"`
	Twice     uint64 `json:"twice"`
	Reordered uint64 `json:"reordered"`
	Unknown   int    `json:"unknown"` // players of whom it was not decided whether their history is linearizable

	Counts    history.Counts `json:"counts"`
	NotJudged []string       `json:"not_judged,omitempty"` // promises
	Passed    Packets        `json:"packets"`
	Must      Packets        `json:"packets_must"` // at least
	Stall     time.Duration  `json:"stall_ns"`     // the longest that a player waited for an action to become durable
	Lag       time.Duration  `json:"lag_ns"`       // by how much the crowd itself was late, at most
	Dir       string         `json:"dir,omitempty"`
}

// judge lets both judges look at what the run has left, and writes it down.
func (s *scene) judge(failure error) (Result, error) {
	r := Result{Cell: s.cell.Name, Does: s.cell.String(), Seed: s.seed, Dir: s.dir, Must: s.cell.Passed}
	if failure != nil {
		r.Failure = strings.Split(failure.Error(), "\n")
	}
	if !s.settled {
		r.Outcome, r.Problems = history.Failed, r.Failure
		return r, writeJSON(filepath.Join(s.dir, resultFile), r)
	}
	h, err := history.ReadDir(s.dir)
	if err != nil {
		return r, err
	}
	report := history.NewReport(s.cell.setup(s.seed, s.cfg.Rate*float64(s.cfg.Players)), h, s.evidence())
	books := ledgers{s.result, s.before, s.after, s.cell.allowances()}
	r.measure(s)
	r.conclude(&report.Verdict, books)
	return r, errors.Join(
		report.Write(s.dir), writeJSON(filepath.Join(s.dir, ledgersFile), books), writeJSON(filepath.Join(s.dir, resultFile), r))
}

// conclude puts all that is known together.
func (r *Result) conclude(v *history.Verdict, l ledgers) {
	r.Problems = slices.Clone(r.Failure)
	r.history(v)
	if l.Before != nil && l.After != nil {
		books := judge.Judge(l.Result.Ledgers, l.Before.Books, l.After.Books, l.Allow...)
		r.ledgers(&books)
	}
	if r.Passed.below(r.Must) {
		r.Problems = append(r.Problems, fmt.Sprintf("gate: the relays did %+v, must do %+v", r.Passed, r.Must))
		if r.Outcome == history.OK {
			r.Outcome = history.Invalid
		}
	}
	if len(r.Failure) > 0 {
		r.Outcome = history.Failed
	}
}

func (p Packets) below(least Packets) bool {
	return p.Cut < least.Cut || p.Lost < least.Lost || p.Reordered < least.Reordered || p.Rebound < least.Rebound
}

func (s *scene) evidence() *history.Evidence {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := slices.DeleteFunc(slices.Clone(s.known.events), last) // dumps are evidence of their own
	return &history.Evidence{
		Region: region, Started: s.started.UnixNano(), Ended: s.ended.UnixNano(),
		Before: s.before, After: s.after, Rolls: rolls(s.after), Faults: s.faults, Dumps: s.dumps,
		Events: events, Counters: countersOf(s.known.events),
	}
}

// rolls are what the books say that the game has thrown.
func rolls(a *history.Audit) map[string][]history.Roll {
	if a == nil {
		return nil
	}
	out := map[string][]history.Roll{}
	for _, account := range a.Books.Players {
		for n, roll := range account.Rolls.All() {
			out[account.Player] = append(out[account.Player], history.Roll{N: n, Value: uint64(roll)})
		}
	}
	return out
}

// history takes in the verdict on the recorded history.
func (r *Result) history(v *history.Verdict) {
	r.Outcome, r.Counts, r.NotJudged, r.Unknown = v.Outcome, v.Counts, v.NotJudged(), len(v.Linear.Unknown)
	r.Acked = v.Counts.Durable
	for _, below := range v.Below {
		r.Problems = append(r.Problems, "gate: "+below)
	}
	for _, j := range v.Judgements {
		if j.Status == history.Broken {
			r.Problems = append(r.Problems, fmt.Sprintf("promise %s (%s) broken %d times: %s", j.ID, j.Promise, j.Count, j.Violations[0]))
		}
	}
}

// ledgers takes in the verdict on the ledgers.
func (r *Result) ledgers(v *judge.Verdict) {
	r.Lost, r.Twice, r.Reordered = v.Lost, v.Doubled, v.Reordered
	if !v.OK() {
		r.Outcome = history.Failed
		r.Problems = append(r.Problems, v.Violations...)
	}
}

// measure notes what the relays have done, and how long players had to wait.
func (r *Result) measure(s *scene) {
	sum := s.passed()
	r.Passed = Packets{sum.ToTarget.Cut, sum.ToTarget.Lost, sum.ToTarget.Reordered, sum.Rebound}
	for _, f := range s.result.Faults {
		for _, stall := range f.Stalls {
			r.Stall = max(r.Stall, stall.Durable)
		}
	}
	r.Lag = s.result.Lag
}

// The files of a report besides those of bench/history.
const (
	resultFile  = "result.json"
	ledgersFile = "ledgers.json"
)

// ledgers is what bench/judge needs.
type ledgers struct {
	Result bots.Result
	Before *history.Audit
	After  *history.Audit
	Allow  []judge.Allowance
}

// JudgeDir judges the run that has left a directory again.
func JudgeDir(dir string) (Result, error) {
	var r Result
	var l ledgers
	for name, into := range map[string]any{resultFile: &r, ledgersFile: &l} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			return r, fmt.Errorf("chaos: %s of %s: %w", name, dir, err)
		}
	}
	v, err := history.JudgeDir(dir)
	if err != nil {
		return r, err
	}
	r.Dir = dir
	r.conclude(&v, l)
	return r, nil
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(text, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("chaos: %s: %w", filepath.Base(path), err)
	}
	return nil
}

// header is the line above those of results.
const header = "cell                  seed   time   acked  lost  twice  reordered  takeovers  resumes  duplicates  stale  unknown  verdict"

// Print writes results as they come. Its zero value, with To set, is ready.
type Print struct {
	To   io.Writer
	said bool
}

// Result writes one line, and what was wrong below it.
func (p *Print) Result(r Result) {
	if !p.said {
		fmt.Fprintln(p.To, header)
		p.said = true
	}
	fmt.Fprintf(p.To, "%-20s %5d %5.1fs %7d %5d %6d %10d %10d %8d %11d %6d %8d  %s\n", r.Cell, r.Seed, r.Took.Seconds(),
		r.Acked, r.Lost, r.Twice, r.Reordered, r.Counts.Takeovers, r.Counts.Resumes, r.Counts.Duplicates, r.Counts.Stale, r.Unknown, r.Outcome)
	for _, problem := range r.Problems {
		fmt.Fprintln(p.To, "    "+problem)
	}
	if r.Dir != "" {
		fmt.Fprintf(p.To, "    report in %s (reseat chaos judge)\n", r.Dir)
	}
}

// Total writes the last line, and tells whether all is well.
func (p *Print) Total(results []Result) (ok bool) {
	sum := Result{Cell: "total", Outcome: history.OK}
	outcomes := map[history.Outcome]int{}
	for _, r := range results {
		outcomes[r.Outcome]++
		sum.Took += r.Took
		sum.Acked += r.Acked
		sum.Lost += r.Lost
		sum.Twice += r.Twice
		sum.Reordered += r.Reordered
		sum.Unknown += r.Unknown
		sum.Counts.Takeovers += r.Counts.Takeovers
		sum.Counts.Resumes += r.Counts.Resumes
		sum.Counts.Duplicates += r.Counts.Duplicates
		sum.Counts.Stale += r.Counts.Stale
	}
	if outcomes[history.OK] < len(results) {
		sum.Outcome = history.Failed
	}
	p.Result(sum)
	fmt.Fprintf(p.To, "%d runs: %d ok, %d failed, %d invalid\n", len(results),
		outcomes[history.OK], outcomes[history.Failed], outcomes[history.Invalid])
	return sum.Outcome == history.OK && len(results) > 0
}
