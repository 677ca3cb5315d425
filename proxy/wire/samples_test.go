package wire_test

import (
	"strings"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// samples are what testdata/frames.txt shows: every type at least once, and
// what is special about varints, names and empty fields.
var samples = []appender{
	wire.Hello{Version: 4, Region: "harbor", Player: "ada"},
	wire.Hello{
		Version: 4, Region: "Großer Wald", Player: "プレイヤー1", Durable: 127, Tail: 128,
		Token: []byte("0123456789abcdef"),
	},
	wire.Welcome{
		Version: 4, Epoch: 7, Durable: 300, Protected: true, Actions: 100, ActionBytes: 4096,
		AgeMillis: 10000, Token: []byte{0, 0xff, 0x0a, 0x7f},
	},
	wire.Act{Seq: 1},
	wire.Act{Seq: 2, Payload: []byte("hello")},
	wire.Act{Seq: 1<<64 - 1, Payload: []byte{0, 1, 2, 0xff}},
	wire.Act{Seq: 16384, Payload: []byte(strings.Repeat("long", 40))},
	wire.Durable{Epoch: 7, Seq: 2},
	wire.Update{Epoch: 7, Payload: []byte("you see a door")},
	wire.Hold{Epoch: 7, Reason: wire.CodeGameExit},
	wire.Reseated{Epoch: 8, Applied: 299},
	wire.Pressure{On: true, Kept: 100},
	wire.Refused{Epoch: 8, Seq: 301, Reason: wire.CodeQuarantined, Text: "this action stopped two servers"},
	wire.Protection{Epoch: 8},
	wire.Bye{Reason: wire.CodeLeft},
	wire.Bye{Reason: wire.CodeExpired, First: 300, Last: 399, Text: "no server for 10 s"},
	wire.Bye{Reason: wire.CodeDegraded, RetryMillis: 30_000, Text: "too much has failed at once"},
	wire.Mode{Level: wire.LevelSevere, Fidelity: 250},
	wire.Mode{Fidelity: wire.Full},
	wire.Moved{Epoch: 3, Protected: true, Region: "Großer Wald"},
	wire.Spare{Version: 4},

	wire.Open{Version: 4, Role: wire.RoleEdge, Region: "harbor", Incarnation: "edge-5f3a", To: "srv-90c1", Epoch: 7},
	wire.Opened{Version: 4, Incarnation: "srv-90c1", Epoch: 7, Serving: true},
	wire.Elected{Epoch: 8},
	wire.Elected{Epoch: 9, Trace: traceSample},
	wire.Offer{Epoch: 8, SnapEpoch: 7, SnapIndex: 4100, Size: 1 << 20},
	wire.Fetch{Epoch: 8, SnapEpoch: 7, SnapIndex: 4100},
	wire.Serving{Epoch: 8, Protected: true},
	wire.Serving{Epoch: 9, Trace: traceSample},
	wire.Down{Epoch: 8, Reason: wire.CodeDrain, Micros: 12_000},
	wire.Free{Epoch: 8},
	wire.Free{Epoch: 8, Heir: true},
	wire.Free{Epoch: 8, Heir: true, Next: 9, Before: 40, After: 44, Left: true, Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
	wire.Open{Version: 4, Role: wire.RoleBackup, Region: "harbor", Incarnation: "srv-17c2", To: "srv-90c1", Epoch: 7, Session: "a2e82d68-0f4c-8f28-99b4-5b07db39c2ea"},
	wire.Attach{Epoch: 8, Handle: 5, Number: 2, Durable: 298, Player: "ada"},
	wire.Attach{Epoch: 8, Handle: 6, Player: "bob", Show: []byte{1, 0xfe}, Next: []byte("SHA-256 of a token: it has 32 B.")},
	wire.Attached{Epoch: 8, Handle: 5, Number: 3, Have: 299, Durable: 298},
	wire.Detach{Epoch: 8, Handle: 5, Reason: wire.CodeLeft},
	wire.Action{Epoch: 8, Handle: 5, Seq: 300, Payload: []byte("hello")},
	wire.Action{Epoch: 8, Handle: 5, Seq: 299, Suspect: true, Payload: []byte("hello")},
	wire.Gap{Epoch: 8, Handle: 5, Have: 299},
	wire.Acked{Epoch: 8, Handle: 5, Seq: 300},
	wire.Output{Epoch: 8, Reliable: true, Payload: []byte("the bell rings")},
	wire.Output{Epoch: 8, Handle: 5, Payload: []byte("x=3 y=4")},
	wire.Confirm{Epoch: 8, Index: 4200},
	wire.Suspect{
		Epoch: 8, Reason: wire.CodeSilence, Session: "b9ae2f0c-4d2a-11f0-9b3e-0242ac120002",
		Incarnation: "srv-90c1",
	},
	wire.Stale{Epoch: 9},
	wire.Reject{Epoch: 8, Handle: 5, Seq: 301, Reason: wire.CodeQuarantined, Text: "poison"},
	wire.Record{Epoch: 8, Index: 4101, Of: 8, Kind: uint64(buffer.KindSeal)},
	wire.Record{Epoch: 8, Index: 4102, Of: 7, Kind: uint64(buffer.KindAction), ID: 9, Seq: 300, Payload: []byte("hello")},
	wire.Have{Epoch: 8, Index: 4102, Of: 8},
	wire.Truncate{Epoch: 8, Index: 4100, Of: 7},
	wire.Commit{Epoch: 8, Index: 4102, Applied: 4101},
	wire.Guard{Epoch: 8, Protected: true},
	wire.Pulse{Epoch: 8, N: 17},
	wire.Load{Epoch: 8, Players: 200, Pressed: true},
	wire.Record{
		Epoch: 8, Index: 4103, Of: 8, Kind: uint64(buffer.KindDepart), ID: 9, Seq: 4102, Number: 4102,
		Payload: buffer.AppendDeparture(nil, buffer.Departure{Outcome: true, Region: "forest", Delta: []byte("ada leaves"), Parcel: parcelSample}),
	},
	wire.Record{
		Epoch: 3, Index: 60, Of: 3, Kind: uint64(buffer.KindArrive), ID: 2, Seq: 300,
		Payload: buffer.AppendArrival(nil, buffer.Arrival{
			Attachment: buffer.Attachment{Player: "ada", Next: []byte("next hash")}, Number: 1, Hop: 1, From: "harbor", Baggage: []byte("3 gold"),
		}),
	},
	wire.Depart{Epoch: 8, Handle: 5, Hop: 1, Region: "forest", Payload: parcelSample},
	wire.Depart{Epoch: 8, Handle: 6, Hop: 7, Region: "forest"},
	wire.Enter{
		Epoch: 3, Handle: 1, Durable: 301, Hop: 1, Suspect: true, Player: "ada", From: "harbor",
		Show: []byte{1, 0xfe}, Next: []byte("next hash"), Payload: parcelSample,
	},
	wire.Entered{Epoch: 3, Handle: 1, Hop: 1, From: "harbor"},
	wire.Departed{Epoch: 8, Hop: 1, Player: "ada"},

	wire.SnapshotHead{Epoch: 8, Region: "harbor", SnapEpoch: 7, SnapIndex: 4100, Whole: 5, Size: 5, Sum: wire.Sum([]byte("state"))},
	wire.SnapshotHead{Epoch: 8, Region: "harbor", SnapEpoch: 8, SnapIndex: 4200, Form: wire.FormDelta, Base: 4150, Whole: 300000, Size: 700, Sum: 1},
	wire.Chunk{Offset: 32768, Data: []byte("state")},

	wire.GameHello{Version: 4, Name: "village", Beat: 50, PID: 4711, Standby: true},
	wire.GameWelcome{Version: 4, Incarnation: "srv-90c1"},
	wire.Beat{N: 1},
	wire.Host{ID: 1, Epoch: 8, Index: 4100, Size: 5, Region: "harbor"},
	wire.Host{ID: 2, Epoch: 1, New: true, Region: "desert"},
	wire.Host{ID: 3, Epoch: 8, Index: 4100, Standby: true, Size: 5, Region: "sea"},
	wire.State{ID: 1, Data: []byte("state")},
	wire.Hosted{ID: 1, Epoch: 8, OK: true, Outcomes: true, Arrivals: true},
	wire.Hosted{ID: 2, Epoch: 1, Text: "the map file is missing"},
	wire.Unhost{ID: 1},
	wire.Join{ID: 1, Handle: 9, Applied: 299, Here: true, Player: "ada"},
	wire.Leave{ID: 1, Handle: 9, Reason: wire.CodeLeft},
	wire.Do{ID: 1, Index: 4101, Handle: 9, Seq: 300, Payload: []byte("hello")},
	wire.Cut{ID: 1, N: 12},
	wire.CutDone{ID: 1, N: 12, Index: 4101, Micros: 250, Size: 5},
	wire.Emit{ID: 1, Handle: 9, After: 4101, Reliable: true, Payload: []byte("you gave 3 gold")},
	wire.Promote{ID: 3, Epoch: 9},
	wire.Outcome{ID: 1, From: 4101, To: 4101, Payload: []byte("ada finds 3 gold")},
	wire.Done{ID: 1, Index: 4101},
	wire.Transfer{ID: 1, From: 4102, To: 4102, Seq: 300, Player: "ada", Region: "forest", Delta: []byte("ada leaves"), Payload: []byte("3 gold")},
	wire.Arrive{ID: 2, Index: 60, Handle: 2, Payload: []byte("3 gold")},
}

const traceSample = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// parcelSample is what ada takes along: her gold, and two actions.
var parcelSample = buffer.AppendParcel(nil, buffer.Parcel{
	Hop: 1, Have: 300, Baggage: []byte("3 gold"), Carried: [][]byte{[]byte("north"), nil}, Last: 302,
})

var snapshotSample = buffer.Snapshot{
	Region: "harbor", Epoch: 7, Index: 4100, Outcome: 4102, Of: 6, Chain: 1 << 63,
	Players: []buffer.PlayerMark{
		{Player: "ada", ID: 1, Attach: 2, Applied: 299, Token: []byte("hash"), Next: []byte("next hash")},
		{Player: "bob", ID: 3, Attach: 1, Applied: 12, Tried: 13, Tries: 2, Hop: 2, From: "forest"},
		{Player: "eve", ID: 4, Attach: 1, Applied: 300, Hop: 1, To: "forest", Parcel: parcelSample},
		{Player: "zoë", ID: 2, Attach: 130},
	},
	State: []byte("bell=rung"),
}
