package proxy_test

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/discovery"
	"github.com/reseat-proxy/reseat/proxy/link"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// impostor is a sidecar that speaks frames by hand: registered, and dialed by
// edges and other sidecars like any other.
type impostor struct {
	m     *mesh
	inc   string
	peers chan *raw
	leave func() // ends its session: the lock is free
	epoch uint64
}

// impostor registers one that holds the lock of the region.
func (m *mesh) impostor() *impostor {
	ctx, cancel := context.WithCancel(m.t.Context())
	ln, err := link.Listen("", nil, link.Config{TLS: m.tls, Network: m.host()})
	require.NoError(m.t, err)
	im := &impostor{m: m, inc: discovery.NewIncarnation(), peers: make(chan *raw, 64)}
	client := m.client(m.broken)
	reg, err := client.Register(ctx, discovery.Server{
		Incarnation: im.inc, Name: "impostor", Address: ln.Addr().String(), Regions: []string{"arena"},
	})
	require.NoError(m.t, err)
	grant, err := client.TakeOver(ctx, "arena", reg.Session(), discovery.Holder{Incarnation: im.inc, Address: ln.Addr().String()}, 0)
	require.NoError(m.t, err)
	im.epoch = grant.Epoch
	running, accepting := make(chan struct{}), make(chan struct{})
	go func() { defer close(running); _ = reg.Run(ctx) }()
	go func() { defer close(accepting); im.accept(ctx, ln) }()
	im.leave = func() { _ = reg.Fail(ctx, "left", nil) }
	m.closers = append(m.closers, func() { cancel(); ln.Close(); <-running; <-accepting })
	return im
}

func (im *impostor) accept(ctx context.Context, ln *link.Listener) {
	for {
		conn, err := ln.Accept(ctx)
		if err != nil {
			return
		}
		go func() {
			st, err := conn.AcceptStream(ctx)
			if err != nil {
				return
			}
			r := &raw{m: im.m, conn: conn.Conn, stream: st, frames: make(chan frame, 1024)}
			r.listen(wire.LinkRegion)
			im.peers <- r
		}()
	}
}

// meet waits for the stream of a peer of that role, and takes it for ours.
func (im *impostor) meet(edge bool) *raw {
	for {
		r := <-im.peers
		var open wire.Open
		require.NoError(im.m.t, open.Decode(r.until(wire.TypeOpen)))
		r.send(wire.Opened{Version: wire.Version, Incarnation: im.inc, Epoch: im.epoch})
		if (open.Role == wire.RoleEdge) == edge {
			return r
		}
	}
}

// backup makes a backup follow us, and returns when it has said what it has.
func (im *impostor) backup() *raw {
	r := im.meet(false)
	r.send(wire.Elected{Epoch: im.epoch})
	r.until(wire.TypeHave)
	return r
}
