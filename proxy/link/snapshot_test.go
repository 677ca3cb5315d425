package link_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/reseat-proxy/reseat/buffer"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

const limit = 1 << 20

// cut is the snapshot of a state.
func cut(epoch, index uint64, state []byte) *buffer.Snapshot {
	return &buffer.Snapshot{
		Region: "arena", Epoch: epoch, Index: index, Outcome: index, Chain: 7,
		Players: []buffer.PlayerMark{{Player: "ann", ID: 1, Attach: 1, Applied: index, Token: []byte("hash")}},
		State:   state,
	}
}

// noise is what nobody can compress.
func noise(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// changed is a copy with other bytes, eight at most, in n places.
func changed(b []byte, n int) []byte {
	b = bytes.Clone(b)
	r := rand.New(rand.NewPCG(2, uint64(n)))
	for range n {
		at := r.IntN(len(b))
		for i := at; i < min(at+8, len(b)); i++ {
			b[i] = byte(r.Uint32())
		}
	}
	return b
}

func bytesOf(tb testing.TB, p *link.Parcel) []byte {
	tb.Helper()
	var b bytes.Buffer
	n, err := p.WriteTo(&b)
	require.NoError(tb, err)
	require.EqualValues(tb, b.Len(), n)
	return b.Bytes()
}

func read(r *link.Receiver, b []byte) (wire.SnapshotHead, *buffer.Snapshot, error) {
	return r.Read(bytes.NewReader(b))
}

// take receives what must be received.
func take(t *testing.T, r *link.Receiver, p *link.Parcel, want *buffer.Snapshot) {
	t.Helper()
	head, snap, err := read(r, bytesOf(t, p))
	require.NoError(t, err)
	require.Equal(t, p.Head, head)
	require.Equal(t, want, snap)
}

func TestFormsOfAWhole(t *testing.T) {
	for name, tc := range map[string]struct {
		state []byte
		form  uint64
	}{
		"small":          {bytes.Repeat([]byte("a"), 300), wire.FormPlain},
		"noise":          {noise(1, 100_000), wire.FormPlain},
		"compressible":   {bytes.Repeat([]byte("state "), 40_000), wire.FormZstd},
		"above a window": {bytes.Repeat(noise(1, 200_000), 10), wire.FormZstd},
	} {
		t.Run(name, func(t *testing.T) {
			snap := cut(3, 9, tc.state)
			sealed := link.Seal(4, snap)
			plain := wire.AppendSnapshot(nil, snap)
			size := uint64(len(plain))
			require.Equal(t, wire.SnapshotHead{
				Epoch: 4, Region: "arena", SnapEpoch: 3, SnapIndex: 9, Whole: size, Size: size, Sum: wire.Sum(plain),
			}, sealed.Head)
			whole := sealed.Whole()
			require.Equal(t, tc.form, whole.Head.Form)
			take(t, &link.Receiver{Limit: 4 << 20}, whole, snap)

			var b bytes.Buffer
			_, err := sealed.WriteTo(&b)
			require.NoError(t, err)
			require.True(t, bytes.Equal(bytesOf(t, whole), b.Bytes()))
			_, got, err := link.ReceiveSnapshot(&b, 4<<20)
			require.NoError(t, err)
			require.Equal(t, snap, got)
		})
	}
}

// A receiver that holds one of the last two snapshots is sent what has changed.
func TestDeltasFromTheLastTwo(t *testing.T) {
	var sealer link.Sealer
	receiver := &link.Receiver{Limit: limit}
	state := noise(1, 200_000)
	sealed := sealer.Seal(1, cut(1, 0, state))
	take(t, receiver, sealed.Whole(), cut(1, 0, state))
	for index := uint64(10); index < 60; index += 10 {
		state = changed(state, 20)
		snap := cut(1, index, state)
		sealed = sealer.Seal(1, snap)
		for base := range index + 2 {
			p, ok := sealed.Delta(base)
			require.Equal(t, base > 0 && (base == index-10 || base == index-20), ok, "%d to %d", base, index)
			if ok {
				require.Equal(t, wire.FormDelta, p.Head.Form)
				require.Equal(t, base, p.Head.Base)
				require.Less(t, p.Head.Size, p.Head.Whole/100)
				take(t, receiver, p, snap)
			}
		}
		take(t, receiver, sealed.Whole(), snap)
	}

	sealed = sealer.Seal(1, cut(1, 50, changed(state, 2)))
	_, ok := sealed.Delta(50)
	require.False(t, ok, "the same index again")
	_, ok = sealed.Delta(40)
	require.True(t, ok)
	sealed = sealer.Seal(1, cut(1, 45, state))
	_, ok = sealed.Delta(40)
	require.False(t, ok, "after a step back nobody knows who holds what")
	sealed = sealer.Seal(2, cut(2, 60, state))
	for _, base := range []uint64{40, 45, 50} {
		_, ok = sealed.Delta(base)
		require.False(t, ok, "of another epoch")
	}
	sealed = sealer.Seal(3, cut(2, 70, state))
	_, ok = sealed.Delta(60)
	require.True(t, ok, "the sender's epoch is not the snapshot's")
}

func TestDeltasThatDoNotPay(t *testing.T) {
	for name, states := range map[string][2][]byte{
		"another state":  {noise(1, 100_000), noise(2, 100_000)},
		"a small one":    {noise(1, 300), noise(1, 300)},
		"a small base":   {noise(1, 300), noise(1, 3000)},
		"half of it new": {noise(1, 100_000), append(noise(1, 40_000), noise(2, 60_000)...)},
	} {
		var sealer link.Sealer
		sealer.Seal(1, cut(1, 1, states[0]))
		sealed := sealer.Seal(1, cut(1, 2, states[1]))
		_, ok := sealed.Delta(1)
		require.False(t, ok, name)
	}
}

// Whatever a game does to its state, a receiver has the same afterwards, from a
// delta or from a whole.
func TestAnyStateArrives(t *testing.T) {
	deltas := 0
	rapid.Check(t, func(t *rapid.T) {
		var sealer link.Sealer
		receiver := &link.Receiver{Limit: limit}
		size := rapid.SampledFrom([]int{
			0, 1, 400, 1000, 5000, wire.DeltaPiece - 100, wire.DeltaPiece, wire.DeltaPiece + 1, 150_000, 3*wire.DeltaPiece - 50,
		}).Draw(t, "size")
		state := noise(1, size)
		held := uint64(0)
		for index := uint64(1); index <= 4; index++ {
			state = drawChange(t, state)
			snap := cut(1, index, state)
			sealed := sealer.Seal(1, snap)
			p, ok := sealed.Delta(held)
			if ok {
				deltas++
			} else {
				p = sealed.Whole()
			}
			if rapid.IntRange(0, 3).Draw(t, "lost") == 0 {
				continue
			}
			var b bytes.Buffer
			_, err := p.WriteTo(&b)
			require.NoError(t, err)
			_, got, err := receiver.Read(&b)
			require.NoError(t, err)
			require.Equal(t, snap.Players, got.Players)
			require.True(t, bytes.Equal(snap.State, got.State))
			held = index
		}
	})
	require.Positive(t, deltas)
}

func drawChange(t *rapid.T, state []byte) []byte {
	state = bytes.Clone(state)
	for range rapid.IntRange(0, 5).Draw(t, "changes") {
		at := rapid.IntRange(0, len(state)).Draw(t, "at")
		n := rapid.SampledFrom([]int{1, 8, 100, 2 * wire.DeltaMargin}).Draw(t, "n")
		end := min(at+n, len(state))
		switch rapid.IntRange(0, 2).Draw(t, "change") {
		case 0:
			state = slices.Insert(state, at, noise(uint64(at), n)...)
		case 1:
			state = slices.Delete(state, at, end)
		case 2:
			copy(state[at:end], noise(uint64(n), end-at))
		}
	}
	return state
}

// A delta to what is not there, or to something else with the same index, is told
// from a snapshot that is wrong.
func TestDeltaWithoutItsBase(t *testing.T) {
	state := noise(1, 100_000)
	var sealer link.Sealer
	first := sealer.Seal(1, cut(1, 1, state))
	snap := cut(1, 2, changed(state, 5))
	p, ok := sealer.Seal(1, snap).Delta(1)
	require.True(t, ok)
	whole := bytesOf(t, p)

	refused := func(r *link.Receiver, why string) {
		t.Helper()
		_, _, err := read(r, whole)
		require.ErrorIs(t, err, link.ErrBase, why)
		require.Equal(t, wire.CodeBadSnapshot, wire.CodeOf(err))
	}
	receiver := &link.Receiver{Limit: limit}
	refused(receiver, "nothing is remembered")
	_, _, err := link.ReceiveSnapshot(bytes.NewReader(whole), limit)
	require.ErrorIs(t, err, link.ErrBase)
	require.ErrorContains(t, err, "arena, epoch 1, index 1")

	for name, other := range map[string]*buffer.Snapshot{
		"another state":  cut(1, 1, noise(2, 100_000)),
		"a shorter one":  cut(1, 1, noise(1, 10)),
		"another epoch":  cut(2, 1, state),
		"another index":  cut(1, 3, state),
		"another region": {Region: "forest", Epoch: 1, Index: 1, State: state},
	} {
		r := &link.Receiver{Limit: limit}
		take(t, r, link.Seal(9, other).Whole(), other)
		refused(r, name)
	}

	take(t, receiver, first.Whole(), cut(1, 1, state))
	take(t, receiver, p, snap)
	receiver.Forget("arena")
	refused(receiver, "forgotten")
}

// The last two of the newest epoch are remembered, and no more.
func TestReceiverForgetsTheOldest(t *testing.T) {
	var sealer link.Sealer
	receiver := &link.Receiver{Limit: limit}
	state := noise(1, 10_000)
	for index := range uint64(3) {
		snap := cut(1, index+1, state)
		take(t, receiver, sealer.Seal(1, snap).Whole(), snap)
	}
	sealer = link.Sealer{}
	sealer.Seal(1, cut(1, 1, state))
	p, ok := sealer.Seal(1, cut(1, 9, state)).Delta(1)
	require.True(t, ok)
	_, _, err := read(receiver, bytesOf(t, p))
	require.ErrorIs(t, err, link.ErrBase)
}

// zip is b as a zstd frame.
func zip(tb testing.TB, b []byte, options ...zstd.EOption) []byte {
	tb.Helper()
	e, err := zstd.NewWriter(nil, options...)
	require.NoError(tb, err)
	return e.EncodeAll(b, nil)
}

// parcel puts any body behind any head.
func parcel(head wire.SnapshotHead, body []byte) []byte {
	head.Size = uint64(len(body))
	b := head.Append(nil)
	for c := range wire.Chunks(body) {
		b = c.Append(b)
	}
	return b
}

// wrong is what a receiver that holds base must refuse.
type wrong struct {
	bytes []byte
	code  wire.Code
}

// wrongs returns the base, and what must be refused.
func wrongs(tb testing.TB) (base *buffer.Snapshot, all map[string]wrong) {
	tb.Helper()
	base = cut(1, 1, bytes.Repeat([]byte("the state of a game; "), 5000))
	snap := cut(1, 2, changed(base.State, 9))
	var sealer link.Sealer
	sealer.Seal(1, base)
	sealed := sealer.Seal(1, snap)
	p, ok := sealed.Delta(1)
	require.True(tb, ok)
	plain := wire.AppendSnapshot(nil, snap)
	whole, delta := bytesOf(tb, sealed.Whole()), bytesOf(tb, p)
	body := zip(tb, plain)
	zipped := sealed.Head
	zipped.Form = wire.FormZstd
	lies := func(head wire.SnapshotHead, change func(*wire.SnapshotHead)) wire.SnapshotHead {
		change(&head)
		return head
	}
	bomb := zip(tb, make([]byte, 64<<20))
	broken := bytes.Clone(whole)
	broken[len(broken)-30] ^= 1
	return base, map[string]wrong{
		"nothing":                    {nil, wire.CodeLinkClosed},
		"half a head":                {whole[:9], wire.CodeProtocol},
		"a head alone":               {sealed.Head.Append(nil), wire.CodeBadSnapshot},
		"no head":                    {wire.Chunk{Data: []byte("state")}.Append(nil), wire.CodeBadSnapshot},
		"a head twice":               {sealed.Head.Append(sealed.Head.Append(nil)), wire.CodeBadSnapshot},
		"a chunk cut short":          {whole[:len(whole)-1], wire.CodeProtocol},
		"a delta cut short":          {delta[:len(delta)-1], wire.CodeProtocol},
		"a bit":                      {broken, wire.CodeBadSnapshot},
		"above the limit":            {parcel(lies(zipped, func(h *wire.SnapshotHead) { h.Whole = limit + 1 }), body), wire.CodeTooLarge},
		"a bomb":                     {parcel(lies(zipped, func(h *wire.SnapshotHead) { h.Whole = limit }), bomb), wire.CodeBadSnapshot},
		"a bomb as delta":            {parcel(lies(p.Head, func(h *wire.SnapshotHead) { h.Whole = limit }), bomb), wire.CodeBadSnapshot},
		"a bomb of many frames":      {parcel(zipped, append(bytes.Clone(body), body...)), wire.CodeBadSnapshot},
		"more than was announced":    {parcel(lies(zipped, func(h *wire.SnapshotHead) { h.Whole-- }), body), wire.CodeBadSnapshot},
		"less than was announced":    {parcel(lies(zipped, func(h *wire.SnapshotHead) { h.Whole++ }), body), wire.CodeBadSnapshot},
		"half a zstd frame":          {parcel(zipped, body[:len(body)/2]), wire.CodeBadSnapshot},
		"bytes after a zstd frame":   {parcel(zipped, append(bytes.Clone(body), "more"...)), wire.CodeBadSnapshot},
		"no zstd frame":              {parcel(zipped, []byte("abc")), wire.CodeBadSnapshot},
		"an unknown dictionary":      {parcel(zipped, zip(tb, plain, zstd.WithEncoderDictRaw(7, plain))), wire.CodeBadSnapshot},
		"a window of 512 MiB":        {parcel(zipped, zip(tb, plain, zstd.WithWindowSize(512<<20), zstd.WithSingleSegment(false))), wire.CodeBadSnapshot},
		"another sum":                {parcel(lies(zipped, func(h *wire.SnapshotHead) { h.Sum++ }), body), wire.CodeBadSnapshot},
		"another index":              {parcel(lies(zipped, func(h *wire.SnapshotHead) { h.SnapIndex++ }), body), wire.CodeBadSnapshot},
		"another region":             {parcel(lies(zipped, func(h *wire.SnapshotHead) { h.Region = "forest" }), body), wire.CodeBadSnapshot},
		"another epoch":              {parcel(lies(zipped, func(h *wire.SnapshotHead) { h.SnapEpoch++ }), body), wire.CodeBadSnapshot},
		"a delta to another base":    {parcel(lies(p.Head, func(h *wire.SnapshotHead) { h.Base, h.SnapIndex = 2, 3 }), body), wire.CodeBadSnapshot},
		"a delta without its pieces": {parcel(p.Head, body), wire.CodeNone},
	}
}

func TestWrongSnapshots(t *testing.T) {
	base, all := wrongs(t)
	for name, w := range all {
		t.Run(name, func(t *testing.T) {
			r := &link.Receiver{Limit: limit}
			take(t, r, link.Seal(1, base).Whole(), base)
			_, _, err := read(r, w.bytes)
			require.Equal(t, w.code, wire.CodeOf(err), "%v", err)
		})
	}
}

// What is refused by its head is not read.
func TestAcceptIsAskedFirst(t *testing.T) {
	stale := &wire.Error{Code: wire.CodeStaleEpoch, Detail: "old"}
	var asked wire.SnapshotHead
	r := &link.Receiver{Limit: limit, Accept: func(head wire.SnapshotHead) error {
		asked = head
		return stale
	}}
	sealed := link.Seal(1, cut(1, 1, []byte("state")))
	head, snap, err := read(r, sealed.Head.Append(nil))
	require.Equal(t, stale, err)
	require.Equal(t, sealed.Head, head)
	require.Equal(t, sealed.Head, asked)
	require.Nil(t, snap)
}

// Any number of links may send one Sealed at once.
func TestSealedIsShared(t *testing.T) {
	var sealer link.Sealer
	base := cut(1, 1, noise(1, 200_000))
	sealer.Seal(1, base)
	snap := cut(1, 2, changed(base.State, 9))
	sealed := sealer.Seal(1, snap)
	receiver := &link.Receiver{Limit: limit}
	take(t, receiver, link.Seal(1, base).Whole(), base)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			p := sealed.Whole()
			if i%2 == 0 {
				p, _ = sealed.Delta(1)
			}
			var b bytes.Buffer
			_, err := p.WriteTo(&b)
			if err == nil {
				_, _, err = receiver.Read(&b)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// got is what one stream brought.
type got struct {
	head wire.SnapshotHead
	err  error
}

// receiveAll reads all snapshots of a link.
func receiveAll(t *testing.T, conn *link.Conn, r *link.Receiver) <-chan got {
	t.Helper()
	out := make(chan got, 10)
	go func() {
		for {
			st, err := conn.AcceptUniStream(t.Context())
			if err != nil {
				return
			}
			head, _, err := r.Receive(st)
			out <- got{head, err}
		}
	}()
	return out
}

func TestSendTo(t *testing.T) {
	_, ours, theirs := ends(t, nil)
	receiver := &link.Receiver{Limit: limit}
	arrived := receiveAll(t, theirs, receiver)
	var sealer link.Sealer
	state := noise(1, 300_000)
	send := func(index, base uint64) {
		t.Helper()
		state = changed(state, 20)
		require.NoError(t, ours.SendTo(t.Context(), sealer.Seal(1, cut(1, index, state)), base))
	}
	expect := func(index, form uint64, want error) {
		t.Helper()
		g := <-arrived
		require.ErrorIs(t, g.err, want)
		require.Equal(t, []uint64{index, form}, []uint64{g.head.SnapIndex, g.head.Form})
	}
	send(1, 0)
	expect(1, wire.FormPlain, nil)
	send(2, 1)
	expect(2, wire.FormDelta, nil)
	send(3, 1)
	expect(3, wire.FormDelta, nil)

	receiver.Forget("arena")
	send(4, 3)
	expect(4, wire.FormDelta, link.ErrBase)
	expect(4, wire.FormPlain, nil)
	send(5, 4)
	expect(5, wire.FormDelta, nil)

	// A delta so large that it is refused while it is on its way.
	receiver.Forget("arena")
	state = noise(2, 900_000)
	send(6, 5)
	expect(6, wire.FormPlain, nil)
	receiver.Forget("arena")
	copy(state, noise(3, 300_000))
	send(7, 6)
	expect(7, wire.FormDelta, link.ErrBase)
	expect(7, wire.FormPlain, nil)
}

func TestSendToIsRefusedForGood(t *testing.T) {
	_, ours, theirs := ends(t, nil)
	arrived := receiveAll(t, theirs, &link.Receiver{Limit: limit, Accept: func(head wire.SnapshotHead) error {
		if head.SnapIndex == 2 {
			return &wire.Error{Code: wire.CodeStaleEpoch, Detail: "old"}
		}
		return nil
	}})
	var sealer link.Sealer
	require.NoError(t, ours.SendTo(t.Context(), sealer.Seal(1, cut(1, 1, noise(1, 9000))), 0))
	require.NoError(t, (<-arrived).err)
	err := ours.SendTo(t.Context(), sealer.Seal(1, cut(1, 2, noise(1, 9000))), 1)
	require.Equal(t, wire.CodeStaleEpoch, wire.CodeOf(err), "%v", err)
	require.Error(t, (<-arrived).err)

	// A receiver that dies with the delta in its hands.
	sealed := sealer.Seal(1, cut(1, 3, noise(1, 9000)))
	theirs.Close(wire.CodeGameExit)
	err = ours.SendTo(t.Context(), sealed, 2)
	var gone *quic.ApplicationError
	require.True(t, errors.As(err, &gone), "%v", err)
}

// More snapshots than streams may be open: each is given back.
func TestStreamsAreGivenBack(t *testing.T) {
	_, ours, theirs := ends(t, nil)
	arrived := receiveAll(t, theirs, &link.Receiver{Limit: limit})
	var sealer link.Sealer
	state := noise(1, 600)
	for index := range uint64(2500) {
		sealed := sealer.Seal(1, cut(1, index+1, state))
		base := index
		if index%2 == 0 {
			base = 0
		}
		require.NoError(t, ours.SendTo(t.Context(), sealed, base))
		g := <-arrived
		require.NoError(t, g.err)
		require.Equal(t, index%2 == 1, g.head.Form == wire.FormDelta)
	}
}

func FuzzReceiver(f *testing.F) {
	base, all := wrongs(f)
	for _, w := range all {
		f.Add(w.bytes)
	}
	snap := cut(1, 2, changed(base.State, 9))
	var sealer link.Sealer
	sealer.Seal(1, base)
	sealed := sealer.Seal(1, snap)
	p, ok := sealed.Delta(1)
	require.True(f, ok)
	for _, b := range [][]byte{
		bytesOf(f, p), bytesOf(f, sealed.Whole()), bytesOf(f, link.Seal(1, cut(1, 2, []byte("plain"))).Whole()),
	} {
		f.Add(b)
		f.Add(append(bytes.Clone(b), "more"...))
		f.Add(b[:len(b)-1])
	}
	held := bytesOf(f, link.Seal(1, base).Whole())
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &link.Receiver{Limit: limit}
		_, _, err := read(r, held)
		require.NoError(t, err)
		head, snap, err := read(r, b)
		if err != nil {
			require.Nil(t, snap)
			if len(b) > 0 {
				require.NotEqual(t, wire.CodeNone, wire.CodeOf(err))
			}
			return
		}
		require.LessOrEqual(t, head.Whole, uint64(limit))
		require.NoError(t, head.Verify(wire.AppendSnapshot(nil, snap)))
	})
}

// world is a state of about 256 KiB as a game might write it, and what it is
// after one in a hundred of its things has changed.
func world() (before, after []byte) {
	type thing struct {
		ID        int
		Name      string
		X, Y      float64
		Gold, Hit int
		Items     []string
	}
	r := rand.New(rand.NewPCG(1, 2))
	things := make([]thing, 2200)
	for i := range things {
		things[i] = thing{
			i, fmt.Sprintf("thing-%d", r.IntN(1e6)), r.Float64() * 1000, r.Float64() * 1000,
			r.IntN(1000), r.IntN(100), []string{"sword", "shield", "potion"}[:r.IntN(4)],
		}
	}
	before, _ = json.Marshal(things)
	for range len(things) / 100 {
		t := &things[r.IntN(len(things))]
		t.X, t.Gold = r.Float64()*1000, t.Gold+1
	}
	after, _ = json.Marshal(things)
	return before, after
}

// BenchmarkSnapshot is a state of 256 KiB of which 1 % changes, from the cut to
// bytes, and back.
func BenchmarkSnapshot(b *testing.B) {
	text, textAfter := world()
	binary := noise(1, 256<<10)
	for name, states := range map[string][2][]byte{
		"json":  {text, textAfter},
		"noise": {binary, changed(binary, len(binary)/100/8)},
	} {
		base, snap := cut(1, 1, states[0]), cut(1, 2, states[1])
		fresh := func() *link.Sealed {
			var sealer link.Sealer
			sealer.Seal(1, base)
			return sealer.Seal(1, snap)
		}
		parcels := map[string]func(*link.Sealed) *link.Parcel{
			"whole": (*link.Sealed).Whole,
			"delta": func(s *link.Sealed) *link.Parcel {
				p, _ := s.Delta(1)
				return p
			},
		}
		b.Run(name+"/seal", func(b *testing.B) {
			b.ReportAllocs()
			var sealer link.Sealer
			for b.Loop() {
				sealer.Seal(1, snap)
			}
			b.ReportMetric(float64(fresh().Head.Whole), "wire-B")
		})
		for form, of := range parcels {
			b.Run(name+"/"+form+"/pack", func(b *testing.B) {
				b.ReportAllocs()
				var size uint64
				for b.Loop() {
					b.StopTimer()
					sealed := fresh()
					b.StartTimer()
					size = of(sealed).Head.Size
				}
				b.ReportMetric(float64(size), "wire-B")
			})
			b.Run(name+"/"+form+"/receive", func(b *testing.B) {
				b.ReportAllocs()
				r := &link.Receiver{Limit: limit}
				_, _, err := read(r, bytesOf(b, link.Seal(1, base).Whole()))
				require.NoError(b, err)
				sent := bytesOf(b, of(fresh()))
				for b.Loop() {
					if _, _, err := read(r, sent); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
