package mesh

// turns bounds the hand-overs under way.
type turns struct {
	free int
	per  map[string]int // free ones of each target
	each int
}

func (m *moves) turns(p *picture) *turns {
	t := &turns{free: m.cfg.AtOnce, per: map[string]int{}, each: m.cfg.PerTarget}
	for _, mv := range m.byRegion {
		if s := p.byInc[mv.to]; s != nil && mv.handing && !mv.over {
			t.free--
			t.per[mv.to]++
			s.leads++
		}
	}
	return t
}

func (t *turns) mayTake(s *server) bool { return t.free > 0 && t.per[s.Incarnation] < t.each }

func (t *turns) take(s *server) bool {
	if s == nil || !t.mayTake(s) {
		return false
	}
	t.free--
	t.per[s.Incarnation]++
	s.leads++
	return true
}
