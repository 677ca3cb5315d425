package world

import (
	"errors"
	"fmt"
)

// errBaggage: what a player brings is none of ours.
var errBaggage = errors.New("world: malformed baggage")

// cross lets a player go to another region, with his gold, his items and his books.
// He is answered when he is there. What a World lets go and takes in is added up, so
// that the sums of each region stay what they were.
func (w *World) cross(out output, f *figure, payload []byte, to string) bool {
	o := finding{player: f.name, payload: payload}
	w.scratch = o.append(w.scratch[:0])
	n := len(w.scratch)
	w.scratch = f.append(w.scratch)
	if out.Transfer(f.name, to, w.scratch[n:], w.scratch[:n]) != nil {
		return false // it is no region, or this one; or he has more than he can carry
	}
	w.letGo(f)
	return true
}

func (w *World) letGo(f *figure) {
	w.left.add(f)
	delete(w.byName, f.name)
	delete(w.present, f.name)
	for i := range w.players {
		if w.players[i] == f {
			w.players = append(w.players[:i], w.players[i+1:]...)
			return
		}
	}
}

// arrive takes a player in, and answers the command that he has come with. What he
// had left behind on an earlier visit is his again.
func (w *World) arrive(out output, player string, baggage []byte) error {
	r := reader{rest: baggage}
	f := readFigure(&r)
	if r.failed || len(r.rest) > 0 || f.name != player {
		return fmt.Errorf("%w of %s: %d bytes", errBaggage, player, len(baggage))
	}
	w.came.add(f)
	if old := w.byName[player]; old != nil {
		f.gold += old.gold
		for i := range f.items {
			f.items[i] += old.items[i]
		}
		*old = *f
	} else {
		w.players = append(w.players, f)
		w.byName[player] = f
	}
	f = w.byName[player]
	echo := Echo{N: f.journal.Last, Result: Done, X: f.x, Y: f.y, Gold: f.gold, Applied: f.journal.Applied}
	w.scratch = echo.Append(w.scratch[:0])
	out.Send(player, w.scratch)
	return nil
}

// add adds what a player owns.
func (t *Totals) add(f *figure) {
	t.Gold += f.gold
	for i, n := range f.items {
		t.Items[i] += n
	}
}
