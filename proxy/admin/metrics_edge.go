package admin

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// metrics are those of an edge.
type metrics struct {
	registry
	gaps   prometheus.Counter
	stages *prometheus.HistogramVec
}

// stageBuckets are from a dead game that a backup replaces at once to what players
// wait at most.
var stageBuckets = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		gaps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "reseat_admin_event_gaps_total", Help: "Times that a reader of the event stream lost events.",
		}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "reseat_failover_stage_seconds", Help: "Time from the loss of a primary until a stage of the failover; exemplars name its trace.",
			Buckets: stageBuckets,
		}, []string{"stage"}),
	}
	m.registry = newRegistry(m.gaps, m.stages, collector(s.collect))
	return m
}

// collect reads edge, mesh and Consul's client.
func (s *Server) collect(e emitter) {
	s.collectEdge(e)
	s.collectRegions(e)
	s.collectMesh(e)
	if s.cfg.Consul != nil {
		collectConsul(e, s.cfg.Consul())
	}
	if s.cfg.Work != nil {
		s.collectWork(e)
	}
}

func (s *Server) collectEdge(e emitter) {
	n, status := s.cfg.Edge.Stats(), s.cfg.Edge.Status()
	players := 0
	for _, r := range status.Regions {
		players += r.Players
	}
	e.gauge("reseat_edge_players", "Players here now, those who are being welcomed included.", float64(players))
	e.gauge("reseat_edge_spares", "Connections of players who are at another edge, and would be here if that one died.", float64(n.Spares))
	e.gauge("reseat_edge_draining", "1 while the edge says goodbye to its players.", truth(status.Draining))
	e.counter("reseat_edge_sessions_total", "Players welcomed.", n.Sessions)
	e.counter("reseat_edge_holds_total", "Times that a region began to keep actions for want of a primary.", n.Holds)
	e.counter("reseat_edge_switches_total", "Times that a region switched to a primary.", n.Switches)
	e.counter("reseat_edge_stale_frames_total", "Frames of a deposed primary, dropped.", n.Stale)
	e.counter("reseat_edge_snapshots_total", "Snapshots kept.", n.Snapshots)
	e.counter("reseat_edge_lost_actions_total", "Durable actions that a region came back without.", n.Lost)
	e.byCode("reseat_edge_refused_total", "Joins, frames and attaches refused, by code.", n.Refused, wire.CodeProtocol)
	e.byCode("reseat_edge_joins_refused_total", "Players who were not let in, by code.", n.Joins,
		wire.CodeOverloaded, wire.CodeDegraded, wire.CodeNotYours, wire.CodeUnknownName)
	e.byCode("reseat_edge_ended_total", "Sessions ended, by code.", n.Ended,
		wire.CodeLeft, wire.CodeExpired, wire.CodeLost, wire.CodeSlow, wire.CodeMoved, wire.CodeReplaced, wire.CodeSilence)
	e.gauge("reseat_admin_subscribers", "Readers of the event stream.", float64(s.readers.n.Load()))
	for region, count := range n.Thinned {
		e.counter("reseat_region_thinned_total", "Unreliable updates left out while the mesh is degraded.", count, "region", region)
	}
	collectFailovers(e, status.Regions, n.Failovers)
}

// awaitedReasons are there from the start, as what people wait for: see byCode.
var awaitedReasons = []failover.Reason{
	failover.ReasonGameExit, failover.ReasonGameHang, failover.ReasonStarved, failover.ReasonRefused, failover.ReasonSilence,
	failover.ReasonDeposed, failover.ReasonDrain,
}

func collectFailovers(e emitter, regions []proxy.RegionStatus, counts []proxy.FailoverCount) {
	type key struct {
		region string
		reason failover.Reason
	}
	all := map[key]uint64{}
	for _, r := range regions {
		for _, why := range awaitedReasons {
			all[key{r.Name, why}] = 0
		}
	}
	for _, f := range counts {
		all[key{f.Region, f.Reason}] = f.N
	}
	for k, n := range all {
		e.counter("reseat_failovers_total", "Times that a region of this edge lost its primary, by reason and by who noticed; a second late.",
			n, "region", k.region, "reason", string(k.reason), "detector", string(k.reason.Detector()))
	}
}

func (s *Server) collectRegions(e emitter) {
	for _, r := range s.cfg.Edge.Status().Regions {
		gauge := func(name, help string, value float64) { e.gauge(name, help, value, "region", r.Name) }
		counter := func(name, help string, value uint64) { e.counter(name, help, value, "region", r.Name) }
		gauge("reseat_region_players", "Players of this edge.", float64(r.Players))
		gauge("reseat_region_waiting_players", "Those of them whose log is full: they are not read.", float64(r.Waiting))
		gauge("reseat_region_arriving_players", "Those of them who are on their way from another region.", float64(r.Arriving))
		gauge("reseat_region_epoch", "Epoch of the primary that serves, or of the last one.", float64(r.Epoch))
		gauge("reseat_region_serving", "1 while a primary serves.", truth(r.Phase == failover.Serving))
		gauge("reseat_region_protected", "1 while what is durable survives any one process.", truth(r.Protected))
		counter("reseat_region_departures_total", "Players of this edge who left for another region.", r.Departures)
		counter("reseat_region_arrivals_total", "Players of this edge who came from another region.", r.Arrivals)
		counter("reseat_region_stranded_total", "Players who left for a region that this edge does not serve, and were sent to another edge.", r.Stranded)
		s.collectKept(e, r.Name)
	}
}

// collectKept is what became of the actions of a region, and what they waited.
func (s *Server) collectKept(e emitter, region string) {
	kept, waits := s.cfg.Edge.Kept(region), s.cfg.Edge.Waits(region)
	e.gauge("reseat_region_kept_actions", "Actions that are not durable.", float64(kept.Kept), "region", region)
	e.gauge("reseat_region_kept_bytes", "Their payload.", float64(kept.KeptBytes), "region", region)
	counter := func(name, help string, value uint64, labels ...string) {
		e.counter(name, help, value, append([]string{"region", region}, labels...)...)
	}
	counter("reseat_region_actions_total", "Actions taken from players.", kept.Appended)
	counter("reseat_region_acked_total", "Actions that became durable.", kept.Acked)
	counter("reseat_region_resent_total", "Actions sent again.", kept.Resent)
	counter("reseat_region_abandoned_total", "Actions that were not durable when their session ended.", kept.Abandoned)
	for bound, n := range map[string]uint64{"actions": kept.FullActions, "bytes": kept.FullBytes, "region": kept.FullRegion} {
		counter("reseat_region_pushed_back_total", "Actions that had to wait for room, by the bound that was met.", n, "bound", bound)
	}
	for why, n := range map[string]uint64{"repeat": kept.Repeats, "gap": kept.Gaps, "reused": kept.Reused, "too_large": kept.TooLarge} {
		counter("reseat_region_not_taken_total", "Actions of players that were not taken: repeats, which are dropped, and what ends a session.", n, "why", why)
	}
	e.histogram("reseat_region_durable_seconds", "Time from when an action was taken until it was durable, while a primary serves; a sample.",
		waits.Durable, "region", region)
	e.histogram("reseat_region_stall_seconds", "How long the oldest action of a player waited over the loss of a primary.",
		waits.Stall, "region", region)
}

func (s *Server) collectMesh(e emitter) {
	now := time.Now()
	m := s.status(now)
	stale := 0.0
	if latest, known := s.view.latest(); known && latest.Stale {
		stale = now.Sub(latest.Since).Seconds()
	} else if !known {
		stale = now.Sub(s.view.began).Seconds()
	}
	e.gauge("reseat_mesh_stale", "1 while Consul does not answer.", truth(m.Stale))
	e.gauge("reseat_consul_stale_seconds", staleHelp, stale)
	e.gauge("reseat_mesh_controller", "1 where the controller is.", truth(m.Controller != nil && m.Controller.Here))
	e.gauge("reseat_mesh_has_controller", "1 while there is a controller.", truth(m.Controller != nil))
	e.gauge("reseat_mesh_fidelity_ratio", "What share of the unreliable updates is kept.", m.Level.Fidelity)
	choice(e, "reseat_mesh_level", "1 for the level that the mesh is at.", "level", []string{"normal", "light", "moderate", "severe"}, m.Level.Name)
	e.gauge("reseat_mesh_coverage_ratio", "Share of the regions that have all backups in sync.", m.Coverage.Percent/100)
	e.gauge("reseat_mesh_regions", "Regions.", float64(m.Coverage.Regions))
	e.gauge("reseat_mesh_unprotected_regions", "Regions whose state one process alone has.", float64(len(m.Coverage.Unprotected)))
	servers := map[string]int{"passing": 0, "failing": 0, "draining": 0}
	for _, one := range m.Servers {
		switch {
		case !one.Passing:
			servers["failing"]++
		case one.Draining:
			servers["draining"]++
		default:
			servers["passing"]++
		}
	}
	for state, n := range servers {
		e.gauge("reseat_mesh_servers", "Registered servers by state.", float64(n), "state", state)
	}
	alerts := map[string]int{"info": 0, "warning": 0, "critical": 0}
	for _, a := range m.Alerts {
		alerts[a.Severity]++
	}
	for severity, n := range alerts {
		e.gauge("reseat_mesh_alerts", "Alerts that stand, at the controller.", float64(n), "severity", severity)
	}
	for _, r := range m.Regions {
		e.gauge("reseat_region_score", "How urgent the region is.", float64(r.Score), "region", r.Name)
		e.gauge("reseat_region_rank", "Its place in the order of recovery; 1 is first.", float64(r.Rank), "region", r.Name)
		e.gauge("reseat_region_in_sync", "Servers in its in-sync set.", float64(len(r.InSync)), "region", r.Name)
	}
}

const staleHelp = "For how long Consul has not answered; 0 while it does."

func collectConsul(e emitter, n discovery.Stats) {
	e.counter("reseat_consul_calls_total", "Calls to Consul.", n.Calls)
	e.counter("reseat_consul_resets_total", "Times that Consul's index went down.", n.Resets)
	e.gauge("reseat_consul_watches", "Watches that run.", float64(n.Watches))
	e.gauge("reseat_consul_blocking_queries", "Blocking queries that are open.", float64(n.Blocking))
	for kind, count := range n.Errors {
		e.counter("reseat_consul_errors_total", "Failed calls to Consul by kind.", count, "kind", kind)
	}
}

// collectWork is what this edge has done for the mesh.
func (s *Server) collectWork(e emitter) {
	n := s.cfg.Work()
	byOutcome := func(name, help string, outcomes map[string]uint64) {
		for outcome, count := range outcomes {
			e.counter(name, help, count, "outcome", outcome)
		}
	}
	e.counter("reseat_controller_terms_total", "Times that this edge became the controller.", n.Terms)
	byOutcome("reseat_controller_registrations_total", "Registrations of this edge.", map[string]uint64{"done": n.Registered, "failed": n.RegisterFailed})
	byOutcome("reseat_controller_writes_total", "Seats and states written to Consul.", map[string]uint64{
		"done": n.Writes - n.Raced - n.Deposed - n.WriteFailed, "raced": n.Raced, "deposed": n.Deposed, "failed": n.WriteFailed,
	})
	byOutcome("reseat_controller_moves_total", "Planned moves of regions.", map[string]uint64{"done": n.Moved, "failed": n.MoveFailed})
	e.counter("reseat_controller_launches_total", "Servers asked for.", n.Launches)
	e.counter("reseat_controller_launch_failures_total", "Servers asked for in vain.", n.LaunchFailed)
}
