package admin

import (
	"github.com/reseat-proxy/reseat/proxy/sidecar"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// collect reads the sidecar and Consul's client.
func (s *SidecarServer) collect(e emitter) {
	status, n := s.cfg.Sidecar.Status(), s.cfg.Sidecar.Stats()
	e.gauge("reseat_sidecar_registered", "1 while it is in the mesh: its game has said hello, and Consul knows it.", truth(status.Incarnation != ""))
	e.gauge("reseat_sidecar_game", "1 while there is a game.", truth(status.Game))
	e.gauge("reseat_sidecar_lease_seconds", "For how long Consul's last word holds; below 0 it speaks for its regions only while all its peers confirm.", status.Lease.Seconds())
	collectLog(e, n)
	collectElections(e, n)
	for _, r := range status.Regions {
		collectHosted(e, r)
	}
	e.gauge("reseat_consul_stale_seconds", staleHelp, s.stale().Seconds())
	if s.cfg.Consul != nil {
		collectConsul(e, s.cfg.Consul())
	}
}

// collectLog is what has become of actions and records.
func collectLog(e emitter, n sidecar.Snapshot) {
	e.counter("reseat_sidecar_actions_total", "Actions appended to a region's log.", n.Actions)
	e.counter("reseat_sidecar_outcomes_total", "Outcomes that the game has committed.", n.Outcomes)
	e.counter("reseat_sidecar_repeats_total", "Actions that were in the log already: answered, without effect.", n.Repeats)
	e.counter("reseat_sidecar_gaps_total", "Times that an edge was asked for actions that were missing.", n.Gaps)
	e.counter("reseat_sidecar_left_actions_total", "Actions left to their edge: the region is handed over, or the player has gone on.", n.Left)
	e.counter("reseat_sidecar_durable_acks_total", "Acks of durability sent; one may cover many actions.", n.Durable)
	e.counter("reseat_sidecar_held_updates_total", "Updates that waited to become durable.", n.Held)
	e.counter("reseat_sidecar_trials_total", "Actions that may have killed a game, tried alone.", n.Trials)
	e.counter("reseat_sidecar_quarantined_total", "Actions that two games died of, set aside.", n.Quarantined)
	e.counter("reseat_sidecar_shipped_records_total", "Records sent to backups.", n.Shipped)
	e.counter("reseat_sidecar_shipped_bytes_total", "Their payloads.", n.ShippedBytes)
	e.counter("reseat_sidecar_received_records_total", "Records taken as a backup.", n.Received)
	e.counter("reseat_sidecar_received_bytes_total", "Their payloads.", n.ReceivedBytes)
	e.counter("reseat_sidecar_snapshots_total", "Snapshots made.", n.Snapshots)
	e.counter("reseat_sidecar_snapshot_bytes_total", "What they are as sent.", n.SnapshotBytes)
	e.counter("reseat_sidecar_copies_total", "Backups that were given a snapshot to begin with.", n.Copies)
	e.counter("reseat_sidecar_truncations_total", "Logs found to differ from their primary's, and cut: a backup's, or our own.", n.Truncations, "whose", "backup")
	e.counter("reseat_sidecar_truncations_total", "Logs found to differ from their primary's, and cut: a backup's, or our own.", n.Truncated, "whose", "own")
	e.counter("reseat_sidecar_evictions_total", "Players who came back at another edge.", n.Evictions)
	e.counter("reseat_sidecar_departures_total", "Players let go to another region.", n.Departures)
	e.counter("reseat_sidecar_arrivals_total", "Players taken in from another region.", n.Arrivals)
	e.byCode("reseat_sidecar_refused_total", "Frames, attaches and streams refused, by code; stale_epoch is a deposed primary's or a late edge's.", n.Refused,
		wire.CodeStaleEpoch, wire.CodeNotServing)
}

// collectElections is who led, and why no longer.
func collectElections(e emitter, n sidecar.Snapshot) {
	e.counter("reseat_sidecar_incarnations_total", "Times that it came into the mesh as a new server.", n.Incarnations)
	e.counter("reseat_sidecar_games_total", "Games that have said hello.", n.Games)
	e.byCode("reseat_sidecar_game_deaths_total", "Games that were lost, by code.", n.Deaths, wire.CodeGameExit, wire.CodeGameHang, wire.CodeGameFault, wire.CodeGameStarved)
	e.counter("reseat_sidecar_game_spared_total", "Times that a game was silent for too long and was given more time, for it waited for a CPU.", n.Spared)
	e.counter("reseat_sidecar_suspicions_reported_total", "Words of this sidecar against a primary.", n.Reported)
	e.counter("reseat_sidecar_suspicions_heard_total", "Words of edges and other backups against a primary; repeated while it stands.", n.Heard)
	e.counter("reseat_sidecar_sessions_destroyed_total", "Sessions of primaries ended on the word of two witnesses.", n.Destroyed)
	e.counter("reseat_sidecar_claims_total", "Attempts to take a region over.", n.Claims)
	e.counter("reseat_sidecar_claims_lost_total", "Those of them that came to nothing: mostly another one was faster.", n.ClaimsLost)
	e.counter("reseat_sidecar_takeovers_total", "Epochs in which this sidecar served a region.", n.Takeovers)
	e.counter("reseat_sidecar_fences_total", "Times that it stopped to speak for a region.", n.Fences)
	e.counter("reseat_sidecar_silenced_total", "Times that something was to leave, and the lease was over.", n.Silenced)
	e.counter("reseat_sidecar_yields_total", "Regions handed over as planned.", n.Yields)
	e.counter("reseat_sidecar_insync_changes_total", "Changes of an in-sync set.", n.SetChanges)
	e.counter("reseat_sidecar_late_backups_total", "Backups taken out of the set for not confirming in time.", n.Late)
}

// collectHosted is how a region is here.
func collectHosted(e emitter, r sidecar.RegionStatus) {
	gauge := func(name, help string, value float64) { e.gauge(name, help, value, "region", r.Name) }
	choice(e, "reseat_sidecar_region_role", "1 for what this sidecar is in the region.", "role", sidecar.Roles(), r.Role, "region", r.Name)
	gauge("reseat_sidecar_region_epoch", "The highest epoch heard of.", float64(r.Epoch))
	gauge("reseat_sidecar_region_log_records", "Records that the log holds.", float64(r.Records))
	gauge("reseat_sidecar_region_log_bytes", "Their payloads.", float64(r.LogBytes))
	gauge("reseat_sidecar_region_pending_records", "Those of them that are not known to be durable.", float64(r.End-min(r.Commit, r.End)))
	gauge("reseat_sidecar_region_leased", "1 while this primary may speak.", truth(r.Leased))
	gauge("reseat_sidecar_region_protected", "1 while this primary and a backup both have all that is durable.", truth(r.Protected))
	gauge("reseat_sidecar_region_players", "Players attached to this primary, of all edges.", float64(r.Players))
	gauge("reseat_sidecar_region_backups", "Backups that follow this primary's log.", float64(r.Backups))
	gauge("reseat_sidecar_region_lag_records", "Records that the slowest of them lacks.", float64(r.Lag))
	gauge("reseat_sidecar_region_lag_seconds", "For how long one of them has been owing a record.", r.Owed.Seconds())
	gauge("reseat_sidecar_region_held_bytes", "Updates that wait to become durable.", float64(r.Held))
}
