package failover

import (
	"cmp"
	"hash/fnv"
	"slices"

	"github.com/reseat-proxy/reseat/discovery"
)

// Order ranks the servers that may take a region over, best first: those whose
// check passes before those whose check does not (their news may be late), then
// by rendezvous hashing of (region, epoch, incarnation), so that all observers
// of one view agree, and regions that fall together spread over the servers.
// The holder that was lost is left out.
func Order(v discovery.View, lost string) []discovery.Server {
	var out []discovery.Server
	for _, s := range v.Servers {
		if s.Incarnation != lost {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b discovery.Server) int {
		if a.Passing != b.Passing {
			if a.Passing {
				return -1
			}
			return 1
		}
		return cmp.Or(
			cmp.Compare(weight(v, b.Incarnation), weight(v, a.Incarnation)),
			cmp.Compare(a.Incarnation, b.Incarnation),
		)
	})
	return out
}

// Rank is the place of incarnation in Order, or its length if it is not there.
func Rank(v discovery.View, lost, incarnation string) int {
	order := Order(v, lost)
	i := slices.IndexFunc(order, func(s discovery.Server) bool { return s.Incarnation == incarnation })
	if i < 0 {
		return len(order)
	}
	return i
}

func weight(v discovery.View, incarnation string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(v.Region))
	_, _ = h.Write([]byte{0, byte(v.Epoch), byte(v.Epoch >> 8), 0})
	_, _ = h.Write([]byte(incarnation))
	return h.Sum64()
}
