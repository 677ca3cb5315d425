package mesh

// turns bounds the hand-overs under way.
type turns struct {
	free int
	per  map[string]int // under way to each target
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

// take counts a hand-over to a server, if there is room for it.
func (t *turns) take(s *server) bool {
	if s == nil || t.free <= 0 || t.per[s.Incarnation] >= t.each {
		return false
	}
	t.free--
	t.per[s.Incarnation]++
	s.leads++
	return true
}
