package history

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/bench/fleet"
	"github.com/reseat-proxy/reseat/bench/world"
)

// tape is a recorded run, in a form that tests can break.
type tape struct {
	setup   Setup
	records []Record
	e       *Evidence
	carried map[string][]command // what reached the game, in that order
}

type command struct {
	n       uint64
	payload []byte
}

// judge writes the books, stores the records, reads them back and judges.
func (tp *tape) judge(t require.TestingT) Verdict {
	return Judge(tp.setup, tp.history(t), tp.evidence())
}

func (tp *tape) history(t require.TestingT) *History {
	var file bytes.Buffer
	w := NewWriter(&file)
	for _, r := range tp.records {
		w.Write(r)
	}
	require.NoError(t, w.Close())
	h, err := Read(&file)
	require.NoError(t, err)
	return h
}

func (tp *tape) evidence() *Evidence {
	books := &tp.e.After.Books
	books.Players = nil
	for player, commands := range tp.carried {
		a := world.Account{Player: player}
		for _, c := range commands {
			a.Journal.Note(c.n, c.payload)
		}
		books.Players = append(books.Players, a)
	}
	return tp.e
}

// event makes an event as the processes log them.
func event(name, from string, at int64, attrs map[string]any) fleet.Event {
	if attrs == nil {
		attrs = map[string]any{}
	}
	attrs["event"], attrs["time"] = name, time.Unix(0, at).UTC().Format(time.RFC3339Nano)
	line, err := json.Marshal(attrs)
	if err != nil {
		panic(err)
	}
	e, ok := fleet.ParseEvent(from, line, time.Time{})
	if !ok {
		panic("no event")
	}
	return e
}
