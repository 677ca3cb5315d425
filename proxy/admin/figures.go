package admin

import (
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/reseat-proxy/reseat/proxy"
)

// stageOrder are the stages of a failover.
var stageOrder = []proxy.EventKind{
	proxy.EventHeld, proxy.EventElected, proxy.EventServing, proxy.EventSwitch, proxy.EventResent, proxy.EventDurable,
}

func (s *Server) getFailoverMetrics(w http.ResponseWriter, _ *http.Request) error {
	return reply(w, http.StatusOK, sumUp(time.Now(), s.cfg.Edge.Failovers()))
}

// sumUp makes figures of failovers. A stage that one reached twice, because the
// first server that took over died of it, counts when it was reached for good.
func sumUp(now time.Time, all []proxy.Failover) FailoverMetrics {
	out := FailoverMetrics{At: now, Since: now, Failovers: len(all), ByReason: map[string]int{}, ByRegion: map[string]int{}}
	took := map[proxy.EventKind][]float64{}
	for _, f := range all {
		if f.Started.Before(out.Since) {
			out.Since = f.Started
		}
		if f.Done {
			out.Done++
		}
		out.ByReason[string(f.Reason)]++
		out.ByRegion[f.Region]++
		out.Actions += f.Actions
		reached := map[proxy.EventKind]time.Time{}
		for _, stage := range f.Stages {
			reached[stage.Kind] = stage.At
		}
		for kind, at := range reached {
			took[kind] = append(took[kind], millis(at.Sub(f.Started)))
		}
	}
	for _, kind := range stageOrder {
		out.Stages = append(out.Stages, StageDuration{stageName(kind), figures(took[kind])})
	}
	out.Stall = figures(took[proxy.EventDurable])
	return out
}

// figures takes the nearest rank: with few values the 99th percentile is the
// largest.
func figures(values []float64) Figures {
	if len(values) == 0 {
		return Figures{}
	}
	slices.Sort(values)
	rank := func(p float64) float64 { return values[int(math.Ceil(p*float64(len(values))))-1] }
	return Figures{Count: len(values), P50: rank(0.5), P99: rank(0.99), Max: values[len(values)-1]}
}
