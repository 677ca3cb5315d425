// Package controller runs the mesh's controller inside an edge: it registers the
// edge in Consul, campaigns for the controller's lock, and while it holds it lets a
// mesh.Controller decide and carries out what that wants.
//
//	            registered                the lock is free: ours
//	┌─────────┐ ─────────▶ ┌───────────┐ ─────────────────▶ ┌─────────┐
//	│ outside │            │ following │                    │ leading │
//	└─────────┘ ◀───────── └───────────┘ ◀───────────────── └─────────┘
//	     ▲     session lost              another one has it     │
//	     └──────────────────────────────────────────────────────┘
//
// Every edge has a Runner, and any of them can be the one that leads: what it
// decides from is in Consul, besides the loads that every primary tells every edge.
// An edge that leads no more and does not know it is harmless, because each of its
// writes is a transaction with the check that it holds the lock.
//
// Nothing on the data path waits for a Runner, and a Runner waits for no launcher,
// no webhook, and no reader of its events. Its one mutex guards what is known and
// the mesh.Controller; nothing is called out under it.
package controller
