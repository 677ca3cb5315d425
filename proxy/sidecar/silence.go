package sidecar

import (
	"maps"
	"time"
)

// A game that is silent is hung, or it has something to say and its machine has too
// much to do to let it. The kernel can tell the two apart: it counts for each thread how
// long it stood in the queue for a core. That time is not the game's.

// leniency is how many times its limit a game may be silent, whatever it waits for. One
// that spins in a loop is found hung before, if it gets a fifth of a core.
const leniency = 5

// verdict is what a silence means.
type verdict int

const (
	alive   verdict = iota
	hung            // it had the time to say something
	starved         // it had not, and nobody can wait any longer
)

// judge tells what it means that a game was silent for so long, and waited for a core
// for so much of that.
func judge(silent, waited, limit time.Duration) verdict {
	switch {
	case silent-waited > limit:
		return hung
	case silent > leniency*limit:
		return starved
	}
	return alive
}

// thread is what the kernel says of a thread: for how long it has run, and waited for a
// core, which counts when it gets one; and whether it runs or waits now.
type thread struct {
	ran, waited time.Duration
	ready       bool
}

// nobodysThreads is for a process of which nothing is known.
func nobodysThreads() map[int]thread { return nil }

// silence follows the threads of a game by looking at them again and again from the
// first beat that is late. The zero value has not looked yet.
type silence struct {
	beat   int64         // the last heartbeat, UnixNano
	spared bool          // the game would count as hung if it had not waited
	waited time.Duration // of the thread that waited longest, since the first look

	looked  time.Time // the last time
	threads map[int]lane
}

// lane is what is known of one thread.
type lane struct {
	last   thread
	before time.Duration // what it had waited when the first look came
	queued time.Duration // it has been in the queue for that long, and is still
}

// look takes in what the kernel says now, by thread ID; nothing if that is not known.
func (s *silence) look(now time.Time, threads map[int]thread) {
	first := s.threads == nil
	if first {
		s.threads = make(map[int]lane, len(threads))
	}
	for id, t := range threads {
		l, known := s.threads[id]
		switch {
		case first:
			l.before = t.waited
		case known && t.ready && t == l.last:
			l.queued += now.Sub(s.looked)
		default:
			l.queued = 0
		}
		l.last = t
		s.threads[id] = l
		s.waited = max(s.waited, t.waited-l.before+l.queued)
	}
	maps.DeleteFunc(s.threads, func(id int, _ lane) bool { _, there := threads[id]; return !there })
	s.looked = now
}
