package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/reseat-proxy/reseat/cmd/reseat/config"
)

// ports checks that what is to be listened on is free and allowed.
func (p Patient) ports(ctx context.Context, r *report) {
	if p.Edge != nil {
		listen(ctx, r, "udp", p.Edge.Listen, "listen", "players")
		if p.Edge.Admin.Listen != config.Off {
			listen(ctx, r, "tcp", p.Edge.Admin.Listen, "admin.listen", "the admin API")
		}
		return
	}
	if p.Sidecar == nil {
		return
	}
	listen(ctx, r, "udp", p.Sidecar.Listen, "listen", "links")
	if p.Sidecar.Admin.Listen != config.Off {
		listen(ctx, r, "tcp", p.Sidecar.Admin.Listen, "admin.listen", "the sidecar's metrics")
	}
	kind, at, _ := strings.Cut(p.Sidecar.Game.Socket, ":")
	switch kind {
	case "tcp":
		listen(ctx, r, "tcp", at, "game.socket", "the game")
	case "unix":
		folder := filepath.Dir(at)
		if err := writable(folder); err != nil {
			r.fail("port", "make the folder and give it to the user of the sidecar (systemd: RuntimeDirectory=), or change game.socket", "unix %s for the game: %v", at, err)
			return
		}
		r.ok("port", "unix %s for the game", at)
	}
}

// listen binds an address and lets go of it.
func listen(ctx context.Context, r *report, network, address, setting, what string) {
	var lc net.ListenConfig
	var socket interface{ Close() error }
	var err error
	if network == "udp" {
		socket, err = lc.ListenPacket(ctx, network, address)
	} else {
		socket, err = lc.Listen(ctx, network, address)
	}
	where := fmt.Sprintf("%s %s for %s", network, address, what)
	switch {
	case err == nil:
		_ = socket.Close()
		r.ok("port", "%s is free", where)
	case errors.Is(err, syscall.EADDRINUSE):
		r.warn("port", "nothing, if it is this process that runs already; else stop what has it (ss -ulpn, ss -tlpn), or change "+setting, "%s is in use", where)
	case errors.Is(err, syscall.EACCES):
		r.fail("port", "choose a port above 1023 with "+setting, "%s is not allowed for this user", where)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		r.fail("port", "choose an address of this machine (ip address) with "+setting, "%s is not an address of this machine", where)
	default:
		r.fail("port", "change "+setting, "%s: %v", where, err)
	}
}

// state checks that what is made on the first run can be kept.
func (p Patient) state(r *report) {
	folder := ""
	switch {
	case p.Edge != nil:
		folder = p.Edge.StateDir
	case p.Sidecar != nil && p.Sidecar.LinkTLS == (config.LinkTLS{}):
		folder = p.Sidecar.StateDir // it keeps development certificates and nothing else
	}
	if folder == "" {
		return
	}
	if err := writable(folder); err != nil {
		r.fail("state folder", "make it writable for the user that runs this process, or change state_dir", "%s: %v", folder, err)
		return
	}
	r.ok("state folder", "%s", folder)
}

// writable makes a file and removes it. A folder that is not there yet may be made in
// the nearest one that is.
func writable(folder string) error {
	for {
		_, err := os.Stat(folder)
		if err == nil {
			break
		}
		if parent := filepath.Dir(folder); errors.Is(err, os.ErrNotExist) && parent != folder {
			folder = parent
			continue
		}
		return err
	}
	f, err := os.CreateTemp(folder, ".reseat-doctor-*")
	if err != nil {
		return fmt.Errorf("nothing can be written there: %w", errors.Unwrap(err))
	}
	_ = f.Close()
	return os.Remove(f.Name())
}
