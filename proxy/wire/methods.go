package wire

// The two methods of every frame, all alike; what differs is fields, which stands
// with each frame. They are no generic function because calls to fields must be
// direct ones: only then do frames stay on the stack.

// Append appends the whole frame to dst.
func (f Hello) Append(dst []byte) []byte {
	c := encoder(dst, TypeHello)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Hello) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Welcome) Append(dst []byte) []byte {
	c := encoder(dst, TypeWelcome)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Welcome) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Act) Append(dst []byte) []byte { c := encoder(dst, TypeAct); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Act) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Durable) Append(dst []byte) []byte {
	c := encoder(dst, TypeDurable)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Durable) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Update) Append(dst []byte) []byte {
	c := encoder(dst, TypeUpdate)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Update) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Hold) Append(dst []byte) []byte { c := encoder(dst, TypeHold); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Hold) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Reseated) Append(dst []byte) []byte {
	c := encoder(dst, TypeReseated)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Reseated) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Pressure) Append(dst []byte) []byte {
	c := encoder(dst, TypePressure)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Pressure) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Refused) Append(dst []byte) []byte {
	c := encoder(dst, TypeRefused)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Refused) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Protection) Append(dst []byte) []byte {
	c := encoder(dst, TypeProtection)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Protection) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Bye) Append(dst []byte) []byte { c := encoder(dst, TypeBye); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Bye) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Mode) Append(dst []byte) []byte { c := encoder(dst, TypeMode); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Mode) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Open) Append(dst []byte) []byte { c := encoder(dst, TypeOpen); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Open) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Opened) Append(dst []byte) []byte {
	c := encoder(dst, TypeOpened)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Opened) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Elected) Append(dst []byte) []byte {
	c := encoder(dst, TypeElected)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Elected) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Offer) Append(dst []byte) []byte {
	c := encoder(dst, TypeOffer)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Offer) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Fetch) Append(dst []byte) []byte {
	c := encoder(dst, TypeFetch)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Fetch) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Serving) Append(dst []byte) []byte {
	c := encoder(dst, TypeServing)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Serving) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Down) Append(dst []byte) []byte { c := encoder(dst, TypeDown); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Down) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Free) Append(dst []byte) []byte { c := encoder(dst, TypeFree); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Free) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Attach) Append(dst []byte) []byte {
	c := encoder(dst, TypeAttach)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Attach) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Attached) Append(dst []byte) []byte {
	c := encoder(dst, TypeAttached)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Attached) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Detach) Append(dst []byte) []byte {
	c := encoder(dst, TypeDetach)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Detach) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Action) Append(dst []byte) []byte {
	c := encoder(dst, TypeAction)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Action) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Gap) Append(dst []byte) []byte { c := encoder(dst, TypeGap); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Gap) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Acked) Append(dst []byte) []byte {
	c := encoder(dst, TypeAcked)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Acked) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Output) Append(dst []byte) []byte {
	c := encoder(dst, TypeOutput)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Output) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Confirm) Append(dst []byte) []byte {
	c := encoder(dst, TypeConfirm)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Confirm) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Suspect) Append(dst []byte) []byte {
	c := encoder(dst, TypeSuspect)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Suspect) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Stale) Append(dst []byte) []byte {
	c := encoder(dst, TypeStale)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Stale) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Reject) Append(dst []byte) []byte {
	c := encoder(dst, TypeReject)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Reject) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f SnapshotHead) Append(dst []byte) []byte {
	c := encoder(dst, TypeSnapshot)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *SnapshotHead) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Chunk) Append(dst []byte) []byte {
	c := encoder(dst, TypeChunk)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Chunk) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f GameHello) Append(dst []byte) []byte {
	c := encoder(dst, TypeGameHello)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *GameHello) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f GameWelcome) Append(dst []byte) []byte {
	c := encoder(dst, TypeGameWelcome)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *GameWelcome) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Beat) Append(dst []byte) []byte { c := encoder(dst, TypeBeat); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Beat) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Host) Append(dst []byte) []byte { c := encoder(dst, TypeHost); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Host) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f State) Append(dst []byte) []byte {
	c := encoder(dst, TypeState)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *State) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Hosted) Append(dst []byte) []byte {
	c := encoder(dst, TypeHosted)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Hosted) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Unhost) Append(dst []byte) []byte {
	c := encoder(dst, TypeUnhost)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Unhost) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Join) Append(dst []byte) []byte { c := encoder(dst, TypeJoin); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Join) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Leave) Append(dst []byte) []byte {
	c := encoder(dst, TypeLeave)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Leave) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Do) Append(dst []byte) []byte { c := encoder(dst, TypeDo); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Do) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Cut) Append(dst []byte) []byte { c := encoder(dst, TypeCut); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Cut) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f CutDone) Append(dst []byte) []byte {
	c := encoder(dst, TypeCutDone)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *CutDone) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Emit) Append(dst []byte) []byte { c := encoder(dst, TypeEmit); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Emit) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Record) Append(dst []byte) []byte {
	c := encoder(dst, TypeRecord)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Record) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Have) Append(dst []byte) []byte {
	c := encoder(dst, TypeHave)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Have) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Truncate) Append(dst []byte) []byte {
	c := encoder(dst, TypeTruncate)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Truncate) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Commit) Append(dst []byte) []byte {
	c := encoder(dst, TypeCommit)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Commit) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Guard) Append(dst []byte) []byte {
	c := encoder(dst, TypeGuard)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Guard) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Pulse) Append(dst []byte) []byte {
	c := encoder(dst, TypePulse)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Pulse) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Load) Append(dst []byte) []byte { c := encoder(dst, TypeLoad); f.fields(&c); return c.frame() }

// Decode reads the frame from what Next returned.
func (f *Load) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Promote) Append(dst []byte) []byte {
	c := encoder(dst, TypePromote)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Promote) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Outcome) Append(dst []byte) []byte {
	c := encoder(dst, TypeOutcome)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Outcome) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Done) Append(dst []byte) []byte {
	c := encoder(dst, TypeDone)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Done) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Moved) Append(dst []byte) []byte {
	c := encoder(dst, TypeMoved)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Moved) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Spare) Append(dst []byte) []byte {
	c := encoder(dst, TypeSpare)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Spare) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Depart) Append(dst []byte) []byte {
	c := encoder(dst, TypeDepart)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Depart) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Enter) Append(dst []byte) []byte {
	c := encoder(dst, TypeEnter)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Enter) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Entered) Append(dst []byte) []byte {
	c := encoder(dst, TypeEntered)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Entered) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Departed) Append(dst []byte) []byte {
	c := encoder(dst, TypeDeparted)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Departed) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Transfer) Append(dst []byte) []byte {
	c := encoder(dst, TypeTransfer)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Transfer) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }

// Append appends the whole frame to dst.
func (f Arrive) Append(dst []byte) []byte {
	c := encoder(dst, TypeArrive)
	f.fields(&c)
	return c.frame()
}

// Decode reads the frame from what Next returned.
func (f *Arrive) Decode(body []byte) error { c := decoder(body); f.fields(&c); return c.end() }
