package wire

import "reflect"

// LinkCount and the accessors below let tests go through the registry, so that a
// new frame is tested by being in it.
const LinkCount = links

// Types lists all types.
func Types() []Type {
	var types []Type
	for t := range registry {
		if registry[t].frame != nil {
			types = append(types, Type(t))
		}
	}
	return types
}

// Links lists the links that t belongs to.
func Links(t Type) []Link {
	var at []Link
	for l := range links {
		if lookup(t, l) != nil {
			at = append(at, l)
		}
	}
	return at
}

// New returns a pointer to a zero frame.
func New(t Type) any { return reflect.New(reflect.TypeOf(registry[t].frame).Elem()).Interface() }

// Max is the length of the largest frame of a type, Largest that of a link.
func Max(t Type) int        { return registry[t].max }
func Largest(link Link) int { return largest[link] }

// MaxBuffer is what a Reader of a link may grow to, Buffer what r has grown to.
func MaxBuffer(link Link) int  { return maxBuffer(link) }
func (r *Reader) Buffer() int  { return len(r.buf) }
func (a *Assembler) Room() int { return cap(a.b) }
