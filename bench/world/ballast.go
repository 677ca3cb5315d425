package world

import (
	"encoding/binary"
	"math/rand/v2"
)

// newBallast makes size bytes that are the same in every process and that do
// not compress.
func newBallast(size int) []byte {
	b := make([]byte, max(0, size))
	_, _ = rand.NewChaCha8([32]byte{'b', 'a', 'l', 'l', 'a', 's', 't'}).Read(b) // never fails
	return b
}

// shift changes 8 bytes of the ballast. The places are spread over all of it.
func (w *World) shift(by uint64) {
	words := uint64(len(w.ballast)) / 8
	if words == 0 {
		return
	}
	const stride = 40503 // odd, and far
	at := w.commands * stride % words * 8
	binary.LittleEndian.PutUint64(w.ballast[at:], by)
}
