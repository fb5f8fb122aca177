// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// Connector opens channels to cores.
type Connector interface {
	// Dial opens a channel on which nothing has been said yet. address is one of the configuration's or of the cluster's
	// members. The caller closes the stream; ctx bounds the dialling alone.
	Dial(ctx context.Context, address string) (Stream, error)
}

// Stream is a channel to a core.
type Stream interface {
	net.Conn

	// Raw is the socket below, so that its end can be seen without reading.
	Raw() (syscall.RawConn, error)

	// Remote tells whether the core is beyond a network, so that requests with secrets are sealed to it.
	Remote() bool
}

// local is a channel to a core on this machine, introduced by its host.
type local struct{ net.Conn }

func (l local) Raw() (syscall.RawConn, error) { return l.Conn.(syscall.Conn).SyscallConn() }

func (local) Remote() bool { return false }

// remote is a channel over TLS that ends in the core.
type remote struct{ *tls.Conn }

func (r remote) Raw() (syscall.RawConn, error) { return r.NetConn().(syscall.Conn).SyscallConn() }

func (remote) Remote() bool { return true }

// Dialer is the Connector of an agent: addresses are "host:port" of a node's door, or "unix:" and the path of the socket of a
// node on this machine.
type Dialer struct {
	identity atomic.Pointer[client.Identity] // nil for an agent that was not enrolled: it reaches nodes of this machine only
}

// Dial opens a channel.
func (d *Dialer) Dial(ctx context.Context, address string) (Stream, error) {
	if path, ok := strings.CutPrefix(address, unixScheme); ok {
		c, err := client.Introduce(ctx, path)
		if err != nil {
			return nil, err
		}
		return local{c}, nil
	}
	id := d.identity.Load()
	if id == nil {
		return nil, fault.Denied.At("agent: connect to " + address + " without being enrolled")
	}
	c, err := client.ConnectRemote(ctx, address, id)
	if err != nil {
		return nil, err
	}
	return remote{c.(*tls.Conn)}, nil
}

const unixScheme = "unix:"
