package proxy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/reseat-proxy/reseat/proxy"
	"github.com/reseat-proxy/reseat/proxy/wire"
)

// dialSpare is a spare connection, which the edge has noticed.
func (m *mesh) dialSpare() *raw {
	before := m.edge.Stats().Spares
	r := m.dial()
	r.send(wire.Spare{Version: wire.Version})
	m.eventually("the edge keeps it", func() bool { return m.edge.Stats().Spares == before+1 })
	return r
}

// A spare connection is nobody until its player comes, at any time.
func TestSpareConnection(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		r := m.dialSpare()
		time.Sleep(10 * time.Minute) // virtual
		require.EqualValues(t, 1, m.edge.Stats().Spares)
		require.Zero(t, m.edge.Status().Regions[0].Players)
		r.hello(wire.Hello{Player: "ann"})
		require.Zero(t, m.edge.Stats().Spares)
		require.Equal(t, 1, m.edge.Status().Regions[0].Players)
		r.send(wire.Act{Seq: 1, Payload: []byte("x")})
		r.until(wire.TypeDurable)
	})
}

// An edge keeps as many as it takes players, and lets nobody in by them beyond those.
func TestSpareConnectionsAreBounded(t *testing.T) {
	inMesh(t, func(m *mesh) {
		m.serve(1)
		one, two := m.dialSpare(), m.dialSpare()
		three := m.dial()
		three.send(wire.Spare{Version: wire.Version})
		code, bye := three.bye()
		require.Equal(t, wire.CodeOverloaded, code)
		require.Contains(t, bye.Text, "spare")

		m.join("ann")
		one.hello(wire.Hello{Player: "bob"})
		two.send(wire.Hello{Version: wire.Version, Region: "arena", Player: "cleo"})
		code, bye = two.bye()
		require.Equal(t, wire.CodeOverloaded, code)
		require.NotZero(t, bye.RetryMillis)
		require.EqualValues(t, 2, m.edge.Stats().Joins[wire.CodeOverloaded])
		require.Zero(t, m.edge.Stats().Spares)
	}, func(cfg *proxy.Config) { cfg.Players = 2 })
}

// A spare connection that ends was nobody's join, whoever ends it.
func TestSpareConnectionEnds(t *testing.T) {
	inMesh(t, func(m *mesh) {
		one, two := m.dialSpare(), m.dialSpare()
		require.NoError(t, one.conn.CloseWithError(0, ""))
		m.eventually("it is gone", func() bool { return m.edge.Stats().Spares == 1 })
		edge := m.edge
		m.edges[0].stop()
		code, _ := two.bye()
		require.Equal(t, wire.CodeShutdown, code)
		require.Zero(t, edge.Stats().Spares)
		require.Empty(t, edge.Stats().Joins)
	})
}
