package admin

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/reseat-proxy/reseat/failover"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// metrics are what Prometheus is told, from a registry of our own: nothing gets in
// by an import. Labels are names of regions, and codes of lists that do not grow: a
// player's ID is never one.
type metrics struct {
	registry  *prometheus.Registry
	handler   http.Handler
	requests  *prometheus.CounterVec
	gaps      prometheus.Counter
	failovers *prometheus.CounterVec
	stages    *prometheus.HistogramVec
}

// stageBuckets are from a dead game that a backup replaces at once to what players
// wait at most.
var stageBuckets = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reseat_admin_requests_total", Help: "Requests to the admin API by path and class of answer.",
		}, []string{"path", "class"}),
		gaps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "reseat_admin_event_gaps_total", Help: "Times that a reader of the event stream lost events.",
		}),
		failovers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "reseat_failovers_total", Help: "Times that a region of this edge lost its primary, by reason.",
		}, []string{"reason"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "reseat_failover_stage_seconds", Help: "Time from the loss of a primary until a stage of the failover; durable is what players wait.",
			Buckets: stageBuckets,
		}, []string{"stage"}),
	}
	m.registry.MustRegister(
		m.requests, m.gaps, m.failovers, m.stages, &collector{s},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "reseat_admin_subscribers", Help: "Readers of the event stream.",
		}, func() float64 { return float64(s.readers.n.Load()) }),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: askTimeout})
	return m
}

func (s *Server) getMetrics(w http.ResponseWriter, r *http.Request) error {
	s.metrics.handler.ServeHTTP(w, r)
	return nil
}

// collector reads edge, mesh and Consul's client when it is asked.
type collector struct{ s *Server }

// Describe sends nothing: what there is depends on the regions.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	e := emitter{out}
	c.edge(e)
	c.regions(e)
	c.mesh(e)
	if c.s.cfg.Consul != nil {
		c.consul(e)
	}
	if c.s.cfg.Work != nil {
		c.work(e)
	}
}

// emitter sends metrics that are made for one answer.
type emitter struct{ out chan<- prometheus.Metric }

func (e emitter) counter(name, help string, value uint64) {
	e.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, nil), prometheus.CounterValue, float64(value))
}

func (e emitter) gauge(name, help string, value float64) {
	e.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, value)
}

// labeled sends a metric with one label.
func (e emitter) labeled(kind prometheus.ValueType, name, help, label, key string, value float64) {
	e.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, []string{label}, nil), kind, value, key)
}

func (c *collector) edge(e emitter) {
	n := c.s.cfg.Edge.Stats()
	e.counter("reseat_edge_sessions_total", "Players welcomed.", n.Sessions)
	e.counter("reseat_edge_holds_total", "Times that a region began to keep actions for want of a primary.", n.Holds)
	e.counter("reseat_edge_switches_total", "Times that a region switched to a primary.", n.Switches)
	e.counter("reseat_edge_stale_frames_total", "Frames of a deposed primary, dropped.", n.Stale)
	e.counter("reseat_edge_snapshots_total", "Snapshots kept.", n.Snapshots)
	e.counter("reseat_edge_lost_actions_total", "Durable actions that a region came back without.", n.Lost)
	for region, count := range n.Thinned {
		e.labeled(prometheus.CounterValue, "reseat_region_thinned_total", "Unreliable updates left out while the mesh is degraded.", "region", region, float64(count))
	}
	byCode := func(name, help string, counts map[wire.Code]uint64) {
		for code, count := range counts {
			e.labeled(prometheus.CounterValue, name, help, "code", code.String(), float64(count))
		}
	}
	byCode("reseat_edge_refused_total", "Joins, frames and attaches refused, by code.", n.Refused)
	byCode("reseat_edge_ended_total", "Sessions ended, by code.", n.Ended)
}

func (c *collector) regions(e emitter) {
	for _, r := range c.s.cfg.Edge.Status().Regions {
		gauge := func(name, help string, value float64) {
			e.labeled(prometheus.GaugeValue, name, help, "region", r.Name, value)
		}
		counter := func(name, help string, value uint64) {
			e.labeled(prometheus.CounterValue, name, help, "region", r.Name, float64(value))
		}
		kept := c.s.cfg.Edge.Kept(r.Name)
		gauge("reseat_region_players", "Players of this edge.", float64(r.Players))
		gauge("reseat_region_kept_actions", "Actions that are not durable.", float64(kept.Kept))
		gauge("reseat_region_kept_bytes", "Their payload.", float64(kept.KeptBytes))
		gauge("reseat_region_epoch", "Epoch of the primary that serves, or of the last one.", float64(r.Epoch))
		gauge("reseat_region_serving", "1 while a primary serves.", truth(r.Phase == failover.Serving))
		gauge("reseat_region_protected", "1 while what is durable survives any one process.", truth(r.Protected))
		counter("reseat_region_actions_total", "Actions taken from players.", kept.Appended)
		counter("reseat_region_acked_total", "Actions that became durable.", kept.Acked)
		counter("reseat_region_resent_total", "Actions sent again.", kept.Resent)
		counter("reseat_region_abandoned_total", "Actions that were not durable when their session ended.", kept.Abandoned)
		counter("reseat_region_pushed_back_total", "Actions that had to wait for room.", kept.Full())
	}
}

func (c *collector) mesh(e emitter) {
	s := c.s.status(time.Now())
	e.gauge("reseat_mesh_stale", "1 while Consul does not answer.", truth(s.Stale))
	e.gauge("reseat_mesh_controller", "1 where the controller is.", truth(s.Controller != nil && s.Controller.Here))
	e.gauge("reseat_mesh_has_controller", "1 while there is a controller.", truth(s.Controller != nil))
	e.gauge("reseat_mesh_fidelity_ratio", "What share of the unreliable updates is kept.", s.Level.Fidelity)
	for _, level := range []string{"normal", "light", "moderate", "severe"} {
		e.labeled(prometheus.GaugeValue, "reseat_mesh_level", "1 for the level that the mesh is at.", "level", level, truth(level == s.Level.Name))
	}
	e.gauge("reseat_mesh_coverage_ratio", "Share of the regions that have all backups in sync.", s.Coverage.Percent/100)
	e.gauge("reseat_mesh_regions", "Regions.", float64(s.Coverage.Regions))
	e.gauge("reseat_mesh_unprotected_regions", "Regions whose state one process alone has.", float64(len(s.Coverage.Unprotected)))
	servers := map[string]int{"passing": 0, "failing": 0, "draining": 0}
	for _, one := range s.Servers {
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
		e.labeled(prometheus.GaugeValue, "reseat_mesh_servers", "Registered servers by state.", "state", state, float64(n))
	}
	alerts := map[string]int{"info": 0, "warning": 0, "critical": 0}
	for _, a := range s.Alerts {
		alerts[a.Severity]++
	}
	for severity, n := range alerts {
		e.labeled(prometheus.GaugeValue, "reseat_mesh_alerts", "Alerts that stand, at the controller.", "severity", severity, float64(n))
	}
	for _, r := range s.Regions {
		e.labeled(prometheus.GaugeValue, "reseat_region_score", "How urgent the region is.", "region", r.Name, float64(r.Score))
		e.labeled(prometheus.GaugeValue, "reseat_region_rank", "Its place in the order of recovery; 1 is first.", "region", r.Name, float64(r.Rank))
		e.labeled(prometheus.GaugeValue, "reseat_region_in_sync", "Servers in its in-sync set.", "region", r.Name, float64(len(r.InSync)))
	}
}

func (c *collector) consul(e emitter) {
	n := c.s.cfg.Consul()
	e.counter("reseat_consul_calls_total", "Calls to Consul.", n.Calls)
	e.counter("reseat_consul_resets_total", "Times that Consul's index went down.", n.Resets)
	e.gauge("reseat_consul_watches", "Watches that run.", float64(n.Watches))
	e.gauge("reseat_consul_blocking_queries", "Blocking queries that are open.", float64(n.Blocking))
	for kind, count := range n.Errors {
		e.labeled(prometheus.CounterValue, "reseat_consul_errors_total", "Failed calls to Consul by kind.", "kind", kind, float64(count))
	}
}

// work is what this edge has done for the mesh.
func (c *collector) work(e emitter) {
	n := c.s.cfg.Work()
	byOutcome := func(name, help string, outcomes map[string]uint64) {
		for outcome, count := range outcomes {
			e.labeled(prometheus.CounterValue, name, help, "outcome", outcome, float64(count))
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

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
