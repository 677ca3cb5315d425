package buffer

import "encoding/binary"

// Parcel is what goes to another region with a player.
type Parcel struct {
	Hop     uint64   // his transfers so far, this one included
	Have    uint64   // the last action of his that was applied before he left
	Baggage []byte   // the game's, opaque
	Carried [][]byte // the actions after Have, which were taken and not applied; nil: one that never will be
	Last    uint64   // the last seq that is used up; those after Carried are refused
}

// AppendParcel encodes p:
//
//	hop | have | length of baggage | baggage | count | each: 0, or its length + 1, and bytes | seqs after them
//
// All numbers are uvarints in their shortest form.
func AppendParcel(dst []byte, p Parcel) []byte {
	dst = binary.AppendUvarint(dst, p.Hop)
	dst = binary.AppendUvarint(dst, p.Have)
	dst = appendBytes(dst, p.Baggage)
	dst = binary.AppendUvarint(dst, uint64(len(p.Carried)))
	for _, payload := range p.Carried {
		if payload == nil {
			dst = append(dst, 0)
			continue
		}
		dst = append(binary.AppendUvarint(dst, uint64(len(payload))+1), payload...)
	}
	return binary.AppendUvarint(dst, p.Last-p.Have-uint64(len(p.Carried)))
}

// ParseParcel decodes what AppendParcel has encoded; false when it is malformed.
// The result aliases b.
func ParseParcel(b []byte) (p Parcel, ok bool) {
	f := fields{rest: b}
	p = Parcel{Hop: f.uint(), Have: f.uint(), Baggage: f.bytes()}
	count := f.uint()
	for ; count > 0 && !f.bad; count-- {
		size := f.uint()
		if size == 0 {
			p.Carried = append(p.Carried, nil)
			continue
		}
		p.Carried = append(p.Carried, f.take(size-1))
	}
	after := f.uint()
	p.Last = p.Have + uint64(len(p.Carried)) + after
	if f.bad || len(f.rest) > 0 || p.Hop == 0 || p.Hop > maxSeq || p.Have > maxSeq || after > maxAfter {
		return Parcel{}, false
	}
	return p, true
}

const (
	// maxSeq is above all seqs and hops that there will ever be.
	maxSeq = 1 << 62
	// maxAfter is above the number of actions that fit between a sidecar and its game.
	maxAfter = 1 << 24
)

// Departure is the payload of a KindDepart.
type Departure struct {
	Outcome bool   // Delta is what the actions came to, and is applied in their stead
	Region  string // where to
	Delta   []byte
	Parcel  []byte // see AppendParcel
}

// AppendDeparture encodes d: a byte, then region and delta, each behind its length
// as an uvarint, then the parcel.
func AppendDeparture(dst []byte, d Departure) []byte {
	outcome := byte(0)
	if d.Outcome {
		outcome = 1
	}
	dst = appendBytes(append(dst, outcome), []byte(d.Region))
	return append(appendBytes(dst, d.Delta), d.Parcel...)
}

// ParseDeparture decodes a payload; false when it, or the parcel in it, is
// malformed. Delta and Parcel alias it.
func ParseDeparture(payload []byte) (d Departure, ok bool) {
	f := fields{rest: payload}
	outcome := f.take(1)
	d.Region, d.Delta = string(f.bytes()), f.bytes()
	d.Parcel = f.rest
	if f.bad || outcome[0] > 1 || d.Region == "" {
		return Departure{}, false
	}
	d.Outcome = outcome[0] == 1
	_, ok = ParseParcel(d.Parcel)
	if !ok {
		return Departure{}, false
	}
	return d, true
}

// Arrival is the payload of a KindArrive.
type Arrival struct {
	Attachment
	Number  uint64 // the attach number
	Hop     uint64 // the player's transfers so far
	From    string // the region that he comes from
	Baggage []byte
}

// AppendArrival encodes a: number and hop, the region and the attachment, each
// behind its length as an uvarint, then the baggage.
func AppendArrival(dst []byte, a Arrival) []byte {
	dst = binary.AppendUvarint(dst, a.Number)
	dst = binary.AppendUvarint(dst, a.Hop)
	dst = appendBytes(dst, []byte(a.From))
	dst = appendBytes(dst, AppendAttach(nil, a.Attachment))
	return append(dst, a.Baggage...)
}

// ParseArrival decodes a payload; false when it is malformed. Only Baggage aliases
// it.
func ParseArrival(payload []byte) (a Arrival, ok bool) {
	f := fields{rest: payload}
	a.Number, a.Hop, a.From = f.uint(), f.uint(), string(f.bytes())
	a.Attachment, ok = ParseAttach(f.bytes())
	a.Baggage = f.rest
	if !ok || f.bad || a.Hop == 0 || a.Hop > maxSeq || a.From == "" {
		return Arrival{}, false
	}
	return a, true
}

// Trial is what marks and quarantines call an action or an arrival: an action's
// seq; and of an arrival, whose Seq an action may have had, the complement of its
// hop.
func (r *Record) Trial() uint64 {
	if r.Kind != KindArrive {
		return r.Seq
	}
	a, _ := ParseArrival(r.Payload)
	return ^a.Hop
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// fields takes what stands in a payload off its front. The first field that is not
// there, or not in its shortest form, sets bad, and all later ones are zero.
type fields struct {
	rest []byte
	bad  bool
}

func (f *fields) uint() uint64 {
	v, n := binary.Uvarint(f.rest)
	if n <= 0 || n > 1 && f.rest[n-1] == 0 {
		f.bad, f.rest = true, nil
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

func (f *fields) bytes() []byte { return f.take(f.uint()) }

// take returns the next n bytes, never nil but when there are fewer.
func (f *fields) take(n uint64) []byte {
	if f.bad || n > uint64(len(f.rest)) {
		f.bad, f.rest = true, nil
		return nil
	}
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	if b == nil {
		b = []byte{}
	}
	return b
}
