// DRAFT by the lead so that others can compile; the owner of this folder replaces it.
package wire

// The codec of each frame, field by field in the order of its struct.

// Append appends the whole frame.
func (f Hello) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Version)
	b = putString(b, f.Region)
	b = putString(b, f.Player)
	b = putUint(b, f.Durable)
	b = putUint(b, f.Tail)
	b = putBytes(b, f.Token)
	return frame(dst, TypeHello, b, nil)
}

// Decode reads the fields of a frame.
func (f *Hello) Decode(body []byte) error {
	d := cursor{b: body}
	f.Version = d.uint()
	f.Region = d.name()
	f.Player = d.name()
	f.Durable = d.uint()
	f.Tail = d.uint()
	f.Token = d.bytes(MaxToken)
	return d.end(TypeHello)
}

// Append appends the whole frame.
func (f Welcome) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Version)
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Durable)
	b = putBool(b, f.Protected)
	b = putUint(b, f.Actions)
	b = putUint(b, f.ActionBytes)
	b = putUint(b, f.AgeMillis)
	b = putBytes(b, f.Token)
	return frame(dst, TypeWelcome, b, nil)
}

// Decode reads the fields of a frame.
func (f *Welcome) Decode(body []byte) error {
	d := cursor{b: body}
	f.Version = d.uint()
	f.Epoch = d.uint()
	f.Durable = d.uint()
	f.Protected = d.bool()
	f.Actions = d.uint()
	f.ActionBytes = d.uint()
	f.AgeMillis = d.uint()
	f.Token = d.bytes(MaxToken)
	return d.end(TypeWelcome)
}

// Append appends the whole frame.
func (f Act) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Seq)
	return frame(dst, TypeAct, b, f.Payload)
}

// Decode reads the fields of a frame.
func (f *Act) Decode(body []byte) error {
	d := cursor{b: body}
	f.Seq = d.uint()
	f.Payload = d.rest()
	return d.end(TypeAct)
}

// Append appends the whole frame.
func (f Durable) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Seq)
	return frame(dst, TypeDurable, b, nil)
}

// Decode reads the fields of a frame.
func (f *Durable) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Seq = d.uint()
	return d.end(TypeDurable)
}

// Append appends the whole frame.
func (f Update) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	return frame(dst, TypeUpdate, b, f.Payload)
}

// Decode reads the fields of a frame.
func (f *Update) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Payload = d.rest()
	return d.end(TypeUpdate)
}

// Append appends the whole frame.
func (f Hold) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, uint64(f.Reason))
	return frame(dst, TypeHold, b, nil)
}

// Decode reads the fields of a frame.
func (f *Hold) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Reason = Code(d.uint())
	return d.end(TypeHold)
}

// Append appends the whole frame.
func (f Reseated) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Applied)
	return frame(dst, TypeReseated, b, nil)
}

// Decode reads the fields of a frame.
func (f *Reseated) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Applied = d.uint()
	return d.end(TypeReseated)
}

// Append appends the whole frame.
func (f Pressure) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putBool(b, f.On)
	b = putUint(b, f.Kept)
	return frame(dst, TypePressure, b, nil)
}

// Decode reads the fields of a frame.
func (f *Pressure) Decode(body []byte) error {
	d := cursor{b: body}
	f.On = d.bool()
	f.Kept = d.uint()
	return d.end(TypePressure)
}

// Append appends the whole frame.
func (f Refused) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Seq)
	b = putUint(b, uint64(f.Reason))
	b = putString(b, f.Text)
	return frame(dst, TypeRefused, b, nil)
}

// Decode reads the fields of a frame.
func (f *Refused) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Seq = d.uint()
	f.Reason = Code(d.uint())
	f.Text = d.text()
	return d.end(TypeRefused)
}

// Append appends the whole frame.
func (f Protection) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putBool(b, f.Protected)
	return frame(dst, TypeProtection, b, nil)
}

// Decode reads the fields of a frame.
func (f *Protection) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Protected = d.bool()
	return d.end(TypeProtection)
}

// Append appends the whole frame.
func (f Bye) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, uint64(f.Reason))
	b = putUint(b, f.First)
	b = putUint(b, f.Last)
	b = putString(b, f.Text)
	return frame(dst, TypeBye, b, nil)
}

// Decode reads the fields of a frame.
func (f *Bye) Decode(body []byte) error {
	d := cursor{b: body}
	f.Reason = Code(d.uint())
	f.First = d.uint()
	f.Last = d.uint()
	f.Text = d.text()
	return d.end(TypeBye)
}

// Append appends the whole frame.
func (f Open) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Version)
	b = putUint(b, uint64(f.Role))
	b = putString(b, f.Region)
	b = putString(b, f.Incarnation)
	b = putUint(b, f.Epoch)
	return frame(dst, TypeOpen, b, nil)
}

// Decode reads the fields of a frame.
func (f *Open) Decode(body []byte) error {
	d := cursor{b: body}
	f.Version = d.uint()
	f.Role = Role(d.uint())
	f.Region = d.name()
	f.Incarnation = d.name()
	f.Epoch = d.uint()
	return d.end(TypeOpen)
}

// Append appends the whole frame.
func (f Opened) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Version)
	b = putString(b, f.Incarnation)
	b = putUint(b, f.Epoch)
	b = putBool(b, f.Serving)
	return frame(dst, TypeOpened, b, nil)
}

// Decode reads the fields of a frame.
func (f *Opened) Decode(body []byte) error {
	d := cursor{b: body}
	f.Version = d.uint()
	f.Incarnation = d.name()
	f.Epoch = d.uint()
	f.Serving = d.bool()
	return d.end(TypeOpened)
}

// Append appends the whole frame.
func (f Elected) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	return frame(dst, TypeElected, b, nil)
}

// Decode reads the fields of a frame.
func (f *Elected) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	return d.end(TypeElected)
}

// Append appends the whole frame.
func (f Offer) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.SnapEpoch)
	b = putUint(b, f.SnapIndex)
	b = putUint(b, f.Size)
	return frame(dst, TypeOffer, b, nil)
}

// Decode reads the fields of a frame.
func (f *Offer) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.SnapEpoch = d.uint()
	f.SnapIndex = d.uint()
	f.Size = d.uint()
	return d.end(TypeOffer)
}

// Append appends the whole frame.
func (f Fetch) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.SnapEpoch)
	b = putUint(b, f.SnapIndex)
	return frame(dst, TypeFetch, b, nil)
}

// Decode reads the fields of a frame.
func (f *Fetch) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.SnapEpoch = d.uint()
	f.SnapIndex = d.uint()
	return d.end(TypeFetch)
}

// Append appends the whole frame.
func (f Serving) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putBool(b, f.Protected)
	return frame(dst, TypeServing, b, nil)
}

// Decode reads the fields of a frame.
func (f *Serving) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Protected = d.bool()
	return d.end(TypeServing)
}

// Append appends the whole frame.
func (f Down) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, uint64(f.Reason))
	return frame(dst, TypeDown, b, nil)
}

// Decode reads the fields of a frame.
func (f *Down) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Reason = Code(d.uint())
	return d.end(TypeDown)
}

// Append appends the whole frame.
func (f Attach) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Handle)
	b = putUint(b, f.Number)
	b = putUint(b, f.Durable)
	b = putString(b, f.Player)
	return frame(dst, TypeAttach, b, nil)
}

// Decode reads the fields of a frame.
func (f *Attach) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Handle = d.uint()
	f.Number = d.uint()
	f.Durable = d.uint()
	f.Player = d.name()
	return d.end(TypeAttach)
}

// Append appends the whole frame.
func (f Attached) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Handle)
	b = putUint(b, f.Number)
	b = putUint(b, f.Have)
	b = putUint(b, f.Durable)
	return frame(dst, TypeAttached, b, nil)
}

// Decode reads the fields of a frame.
func (f *Attached) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Handle = d.uint()
	f.Number = d.uint()
	f.Have = d.uint()
	f.Durable = d.uint()
	return d.end(TypeAttached)
}

// Append appends the whole frame.
func (f Detach) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Handle)
	b = putUint(b, uint64(f.Reason))
	return frame(dst, TypeDetach, b, nil)
}

// Decode reads the fields of a frame.
func (f *Detach) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Handle = d.uint()
	f.Reason = Code(d.uint())
	return d.end(TypeDetach)
}

// Append appends the whole frame.
func (f Action) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Handle)
	b = putUint(b, f.Seq)
	return frame(dst, TypeAction, b, f.Payload)
}

// Decode reads the fields of a frame.
func (f *Action) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Handle = d.uint()
	f.Seq = d.uint()
	f.Payload = d.rest()
	return d.end(TypeAction)
}

// Append appends the whole frame.
func (f Gap) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Handle)
	b = putUint(b, f.Have)
	return frame(dst, TypeGap, b, nil)
}

// Decode reads the fields of a frame.
func (f *Gap) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Handle = d.uint()
	f.Have = d.uint()
	return d.end(TypeGap)
}

// Append appends the whole frame.
func (f Acked) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Handle)
	b = putUint(b, f.Seq)
	return frame(dst, TypeAcked, b, nil)
}

// Decode reads the fields of a frame.
func (f *Acked) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Handle = d.uint()
	f.Seq = d.uint()
	return d.end(TypeAcked)
}

// Append appends the whole frame.
func (f Output) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Handle)
	b = putBool(b, f.Reliable)
	return frame(dst, TypeOutput, b, f.Payload)
}

// Decode reads the fields of a frame.
func (f *Output) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Handle = d.uint()
	f.Reliable = d.bool()
	f.Payload = d.rest()
	return d.end(TypeOutput)
}

// Append appends the whole frame.
func (f Confirm) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Index)
	return frame(dst, TypeConfirm, b, nil)
}

// Decode reads the fields of a frame.
func (f *Confirm) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Index = d.uint()
	return d.end(TypeConfirm)
}

// Append appends the whole frame.
func (f Suspect) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, uint64(f.Reason))
	b = putString(b, f.Session)
	b = putString(b, f.Incarnation)
	return frame(dst, TypeSuspect, b, nil)
}

// Decode reads the fields of a frame.
func (f *Suspect) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Reason = Code(d.uint())
	f.Session = d.name()
	f.Incarnation = d.name()
	return d.end(TypeSuspect)
}

// Append appends the whole frame.
func (f Stale) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	return frame(dst, TypeStale, b, nil)
}

// Decode reads the fields of a frame.
func (f *Stale) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	return d.end(TypeStale)
}

// Append appends the whole frame.
func (f Reject) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Handle)
	b = putUint(b, f.Seq)
	b = putUint(b, uint64(f.Reason))
	b = putString(b, f.Text)
	return frame(dst, TypeReject, b, nil)
}

// Decode reads the fields of a frame.
func (f *Reject) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Handle = d.uint()
	f.Seq = d.uint()
	f.Reason = Code(d.uint())
	f.Text = d.text()
	return d.end(TypeReject)
}

// Append appends the whole frame.
func (f SnapshotHead) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Epoch)
	b = putString(b, f.Region)
	b = putUint(b, f.SnapEpoch)
	b = putUint(b, f.SnapIndex)
	b = putUint(b, f.Size)
	b = putUint(b, f.Sum)
	return frame(dst, TypeSnapshot, b, nil)
}

// Decode reads the fields of a frame.
func (f *SnapshotHead) Decode(body []byte) error {
	d := cursor{b: body}
	f.Epoch = d.uint()
	f.Region = d.name()
	f.SnapEpoch = d.uint()
	f.SnapIndex = d.uint()
	f.Size = d.uint()
	f.Sum = d.uint()
	return d.end(TypeSnapshot)
}

// Append appends the whole frame.
func (f Chunk) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Offset)
	return frame(dst, TypeChunk, b, f.Data)
}

// Decode reads the fields of a frame.
func (f *Chunk) Decode(body []byte) error {
	d := cursor{b: body}
	f.Offset = d.uint()
	f.Data = d.rest()
	return d.end(TypeChunk)
}

// Append appends the whole frame.
func (f GameHello) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Version)
	b = putString(b, f.Name)
	b = putUint(b, f.Beat)
	b = putUint(b, f.PID)
	return frame(dst, TypeGameHello, b, nil)
}

// Decode reads the fields of a frame.
func (f *GameHello) Decode(body []byte) error {
	d := cursor{b: body}
	f.Version = d.uint()
	f.Name = d.name()
	f.Beat = d.uint()
	f.PID = d.uint()
	return d.end(TypeGameHello)
}

// Append appends the whole frame.
func (f GameWelcome) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.Version)
	b = putString(b, f.Incarnation)
	return frame(dst, TypeGameWelcome, b, nil)
}

// Decode reads the fields of a frame.
func (f *GameWelcome) Decode(body []byte) error {
	d := cursor{b: body}
	f.Version = d.uint()
	f.Incarnation = d.name()
	return d.end(TypeGameWelcome)
}

// Append appends the whole frame.
func (f Beat) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.N)
	return frame(dst, TypeBeat, b, nil)
}

// Decode reads the fields of a frame.
func (f *Beat) Decode(body []byte) error {
	d := cursor{b: body}
	f.N = d.uint()
	return d.end(TypeBeat)
}

// Append appends the whole frame.
func (f Host) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.ID)
	b = putUint(b, f.Epoch)
	b = putUint(b, f.Index)
	b = putBool(b, f.New)
	b = putUint(b, f.Size)
	b = putString(b, f.Region)
	return frame(dst, TypeHost, b, nil)
}

// Decode reads the fields of a frame.
func (f *Host) Decode(body []byte) error {
	d := cursor{b: body}
	f.ID = d.uint()
	f.Epoch = d.uint()
	f.Index = d.uint()
	f.New = d.bool()
	f.Size = d.uint()
	f.Region = d.name()
	return d.end(TypeHost)
}

// Append appends the whole frame.
func (f State) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.ID)
	b = putUint(b, f.Offset)
	return frame(dst, TypeState, b, f.Data)
}

// Decode reads the fields of a frame.
func (f *State) Decode(body []byte) error {
	d := cursor{b: body}
	f.ID = d.uint()
	f.Offset = d.uint()
	f.Data = d.rest()
	return d.end(TypeState)
}

// Append appends the whole frame.
func (f Hosted) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.ID)
	b = putUint(b, f.Epoch)
	b = putBool(b, f.OK)
	b = putString(b, f.Text)
	return frame(dst, TypeHosted, b, nil)
}

// Decode reads the fields of a frame.
func (f *Hosted) Decode(body []byte) error {
	d := cursor{b: body}
	f.ID = d.uint()
	f.Epoch = d.uint()
	f.OK = d.bool()
	f.Text = d.text()
	return d.end(TypeHosted)
}

// Append appends the whole frame.
func (f Unhost) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.ID)
	return frame(dst, TypeUnhost, b, nil)
}

// Decode reads the fields of a frame.
func (f *Unhost) Decode(body []byte) error {
	d := cursor{b: body}
	f.ID = d.uint()
	return d.end(TypeUnhost)
}

// Append appends the whole frame.
func (f Join) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.ID)
	b = putUint(b, f.Handle)
	b = putUint(b, f.Applied)
	b = putString(b, f.Player)
	return frame(dst, TypeJoin, b, nil)
}

// Decode reads the fields of a frame.
func (f *Join) Decode(body []byte) error {
	d := cursor{b: body}
	f.ID = d.uint()
	f.Handle = d.uint()
	f.Applied = d.uint()
	f.Player = d.name()
	return d.end(TypeJoin)
}

// Append appends the whole frame.
func (f Leave) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.ID)
	b = putUint(b, f.Handle)
	b = putUint(b, uint64(f.Reason))
	return frame(dst, TypeLeave, b, nil)
}

// Decode reads the fields of a frame.
func (f *Leave) Decode(body []byte) error {
	d := cursor{b: body}
	f.ID = d.uint()
	f.Handle = d.uint()
	f.Reason = Code(d.uint())
	return d.end(TypeLeave)
}

// Append appends the whole frame.
func (f Do) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.ID)
	b = putUint(b, f.Index)
	b = putUint(b, f.Handle)
	b = putUint(b, f.Seq)
	return frame(dst, TypeDo, b, f.Payload)
}

// Decode reads the fields of a frame.
func (f *Do) Decode(body []byte) error {
	d := cursor{b: body}
	f.ID = d.uint()
	f.Index = d.uint()
	f.Handle = d.uint()
	f.Seq = d.uint()
	f.Payload = d.rest()
	return d.end(TypeDo)
}

// Append appends the whole frame.
func (f Cut) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.ID)
	b = putUint(b, f.N)
	return frame(dst, TypeCut, b, nil)
}

// Decode reads the fields of a frame.
func (f *Cut) Decode(body []byte) error {
	d := cursor{b: body}
	f.ID = d.uint()
	f.N = d.uint()
	return d.end(TypeCut)
}

// Append appends the whole frame.
func (f CutDone) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.ID)
	b = putUint(b, f.N)
	b = putUint(b, f.Index)
	b = putUint(b, f.Size)
	return frame(dst, TypeCutDone, b, nil)
}

// Decode reads the fields of a frame.
func (f *CutDone) Decode(body []byte) error {
	d := cursor{b: body}
	f.ID = d.uint()
	f.N = d.uint()
	f.Index = d.uint()
	f.Size = d.uint()
	return d.end(TypeCutDone)
}

// Append appends the whole frame.
func (f Emit) Append(dst []byte) []byte {
	var head [headerSpace]byte
	b := head[:0]
	b = putUint(b, f.ID)
	b = putUint(b, f.Handle)
	b = putUint(b, f.After)
	b = putBool(b, f.Reliable)
	return frame(dst, TypeEmit, b, f.Payload)
}

// Decode reads the fields of a frame.
func (f *Emit) Decode(body []byte) error {
	d := cursor{b: body}
	f.ID = d.uint()
	f.Handle = d.uint()
	f.After = d.uint()
	f.Reliable = d.bool()
	f.Payload = d.rest()
	return d.end(TypeEmit)
}
