package steady

import (
	"fmt"
	"io"

	"github.com/reseat-proxy/reseat/bench/measure"
)

// many is from how many players on memory per player means something: below, what the
// process takes anyway, and the heap's steps, are more than the players.
const many = 500

// Print writes the rows for people, or as a README has them: a table for round trips
// and one for costs.
func (r *Result) Print(w io.Writer, markdown bool) error {
	trips, costs := tables(r.Rows)
	fmt.Fprintln(w, r.Run)
	if err := trips.Write(w, markdown); err != nil {
		return err
	}
	fmt.Fprintln(w)
	if err := costs.Write(w, markdown); err != nil {
		return err
	}
	_, err := fmt.Fprint(w, `
round trip: from the time in the schedule to the answer; x relay: median over the
rounds of the ratio to the relay in the same round; front: what players are connected
to (edge, relay, or the echo server itself); servers: everything but the players;
packets and bytes: per action with its answer, on all hops together; idle, active: the
front's resident memory per player, after a collection and under load.
`)
	return err
}

func tables(rows []Row) (trips, costs measure.Table) {
	trips.Text, costs.Text = 2, 2
	trips.Head = []string{"load", "path", "answers/s", "p50", "x relay", "p99", "x relay", "lost", "wrong"}
	costs.Head = []string{
		"load", "path", "front CPU", "x relay", "servers", "x relay", "players", "packets", "bytes", "idle", "x direct", "x relay", "active", "x relay",
	}
	for _, r := range rows {
		trips.Row(r.Load.String(), r.Path, fmt.Sprintf("%.0f", r.Second), measure.Ms(r.P50), times(r.ToRelay.P50),
			measure.Ms(r.P99), times(r.ToRelay.P99), fmt.Sprint(r.Lost), fmt.Sprint(r.Wrong))
		cells := []string{
			r.Load.String(), r.Path, micros(r.Front), times(r.ToRelay.Front), micros(r.Servers), times(r.ToRelay.Servers),
			micros(r.Players), fmt.Sprintf("%.1f", r.Packets), fmt.Sprintf("%.0f", r.Bytes),
		}
		if r.Load.Players >= many {
			cells = append(cells, kib(r.IdleKiB), times(r.ToDirect.Idle), times(r.ToRelay.Idle), kib(r.ActiveKiB), times(r.ToRelay.Active))
		}
		costs.Row(cells...)
	}
	return trips, costs
}

func times(ratio float64) string {
	if ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", ratio)
}

func micros(us float64) string {
	if us < 10 {
		return fmt.Sprintf("%.1f µs", us)
	}
	return fmt.Sprintf("%.0f µs", us)
}

func kib(v float64) string { return fmt.Sprintf("%.0f KiB", v) }
