package fleet

// Freeze stops the process in its tracks, Thaw lets it go on. What it started is
// not touched.
func (p *Process) Freeze() error { return stop(p.cmd.Process) }

// Thaw is the end of Freeze.
func (p *Process) Thaw() error { return resume(p.cmd.Process) }

// Ask makes an edge or a sidecar log what it knows: the events "counters" and
// "dump". A frozen process does so when it goes on.
func (p *Process) Ask() error { return ask(p.cmd.Process) }

// Process is the sidecar's process of the moment; nil before Start.
func (s *Server) Process() *Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sidecar
}
