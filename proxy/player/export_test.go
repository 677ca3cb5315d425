package player

import (
	"context"
	"net"
	"time"
)

// SetConnect replaces the operating system's connected sockets.
func (c *Config) SetConnect(connect func(*net.UDPAddr) (net.PacketConn, error)) { c.connect = connect }

// ErrMute is why a silent edge is left.
var ErrMute = errMute

// Watch watches over a link of which heard tells.
func Watch(ctx context.Context, heard func() (uint64, time.Duration), silence time.Duration) error {
	return (&session{c: &Client{}, link: heardLink{heard: heard}}).watch(ctx, silence)
}

type heardLink struct {
	link
	heard func() (uint64, time.Duration)
}

func (l heardLink) Ask() {}

func (l heardLink) Heard() (uint64, time.Duration) { return l.heard() }
