package steady

import (
	"context"
	"crypto/tls"
	"log/slog"

	"github.com/quic-go/quic-go"

	"github.com/reseat-proxy/reseat/proxy/player"
)

// client is one player's connection. Both methods are of one goroutine.
type client interface {
	// act hands in an action. It may leave before flush, or with it.
	act(ctx context.Context, payload []byte) error
	flush() error
	close()
}

// dialer connects a player, whose answers go to heard, in order, from one goroutine.
type dialer func(ctx context.Context, name string, heard func(payload []byte)) (client, error)

// plain is a player of an echo server, or of a relay before one.
type plain struct {
	endpoint
	conn   *quic.Conn
	stream *quic.Stream
	out    []byte
}

// plainly dials plain players.
func plainly(addr string, conf *tls.Config) dialer {
	return func(ctx context.Context, _ string, heard func([]byte)) (client, error) {
		e, conn, err := dial(ctx, addr, conf)
		if err != nil {
			return nil, err
		}
		p := &plain{endpoint: e, conn: conn}
		if p.stream, err = conn.OpenStreamSync(ctx); err != nil {
			p.close()
			return nil, err
		}
		go func() {
			in := frames{r: p.stream}
			for in.next(heard) == nil {
			}
		}()
		return p, nil
	}
}

func (p *plain) act(_ context.Context, payload []byte) error {
	p.out = appendFrame(p.out, payload)
	return nil
}

func (p *plain) flush() error {
	_, err := p.stream.Write(p.out)
	p.out = p.out[:0]
	return err
}

func (p *plain) close() {
	gone(p.conn)
	p.endpoint.close()
}

// seated is a player behind an edge.
type seated struct{ *player.Client }

// behind dials players of edges and regions, in turn.
func behind(edges, regions []string, conf *tls.Config) dialer {
	turn := make(chan int, 1)
	turn <- 0
	return func(ctx context.Context, name string, heard func([]byte)) (client, error) {
		i := <-turn
		turn <- i + 1
		c, err := player.Dial(ctx, player.Config{
			Edges:  edges[i%len(edges) : i%len(edges)+1],
			Region: regions[i/len(edges)%len(regions)], Player: name, TLS: conf,
			Handler: player.Handler{Update: func(payload []byte, _ bool) { heard(payload) }},
			Log:     slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return nil, err
		}
		return seated{c}, nil
	}
}

func (s seated) act(ctx context.Context, payload []byte) error {
	_, err := s.Act(ctx, payload)
	return err
}

func (seated) flush() error { return nil }

func (s seated) close() { _ = s.Close() }
