package history

// Outcome is what a run was worth.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"      // all that was judged was kept, and the gate was reached
	Failed  Outcome = "failed"  // a promise was broken
	Invalid Outcome = "invalid" // nothing was broken, but too little happened: it proves nothing
)

// Status is what became of one promise.
type Status string

// The statuses.
const (
	Kept      Status = "kept"
	Broken    Status = "broken"
	NotJudged Status = "not judged"
)

// Judgement is the verdict on one promise.
type Judgement struct {
	Invariant
	Status     Status   `json:"status"`
	Why        string   `json:"why,omitempty"` // it was not judged
	Count      int      `json:"count,omitempty"`
	Violations []string `json:"violations,omitempty"` // the first of Count
}

// Verdict is the outcome of a run, with all that led to it.
type Verdict struct {
	Outcome    Outcome     `json:"outcome"`
	Counts     Counts      `json:"counts"`
	Below      []string    `json:"below,omitempty"` // what did not happen often enough
	Linear     Linear      `json:"linear"`
	Judgements []Judgement `json:"judgements"`
}

// Judge judges a run. It looks at nothing else.
func Judge(s Setup, h *History, e *Evidence) Verdict {
	r := newRun(s, h, e)
	v := Verdict{Outcome: OK, Counts: Count(h, e), Linear: r.linearize()}
	if v.Below = v.Counts.below(s.Gate); len(v.Below) > 0 {
		v.Outcome = Invalid
	}
	for _, inv := range Invariants() {
		j := judgement(r, inv, &v.Linear)
		if j.Status == Broken {
			v.Outcome = Failed
		}
		v.Judgements = append(v.Judgements, j)
	}
	return v
}

func judgement(r *run, inv Invariant, l *Linear) Judgement {
	var f findings
	switch {
	case inv.Scope == None:
		f.lacks(inv.Note)
	case inv.check == nil:
		l.findings(&f)
	default:
		inv.check(r, &f)
	}
	inv.check = nil // a verdict is plain data
	j := Judgement{Invariant: inv, Status: Kept, Count: f.count, Violations: f.broken}
	switch {
	case f.count > 0:
		j.Status = Broken
	case f.lack != "":
		j.Status, j.Why = NotJudged, f.lack
	}
	return j
}

// Broken lists the IDs of the promises that were broken.
func (v *Verdict) Broken() (ids []string) { return v.with(Broken) }

// NotJudged lists the IDs of the promises that nothing can be said about.
func (v *Verdict) NotJudged() (ids []string) { return v.with(NotJudged) }

func (v *Verdict) with(s Status) (ids []string) {
	for _, j := range v.Judgements {
		if j.Status == s {
			ids = append(ids, j.ID)
		}
	}
	return ids
}
