package link

import (
	"bytes"
	"runtime"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/reseat-proxy/reseat/proxy/wire"
)

// smallest is the size below which compression is not tried.
const smallest = 512

// Encoders take about 1 MiB, and more time to make than to use.
var (
	wholes = newWholes()
	deltas = sync.Pool{New: func() any {
		// The window reaches over a piece and all of its dictionary.
		return newEncoder(1, zstd.WithWindowSize(4*wire.DeltaPiece), zstd.WithEncoderDictRaw(1, make([]byte, 8)))
	}}
)

// newWholes is made and used once before anything else happens: EncodeAll keeps a
// channel in the encoder, which a synctest bubble would make its own.
func newWholes() *zstd.Encoder {
	e := newEncoder(runtime.GOMAXPROCS(0), zstd.WithWindowSize(1<<20))
	e.EncodeAll([]byte{0}, nil)
	return e
}

func newEncoder(threads int, options ...zstd.EOption) *zstd.Encoder {
	e, err := zstd.NewWriter(nil, append(options,
		zstd.WithEncoderConcurrency(threads),
		// With dictionaries of this size the next level finds as much and takes
		// four times as long; without one it finds less.
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderCRC(false), // the head has a sum
		zstd.WithSingleSegment(true),
		zstd.WithLowerEncoderMem(true),
	)...)
	if err != nil {
		panic(err) // options that no test has seen
	}
	return e
}

// compress returns b as one zstd frame.
func compress(b []byte) []byte {
	return bytes.Clone(wholes.EncodeAll(b, make([]byte, 0, wholes.MaxEncodedSize(len(b)))))
}

// compressDelta returns b as zstd frames with parts of base as dictionaries. One
// frame with all of base would lose most of it where that is larger than an
// encoder's table of what it has seen.
func compressDelta(b, base []byte) []byte {
	e := deltas.Get().(*zstd.Encoder)
	defer deltas.Put(e)
	var out bytes.Buffer
	id := uint32(0)
	for piece := range slices.Chunk(b, wire.DeltaPiece) {
		// As a stream, for the options are set for the encoder of streams, and
		// then once more for that of EncodeAll: the dictionary is read each time.
		id++
		err := e.ResetWithOptions(&out, zstd.WithEncoderDictRaw(id, wire.DeltaBase(base, id)))
		if err == nil {
			_, err = e.Write(piece)
		}
		if err == nil {
			err = e.Close()
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	return out.Bytes()
}

func decompress(body []byte, whole uint64) ([]byte, error) {
	return decode(body, whole)
}

func decompressDelta(body, base []byte, whole uint64) ([]byte, error) {
	var options []zstd.DOption
	for id := uint32(1); uint64(id-1)*wire.DeltaPiece < whole; id++ {
		options = append(options, zstd.WithDecoderDictRaw(id, wire.DeltaBase(base, id)))
	}
	return decode(body, whole, options...)
}

// decode returns at most whole bytes, however many body claims to be.
func decode(body []byte, whole uint64, options ...zstd.DOption) ([]byte, error) {
	d, err := zstd.NewReader(nil, append(options,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(max(whole, zstd.MinWindowSize)),
		zstd.WithDecodeAllCapLimit(true),
	)...)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.DecodeAll(body, make([]byte, 0, whole))
}
