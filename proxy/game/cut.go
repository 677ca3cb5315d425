package game

import (
	"fmt"
	"time"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// cut sends a snapshot of all that the World has been given.
func (r *region) cut(n uint64) error {
	began := time.Now()
	r.calls.Add(1)
	r.snapshot = r.world.Snapshot(r.snapshot[:0])
	r.calls.Add(1)
	took := time.Since(began)
	if len(r.snapshot) > wire.MaxSnapshot {
		return fmt.Errorf("%w: region %q wrote %d bytes, the limit is %d",
			ErrSnapshotTooLarge, r.head.Region, len(r.snapshot), wire.MaxSnapshot)
	}
	head := wire.CutDone{
		ID: r.head.ID, N: n, Index: r.applied, Micros: uint64(took.Microseconds()), Size: uint64(len(r.snapshot)),
	}
	if err := send(r.out.to, head); err != nil {
		return err
	}
	for offset := 0; offset < len(r.snapshot); offset += wire.MaxChunk {
		chunk := r.snapshot[offset:min(offset+wire.MaxChunk, len(r.snapshot))]
		if err := send(r.out.to, wire.State{ID: r.head.ID, Offset: uint64(offset), Data: chunk}); err != nil {
			return err
		}
	}
	return nil
}
