//go:build fault

package proxy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/buffer/fault"
)

// seeded is a bug with the scenario that must bring it to light.
type seeded struct {
	bug      fault.Defect
	scenario string // what happens
	catches  string // the invariant that does not hold
	play     func(t *testing.T, v *verdict)
}

// Every seeded bug must be caught by an invariant: the scenario runs once without
// the bug, in which nothing may be wrong, and once with it, in which something
// must be. A bug without a scenario, or one that gets away, counts as not caught.
func TestSeededBugs(t *testing.T) {
	scenarios := slices.Concat(seededAcks, seededSnapshots, seededEpochs, seededStreams, seededLeases, seededConsul)
	caught, table := 0, &strings.Builder{}
	for _, bug := range fault.Defects {
		i := slices.IndexFunc(scenarios, func(s seeded) bool { return s.bug == bug })
		if i < 0 {
			fmt.Fprintf(table, "%-38s NOT CAUGHT: no scenario\n", bug)
			continue
		}
		s, ok := scenarios[i], false
		t.Run(string(bug), func(t *testing.T) { ok = s.run(t) })
		if !ok {
			fmt.Fprintf(table, "%-38s NOT CAUGHT by: %s\n", bug, s.scenario)
			continue
		}
		caught++
		fmt.Fprintf(table, "%-38s caught by: %-58s in: %s\n", bug, s.catches, s.scenario)
	}
	fmt.Printf("%sseeded bugs caught: %d of %d\n", table, caught, len(fault.Defects))
	require.Equal(t, len(fault.Defects), caught)
}

// run plays the scenario both ways, and tells whether the bug makes the difference.
func (s seeded) run(t *testing.T) bool {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, fault.Enable()) })
	var without, with verdict
	require.NoError(t, fault.Enable())
	s.play(t, &without)
	require.Empty(t, without.violations, "a violation without a seeded bug: this is a bug")
	require.NoError(t, fault.Enable(s.bug))
	s.play(t, &with)
	require.NotEmpty(t, with.violations, "the bug gets away")
	t.Logf("%s: %s", s.bug, strings.Join(with.violations, "; "))
	return len(with.violations) > 0 && !t.Failed()
}

// verdict collects what is wrong in a run.
type verdict struct{ violations []string }

func (v *verdict) check(ok bool, format string, args ...any) bool {
	if !ok {
		v.violations = append(v.violations, fmt.Sprintf(format, args...))
	}
	return ok
}

// act hands in actions. Their seqs must follow each other for ever.
func (v *verdict) act(b *bot, n int) { v.actions(b, n, "act") }

func (v *verdict) actions(b *bot, n int, payload string) {
	for range n {
		seq, err := b.Act(b.mesh.t.Context(), []byte(payload))
		if !v.check(err == nil, "the session is over: %v", err) ||
			!v.check(seq == b.sent+1, "seq %d for an action after %d", seq, b.sent) {
			return
		}
		b.sent = seq
	}
}

// settled waits until everything that the bot has done is durable.
func (v *verdict) settled(b *bot) bool {
	for deadline := time.Now().Add(patience / 2); b.Durable() < b.sent; time.Sleep(time.Millisecond) {
		if !v.check(b.Err() == nil, "the session is over: %v", b.Err()) ||
			!v.check(time.Now().Before(deadline), "durable are %d of %d actions", b.Durable(), b.sent) {
			return false
		}
	}
	return true
}

// hasHeard tells whether the world has answered the bot at all.
func (b *bot) hasHeard() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.answers) > 0
}

// audit lets the bot act once more: that becomes durable, and its answer is the
// world's count, which says that every action was applied, and once.
func (v *verdict) audit(b *bot) {
	v.act(b, 1)
	v.settled(b)
	if v.check(b.hasHeard(), "no answer to any of %d actions", b.sent) {
		last := b.last()
		v.check(last == fmt.Sprint(b.sent), "the world has applied %s of %d actions, durable are %d", last, b.sent, b.Durable())
	}
}
