package admin

import (
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// What Prometheus is told comes from a registry of our own: nothing gets in by an
// import. Most of it is read from the counters of others when it is asked for. Labels
// are names of regions, and codes of lists that do not grow: a player's ID is never
// one. deploy/metrics.md lists all, and a test holds it against what there is.

// registry is what the servers of an edge and of a sidecar both show: the process,
// and their own requests.
type registry struct {
	*prometheus.Registry
	requests *prometheus.CounterVec
	page     answer
}

func newRegistry(more ...prometheus.Collector) registry {
	r := registry{Registry: prometheus.NewRegistry(), requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reseat_admin_requests_total", Help: "Requests to the admin API by path and class of answer.",
	}, []string{"path", "class"})}
	r.MustRegister(r.requests, collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	r.MustRegister(more...)
	// Exemplars are in the OpenMetrics format only, which Prometheus asks for.
	h := promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: askTimeout, EnableOpenMetrics: true})
	r.page = func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
	return r
}

// emitter sends metrics that are made for one answer. Labels are pairs of name and
// value.
type emitter struct{ out chan<- prometheus.Metric }

func (e emitter) counter(name, help string, value uint64, labels ...string) {
	names, values := split(labels)
	e.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), prometheus.CounterValue, float64(value), values...)
}

func (e emitter) gauge(name, help string, value float64, labels ...string) {
	names, values := split(labels)
	e.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, names, nil), prometheus.GaugeValue, value, values...)
}

func (e emitter) histogram(name, help string, h proxy.Histogram, labels ...string) {
	names, values := split(labels)
	buckets, n := make(map[float64]uint64, len(proxy.WaitBounds)), uint64(0)
	for i, bound := range proxy.WaitBounds {
		n += h.Counts[i]
		buckets[bound.Seconds()] = n
	}
	n += h.Counts[len(proxy.WaitBounds)]
	e.out <- prometheus.MustNewConstHistogram(prometheus.NewDesc(name, help, names, nil), n, h.Sum.Seconds(), buckets, values...)
}

// byCode sends a counter for each code that was counted. Those that people wait for
// are there from the start: Prometheus sees no increase in a series that begins with 1.
func (e emitter) byCode(name, help string, counts map[wire.Code]uint64, awaited ...wire.Code) {
	for code, n := range counts {
		e.counter(name, help, n, "code", code.String())
	}
	for _, code := range awaited {
		if _, counted := counts[code]; !counted {
			e.counter(name, help, 0, "code", code.String())
		}
	}
}

func split(labels []string) (names, values []string) {
	for i := 0; i < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	return names, values
}

// choice sends 1 for the one of some values of a label that is the case, 0 for the
// others.
func choice[T ~string](e emitter, name, help, label string, all []T, is T, labels ...string) {
	for _, one := range all {
		e.gauge(name, help, truth(one == is), append(slices.Clip(labels), label, string(one))...)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// collector makes metrics when it is asked.
type collector func(e emitter)

// Describe sends nothing: what there is depends on the regions.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) { c(emitter{out}) }

// observe counts a duration, and names the trace that shows where it went; empty:
// there is none.
func observe(h prometheus.Observer, d time.Duration, trace string) {
	with, can := h.(prometheus.ExemplarObserver)
	if !can || trace == "" || len(trace) > maxTrace {
		h.Observe(d.Seconds())
		return
	}
	with.ObserveWithExemplar(d.Seconds(), prometheus.Labels{"trace_id": trace})
}

// maxTrace is how long the ID of a trace may be: an exemplar has no more than 128
// characters with its label.
const maxTrace = 64
