package buffer

import (
	"testing"
	"time"
)

// One action through the log, 10 kept at a time.
func BenchmarkAppendNextAck(b *testing.B) {
	l := openLive(b, NewRegion(DefaultLimits()), 0)
	fill(b, l, 10)
	payload, now := make([]byte, 100), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Append(l.Tail()+1, payload, now)
		a, _ := l.Next()
		_ = l.Ack(a.Seq)
	}
}

// One action of 100, from an empty log to an empty log.
func BenchmarkWave(b *testing.B) {
	l := openLive(b, NewRegion(DefaultLimits()), 0)
	payload, now := make([]byte, 100), time.Now()
	b.ReportAllocs()
	for n := 1; b.Loop(); n++ {
		_ = l.Append(l.Tail()+1, payload, now)
		if n%100 == 0 {
			for range 100 {
				l.Next()
			}
			_ = l.Ack(l.Tail())
		}
	}
}

// One action of a region with a thousand players who take turns.
func BenchmarkTurns(b *testing.B) {
	r := NewRegion(DefaultLimits())
	payload, now := make([]byte, 100), time.Now()
	logs := make([]*Log, 1000)
	for i := range logs {
		logs[i] = openLive(b, r, 0)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		l := logs[n%len(logs)]
		_ = l.Append(l.Tail()+1, payload, now)
		if n%len(logs) < len(logs)-1 {
			continue
		}
		for ready := r.NextReady(); ready != nil; ready = r.NextReady() {
			a, _ := ready.Next()
			_ = ready.Ack(a.Seq)
			r.Requeue(ready)
		}
	}
}

func BenchmarkRefusal(b *testing.B) {
	l := openLive(b, NewRegion(DefaultLimits()), 0)
	fill(b, l, 100)
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Append(101, nil, time.Time{})
	}
}

// BenchmarkRegionLog is an action's way through the region log: it is appended,
// read for each of two backups, and trimmed.
func BenchmarkRegionLog(b *testing.B) {
	b.ReportAllocs()
	step := steady(&RegionLog{})
	for range 20 * segment {
		step()
	}
	for b.Loop() {
		step()
	}
}

// BenchmarkRegionLogBursts is the same when 100,000 records are trimmed at once,
// as after a snapshot.
func BenchmarkRegionLogBursts(b *testing.B) {
	b.ReportAllocs()
	var l RegionLog
	payload := make([]byte, 100)
	for b.Loop() {
		if end := l.Append(Record{Epoch: 7, Kind: KindAction, Payload: payload}); end%100_000 == 0 {
			l.Trim(end)
		}
	}
}
