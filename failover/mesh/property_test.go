package mesh

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/discovery"
)

const round = 500 * time.Millisecond

// seconds is a number of rounds.
func seconds(n int) int { return n * int(time.Second/round) }

// run is a mesh that lives through faults.
type run struct {
	*rapid.T
	cfg   Config
	w     *world
	c     *Controller
	now   time.Time
	names int
	puts  int // seats written
	seats int // of them, those that give or take a seat
	away  int // rounds for which Consul does not answer still

	unwell map[string]time.Time // servers that do not pass or are gone: since when
	well   map[string]time.Time // servers that pass, and are not drained: since when
}

func newRun(t *rapid.T) *run {
	cfg := DefaultConfig()
	cfg.Name, cfg.Backups = "ctl", rapid.IntRange(0, 3).Draw(t, "backups")
	for i := range rapid.IntRange(1, 6).Draw(t, "regions") {
		cfg.Regions = append(cfg.Regions, fmt.Sprintf("r%d", i))
	}
	r := &run{T: t, cfg: cfg, w: newWorld(cfg.Backups), now: epoch, unwell: map[string]time.Time{}, well: map[string]time.Time{}}
	r.newController()
	for range rapid.IntRange(1, 9).Draw(t, "servers") {
		r.start()
	}
	return r
}

func (r *run) newController() {
	var err error
	r.c, err = New(r.cfg)
	require.NoError(r, err)
}

func (r *run) start() {
	r.names++
	args := map[string]string{"name": fmt.Sprintf("n%d", rapid.IntRange(0, 20).Draw(r.T, "name"))}
	args["host"] = rapid.SampledFrom([]string{"", "h1", "h2", "h3", "h4"}).Draw(r.T, "host")
	args["zone"] = rapid.SampledFrom([]string{"", "z1", "z2"}).Draw(r.T, "zone")
	if rapid.IntRange(0, 4).Draw(r.T, "kind") == 0 {
		args["regions"] = rapid.SampledFrom(r.cfg.Regions).Draw(r.T, "fixed")
	} else {
		args["pool"] = ""
	}
	r.w.server(fmt.Sprintf("s%03d", r.names), args)
}

func (r *run) some(what string, which func(*discovery.Server) bool) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(r.w.servers)) {
		if which(r.w.servers[name]) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		r.Skip("no such server")
	}
	return rapid.SampledFrom(names).Draw(r.T, what)
}

func anyone(*discovery.Server) bool { return true }

// step lets n rounds pass. Consul may be away, and writes may race or get lost.
func (r *run) step(n int, faults bool) {
	for range n {
		r.now = r.now.Add(round)
		r.w.stale = r.away > 0
		if r.away > 0 {
			r.away--
		} else {
			r.w.sidecars()
		}
		r.note()
		var ev Event = Seen{r.w.mesh()}
		if faults && rapid.IntRange(0, 3).Draw(r.T, "late") == 0 {
			ev = Tick{}
		}
		for _, cmd := range r.c.Step(r.now, ev) {
			r.carryOut(cmd, faults)
		}
	}
}

// note says who has been well or unwell for how long.
func (r *run) note() {
	for name, s := range r.w.servers {
		_, draining := r.w.draining[name]
		if s.Passing {
			delete(r.unwell, name)
		} else if r.unwell[name].IsZero() {
			r.unwell[name] = r.now
		}
		if !s.Passing || draining {
			delete(r.well, name)
		} else if r.well[name].IsZero() {
			r.well[name] = r.now
		}
	}
	maps.DeleteFunc(r.well, func(name string, _ time.Time) bool { return r.w.servers[name] == nil })
}

func (r *run) carryOut(cmd Command, faults bool) {
	require.False(r, r.c.stale && isWrite(cmd), "Consul is away, and this is written: %s", show(cmd))
	put, isPut := cmd.(PutSeats)
	if isPut {
		r.check(put)
		r.puts++
		if len(put.Added)+len(put.Removed) > 0 {
			r.seats++
		}
	}
	fate := 0
	if faults {
		fate = rapid.IntRange(0, 9).Draw(r.T, "fate")
	}
	var err error
	switch fate {
	case 8: // lost on the way
		return
	case 9: // it is done, and nobody says so
		_ = r.w.write(cmd)
		return
	default:
		err = r.w.write(cmd)
	}
	switch {
	case isPut:
		r.c.Step(r.now, SeatsWritten{put.Region, err})
	case err != nil:
		r.c.Step(r.now, StateWritten{err})
	}
}

func isWrite(cmd Command) bool {
	switch cmd.(type) {
	case PutSeats, DropSeats, PutState, ClearDrain, Launch:
		return true
	}
	return false
}

// check holds for all seats that are ever written.
func (r *run) check(put PutSeats) {
	seats := put.Seats.Servers
	require.True(r, slices.IsSorted(seats) && len(slices.Compact(slices.Clone(seats))) == len(seats), "sorted, each once: %v", seats)
	require.LessOrEqual(r, len(seats), 64)
	if o := put.Order; o != nil {
		require.Equal(r, put.Seats.Lead, o.To)
		require.NotEqual(r, WhyFound, o.Why, "it was ordered before")
		require.False(r, o.Asked.After(r.now), "asked at %v", o.Asked)
	}
	for _, name := range put.Added {
		s := r.w.servers[name]
		if s == nil {
			continue // it has died this moment
		}
		require.True(r, s.Pool, "%s is not in the pool", name)
		require.NotContains(r, s.Regions, put.Region, "it is fixed there")
	}
	// Who has been well all the time is not unseated, unless there are too many.
	v := r.w.region(put.Region)
	if v.Seats.Version != put.Seats.Version {
		return // it will not be written
	}
	for _, name := range put.Removed {
		if since, well := r.well[name]; well && r.now.Sub(since) > r.cfg.Patience+2*time.Second {
			require.GreaterOrEqual(r, r.counts(put.Region, seats), 1+r.cfg.Backups, "%s was well and is unseated: %s", name, show(put))
			require.False(r, holds(v, name), "%s leads, is well, and is unseated", name)
		}
	}
}

// counts is how many servers a region would have that are there.
func (r *run) counts(region string, seats []string) (n int) {
	for name, s := range r.w.servers {
		if slices.Contains(s.Regions, region) || slices.Contains(seats, name) {
			n++
		}
	}
	return n
}

// TestMeshHeals: whatever has happened, once there are enough servers and nothing
// fails any more, every region has all its backups in sync, drained servers have
// nothing, and then nothing changes any more.
func TestMeshHeals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRun(t)
		t.Repeat(map[string]func(*rapid.T){
			"time":    func(t *rapid.T) { r.step(rapid.IntRange(1, 40).Draw(t, "rounds"), true) },
			"start":   func(*rapid.T) { r.start() },
			"kill":    func(*rapid.T) { delete(r.w.servers, r.some("kill", anyone)) },
			"freeze":  func(*rapid.T) { r.w.servers[r.some("freeze", anyone)].Passing = false },
			"recover": func(*rapid.T) { r.w.servers[r.some("recover", anyone)].Passing = true },
			"drain": func(*rapid.T) {
				r.w.draining[r.some("drain", anyone)] = discovery.Drain{By: "operator", Since: r.now}
			},
			"undrain": func(*rapid.T) { delete(r.w.draining, r.some("undrain", anyone)) },
			"away":    func(t *rapid.T) { r.away = rapid.IntRange(1, 40).Draw(t, "rounds") },
			"move": func(t *rapid.T) {
				region := rapid.SampledFrom(r.cfg.Regions).Draw(t, "region")
				_ = r.c.Move(r.now, region, r.some("to", anyone))
			},
			"refuse": func(t *rapid.T) {
				r.w.refuses[rapid.SampledFrom(r.cfg.Regions).Draw(t, "region")] = rapid.IntRange(1, 200).Draw(t, "rounds")
			},
			"load": func(t *rapid.T) {
				region := rapid.SampledFrom(r.cfg.Regions).Draw(t, "region")
				r.c.Step(r.now, LoadSeen{region, Load{Players: rapid.IntRange(0, 500).Draw(t, "players")}})
			},
			"successor": func(*rapid.T) { r.newController() },
		})
		r.heal()
	})
}

func (r *run) heal() {
	r.away = 0
	for _, s := range r.w.servers {
		s.Passing = true
	}
	for _, v := range r.w.regions {
		if !slices.ContainsFunc(v.InSync, r.w.up) {
			v.InSync, v.InSyncKnown = nil, false // a person forces it open: all who had the state are gone
		}
	}
	clear(r.w.refuses)
	for i := range 2 + r.cfg.Backups {
		r.w.server(fmt.Sprintf("t%03d", i), map[string]string{"pool": ""})
	}
	r.step(seconds(120), false)
	st := r.c.Status()
	require.Equal(r, len(r.cfg.Regions), st.Covered, "all regions have all backups: %+v", st.Regions)
	require.Empty(r, st.Moves)
	require.Equal(r, Normal, st.Level, "it comes back by itself")
	for _, d := range st.Drains {
		require.True(r, d.Done || !d.Registered, "%+v", d)
	}
	for name, v := range r.w.regions {
		require.Empty(r, v.Seats.Lead)
		for _, inc := range v.Seats.Servers {
			require.Contains(r, r.w.servers, inc, "region %s has a seat for somebody who is gone", name)
			require.NotContains(r, r.w.draining, inc)
		}
	}
	for _, alert := range st.Alerts {
		require.Equal(r, Info, alert.Severity, "%+v", alert)
	}
	puts := r.puts
	r.step(seconds(120), false)
	require.Equal(r, puts, r.puts, "nothing changes any more")
}

// TestBlipsMoveNobody: a check that fails for less than Patience, however often,
// changes no seats.
func TestBlipsMoveNobody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRun(t)
		r.step(seconds(60), false)
		seats := r.seats
		for range rapid.IntRange(1, 20).Draw(t, "blips") {
			s := r.w.servers[r.some("who", anyone)]
			s.Passing = false
			r.step(rapid.IntRange(1, int(r.cfg.Patience/round)-1).Draw(t, "rounds"), false)
			s.Passing = true
			r.step(rapid.IntRange(1, 8).Draw(t, "rounds"), false)
		}
		require.Equal(t, seats, r.seats)
	})
}

// TestBalanced: a mesh that starts with like servers gives all of them as much to
// do, and spreads every region over hosts and zones.
func TestBalanced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := DefaultConfig()
		servers := rapid.IntRange(3, 20).Draw(t, "servers")
		for i := range rapid.IntRange(1, 40).Draw(t, "regions") {
			cfg.Regions = append(cfg.Regions, fmt.Sprintf("r%d", i))
		}
		zoned := rapid.Bool().Draw(t, "zoned") && servers%3 == 0
		r := &run{T: t, cfg: cfg, w: newWorld(cfg.Backups), now: epoch, unwell: map[string]time.Time{}, well: map[string]time.Time{}}
		r.newController()
		for i := range servers {
			args := map[string]string{"pool": "", "host": fmt.Sprintf("h%d", i)}
			if zoned {
				args["zone"] = fmt.Sprintf("z%d", i%3)
			}
			r.w.server(fmt.Sprintf("s%d", i), args)
		}
		r.step(seconds(10), false)
		seats := map[string]int{}
		for _, v := range r.w.regions {
			zones := map[string]bool{}
			for _, inc := range v.Seats.Servers {
				seats[inc]++
				zones[r.w.servers[inc].Zone] = true
			}
			require.Len(t, v.Seats.Servers, 3)
			require.True(t, !zoned || len(zones) == 3, "three zones, three servers")
		}
		least, most := 1<<30, 0
		for name := range r.w.servers {
			least, most = min(least, seats[name]), max(most, seats[name])
		}
		require.LessOrEqual(t, most-least, 1)
	})
}

// TestMovesArePaced: never more hand-overs at once than allowed, in all and to one
// server, and they all come to an end.
func TestMovesArePaced(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRun(t)
		r.cfg.Moves.AtOnce = rapid.IntRange(1, 5).Draw(t, "at once")
		r.cfg.Moves.PerTarget = rapid.IntRange(1, r.cfg.Moves.AtOnce).Draw(t, "per target")
		r.newController()
		for range 6 {
			r.w.server(fmt.Sprintf("p%d", r.names), map[string]string{"pool": ""})
			r.names++
		}
		r.step(seconds(20), false)
		for range rapid.IntRange(1, 4).Draw(t, "drains") {
			r.w.draining[r.some("drain", anyone)] = discovery.Drain{By: "operator", Since: r.now}
		}
		for range seconds(60) {
			for _, region := range r.cfg.Regions {
				r.w.refuses[region] = rapid.IntRange(0, 3).Draw(t, "slow")
			}
			r.step(1, false)
			total, per := 0, map[string]int{}
			for _, v := range r.w.regions {
				if v.Seats.Lead != "" && !holds(v, v.Seats.Lead) {
					total++
					per[v.Seats.Lead]++
				}
			}
			require.LessOrEqual(t, total, r.cfg.Moves.AtOnce)
			for _, n := range per {
				require.LessOrEqual(t, n, r.cfg.Moves.PerTarget)
			}
		}
	})
}

// TestLevelDoesNotFlap: a level lasts at least Dwell before it falls, and pressure
// that swings about a threshold changes it once.
func TestLevelDoesNotFlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := degrade{cfg: DefaultConfig().Degrade}
		now, changed := epoch, epoch
		level := Normal
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(1, 5000).Draw(t, "ms")) * time.Millisecond)
			r := rapid.Float64Range(0, 3).Draw(t, "pressure")
			if !d.step(now, r) {
				require.Equal(t, level, d.level)
				continue
			}
			if d.level < level {
				require.Equal(t, level-1, d.level, "one step at a time")
				require.GreaterOrEqual(t, now.Sub(changed), d.cfg.Dwell)
				require.Less(t, r, d.cfg.Fall*d.cfg.threshold(level).Pressure)
			} else {
				require.GreaterOrEqual(t, r, d.cfg.threshold(d.level).Pressure)
			}
			level, changed = d.level, now
		}
	})
}

// TestScoresSettle: what is published ends up in the order of the scores, as far as
// they differ materially, and is not written all the time.
func TestScoresSettle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRun(t)
		r.step(seconds(20), false)
		puts := r.puts
		for range rapid.IntRange(1, 30).Draw(t, "reports") {
			region := rapid.SampledFrom(r.cfg.Regions).Draw(t, "region")
			r.c.Step(r.now, LoadSeen{region, Load{Players: rapid.IntRange(0, 300).Draw(t, "players")}})
			r.step(rapid.IntRange(1, 4).Draw(t, "rounds"), false)
		}
		r.step(seconds(11), false)
		took := int(r.now.Sub(epoch)/r.cfg.ScoreEvery) + 1
		require.LessOrEqual(t, r.puts-puts, took*len(r.cfg.Regions))
		st := r.c.Status()
		for i, a := range st.Regions {
			for _, b := range st.Regions[i+1:] {
				x, y := r.w.region(a.Region).Seats.Score, r.w.region(b.Region).Seats.Score
				require.False(t, above(a.Score, b.Score) && x < y, "%s (%d, %d) and %s (%d, %d)", a.Region, a.Score, x, b.Region, b.Score, y)
			}
		}
		puts = r.puts
		r.step(seconds(60), false)
		require.LessOrEqual(t, r.puts-puts, len(r.cfg.Regions)*13, "only regions that nobody leads go on waiting")
	})
}
