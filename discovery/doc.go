// Package discovery is the only part of Reseat that knows Consul. It does five
// things, and decides nothing:
//
//   - Register puts a game server's sidecar into Consul: a service, a TTL check
//     that the sidecar beats, and a session that falls with that check.
//     RegisterEdge does it for an edge.
//   - WatchMesh turns two blocking queries into the latest Mesh: all servers, and
//     of each region a View: its epoch, who holds its lock, which servers it is
//     about, who is in sync. Any number of subscribers share it. Watch does it for
//     one region alone.
//   - TakeOver makes a session the holder of a region's lock in a new epoch, in
//     one transaction with the check that the candidate is in sync. Release and
//     DestroySession are the two ways to a free lock, for the holder and for a
//     witness of its death.
//   - ChangeInSync changes the published in-sync set, and ClearInSync makes the
//     region cold, as long as the caller still holds the lock. ForceOpen deletes
//     the set while nobody does, for a person who has decided to lose something.
//   - LeadMesh makes an edge's session the holder of the controller's lock, and
//     PutSeats, DropSeats and PutMeshState say what it has decided, as long as it
//     still is. SetDrain and ClearDrain say which servers are to be emptied.
//
// # Keys
//
// Per region there are three keys, below <prefix>/<region>/:
//
//	lock    held by the primary's session; the value is its Holder as JSON
//	epoch   decimal; goes up by at least one with every take-over
//	insync  JSON list of incarnations, the primary among them; absent when the
//	        region is cold
//
// For the mesh there are four kinds, below <prefix>/.mesh/:
//
//	controller           held by the session of the edge that leads; a Controller
//	state                what it says to all; a MeshState
//	seats/<region>       what it has decided for one region; a Seats
//	drain/<incarnation>  that server is to be emptied; a Drain
//
// No other program may write to them. Consul's locks are advisory, though, and
// so every reader here survives whatever it finds; see View and Mesh for the rules.
//
// # Unknown outcomes
//
// A write that ends in ErrUnavailable may nevertheless have happened. TakeOver
// may be repeated as it is: a session that holds the lock already gets it again,
// in a higher epoch. ClearInSync and ForceOpen may be repeated, too, and so may
// LeadMesh, DropSeats, SetDrain and ClearDrain. ChangeInSync, PutSeats and
// PutMeshState that did happen answer ErrRaced when they are repeated; the next
// View or Mesh (or InSync) shows what is there.
//
// # Time
//
// Nothing here is safe because of a clock. Consul frees a lock CheckTTL after
// the last beat, or 2 x SessionTTL after the last renewal, whichever is first;
// Registration.RenewedAt is the send time that a holder measures its lease from,
// and says how.
// While Consul does not answer, nothing changes: a Registration goes on trying,
// a View is marked stale.
//
// All methods may be called from any goroutine. Every call is bounded by its
// context and by Config.Timeout.
package discovery
