package proxy

import "github.com/reseat-proxy/reseat/buffer"

// Newest is the newest snapshot that the edge keeps of a region, or nil.
func (e *Edge) Newest(name string) *buffer.Snapshot {
	r := e.regions[name]
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Newest()
}
