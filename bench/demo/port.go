package demo

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports that are kept are drawn from these: systems give sockets that want any port
// one from 32768 or 49152 on, and few services have one of these.
const (
	firstKept = 20000
	lastKept  = 32000
)

var errNoPort = errors.New("demo: no free port from " + strconv.Itoa(firstKept) + " to " + strconv.Itoa(lastKept))

// keptAddr is an address of this machine at which a process can be started again and
// again, over UDP or TCP: players by the thousand have a socket each, and one of those
// would take any other port while nobody listens there.
func keptAddr(ctx context.Context) (string, error) {
	var listen net.ListenConfig
	for range 100 {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstKept+rand.IntN(lastKept-firstKept)))
		udp, err := listen.ListenPacket(ctx, "udp", addr)
		if err != nil {
			continue
		}
		tcp, err := listen.Listen(ctx, "tcp", addr)
		_ = udp.Close()
		if err != nil {
			continue
		}
		return addr, tcp.Close()
	}
	return "", errNoPort
}
