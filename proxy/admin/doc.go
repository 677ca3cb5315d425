// Package admin is the HTTP API with which people see and steer the mesh. Each
// edge can have one; it shows the mesh as that edge knows it.
//
//	GET  /mesh/status                 everything at one moment: Status
//	GET  /mesh/events                 what happens, as server-sent events: Event
//	GET  /mesh/failover_metrics       the recorded failovers in figures
//	GET  /mesh/replication/{region}   who has the state of a region
//	POST /mesh/drain                  empty a server, or take that back
//	POST /mesh/move                   let another server lead a region
//	POST /mesh/setup_test             tests: wait until regions are served and covered
//	POST /mesh/simulate_failure       tests: kill, freeze, cut off or drain a server
//	POST /mesh/reset                  tests: forget drains, level and failovers
//	GET  /livez /readyz /metrics      for supervisors and Prometheus
//	GET  /openapi.json                this list, for machines
//	GET  /                            the live page, where there is one
//
// # Who may
//
// On a loopback address without a token: every process of this machine, and no
// browser page that is not our own. A page of another site is told from the Host
// that it asks for (DNS rebinding) and from its Origin; a POST must be JSON, which a
// form cannot send. Any other address needs a token and TLS, and the server refuses
// to start without. With a token only the page, the OpenAPI file, /livez and
// /readyz are open: they hold no news of the mesh.
//
// # Where it comes from
//
//	discovery.MeshWatch ──▶ view ───────────┐
//	proxy.Edge: status, failovers ──────────┼──▶ Status
//	the controller of this edge ────────────┘
//	proxy.Edge: events ─┬─▶ journal of 1024 ──▶ subscribers, at most 64
//	changes of the mesh ┘
//
// Nothing here is on the path of players. Reading takes copies of what is in
// memory; what asks Consul or another process is bounded in time and in number.
// A subscriber who reads too slowly loses the oldest events and is told (gap).
//
// A sidecar has a server of its own, SidecarServer, with /metrics, /livez and /readyz.
// This package alone knows Prometheus: edges and sidecars have counters of their own,
// which are read when somebody asks.
//
// Errors are problems (RFC 9457), and their detail says what to do.
package admin
