package probe

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"runtime/debug"
	"time"
)

// Env is the variable that makes a process listen, on the TCP address that it has.
const Env = "RESEAT_BENCH_PROBE"

// Event is what the process logs then, with the address as the attribute "addr".
const Event = "probe"

// Memory is what Go says of its memory, in bytes, after a garbage collection that
// returned to the kernel what it could.
type Memory struct {
	Heap       uint64 `json:"heap"`   // that is reachable
	Stacks     uint64 `json:"stacks"` // of goroutines
	Goroutines int    `json:"goroutines"`
}

// Serve answers questions until ctx ends. It returns at once, with the reason if it
// cannot listen.
func Serve(ctx context.Context, addr string, log *slog.Logger) error {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /memory", memory)
	mux.HandleFunc("GET /profile", pprof.Profile)
	mux.HandleFunc("GET /heap", pprof.Handler("heap").ServeHTTP)
	mux.HandleFunc("GET /allocs", pprof.Handler("allocs").ServeHTTP)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	log.Info("can be looked into", "event", Event, "addr", ln.Addr().String())
	go func() {
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			log.Error("cannot be looked into any more", "error", err)
		}
	}()
	return nil
}

func memory(w http.ResponseWriter, _ *http.Request) {
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(Memory{Heap: stats.HeapAlloc, Stacks: stats.StackInuse, Goroutines: runtime.NumGoroutine()})
}
