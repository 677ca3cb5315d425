// Package devconsul is the part of Consul's HTTP API that Reseat uses, in memory.
//
// # FOR DEVELOPMENT AND SIMULATION ONLY. NEVER IN PRODUCTION.
//
// It is one process with no replication, no persistence, no access control and
// no TLS: when it stops, every lock, epoch and session is forgotten, and that is
// exactly what a registry must never do. Production needs three Consul servers.
//
// What it has, it does as Consul 1.22 does, unpleasant parts included, because
// what works here must work there; the contract tests of package discovery pass
// on both. In particular:
//
//   - A session lives for twice its TTL after the last renewal; a TTL is 10 s to
//     24 h. Without a lock delay in the request it has one of 15 s, without node
//     checks serfHealth.
//   - A TTL check turns critical exactly TTL after its last update. It is
//     critical from the start unless the registration says otherwise, and one
//     that is registered again keeps its status. Critical ends the sessions that
//     are bound to it, warning does not; a session cannot be bound to a critical
//     check. What the agent is told reaches the catalog a moment later
//     (Options.SyncDelay).
//   - Locks are advisory: a plain PUT over a held lock keeps the session and
//     resets LockIndex, a DELETE removes lock and key, and the session lives on.
//   - A transaction does all or nothing, and names every operation that failed.
//     A cas that writes what is there keeps the index; a delete-cas of what is not
//     there succeeds, whatever its index; an unlock writes the value.
//   - A blocking query with an index that is not reached waits until its time is
//     up, plus up to a sixteenth, even if something changes meanwhile, when the
//     index is from another life of the server; its answer then has a lower one.
//   - Destroying a session that is gone is no error; renewing it is a 404.
//
// All expiry is by timers made when requests are served, so that a Server made in
// a testing/synctest bubble lives in the bubble's time. Transport connects a
// client to it without a network.
package devconsul
