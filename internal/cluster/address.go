// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"fmt"
	"net"
	"strconv"

	"github.com/genbu-hsm/genbu/internal/wire"
)

// The ports that are tried first where the configuration names none.
const (
	defaultDoor = 7710
	defaultPeer = 7711
)

// choose opens a listener: where the configuration says, else where it was before, else at the usual port of all addresses, or
// a free one if that is taken. It answers the listener, its address, and how others reach it.
func choose(listen, before string, port int, advertise, advertised string) (l net.Listener, at, known string, err error) {
	if host, wanted, _ := net.SplitHostPort(listen); before != "" && wanted == "0" {
		if was, _, _ := net.SplitHostPort(before); was == host {
			listen = before // any port, but the same one at each start: others have written it down
		}
	}
	if at = cmp.Or(listen, before); at != "" {
		l, err = net.Listen("tcp", at)
	} else if l, err = net.Listen("tcp", fmt.Sprint(":", port)); err != nil {
		l, err = net.Listen("tcp", ":0")
	}
	if err != nil {
		return nil, "", "", err
	}
	host, _, err := net.SplitHostPort(at)
	bound := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	if err != nil {
		host = ""
	}
	if at = net.JoinHostPort(host, bound); at != before {
		advertised = ""
	}
	if known = cmp.Or(advertise, advertised); known != "" {
		return l, at, known, nil
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = ownAddress()
	}
	return l, at, net.JoinHostPort(host, bound), nil
}

// ownAddress is the address from which this machine would speak to others: a connected datagram socket tells it without
// sending anything. Without a way to everywhere it is the first address of an interface, and without that 127.0.0.1.
func ownAddress() string {
	for _, far := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} { // RFC 5737, RFC 3849: nobody's
		if c, err := net.Dial("udp", far); err == nil {
			defer c.Close()
			if at := c.LocalAddr().(*net.UDPAddr).IP; !at.IsLinkLocalUnicast() {
				return at.String()
			}
		}
	}
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() {
			return ip.IP.String()
		}
	}
	return "127.0.0.1"
}

// openDoor begins to listen for connections to the core, if it does not yet.
func (c *Cluster) openDoor() error {
	c.mu.Lock()
	open, s := c.door != nil, c.state
	c.mu.Unlock()
	if open {
		return nil
	}
	l, at, known, err := choose(c.config.Listen, s.Listen, defaultDoor, c.config.Advertise, s.Advertise)
	if err != nil {
		return fmt.Errorf("door: %w", err)
	}
	if err := c.update(func(s *state) { s.Open, s.Listen, s.Advertise = true, at, known }); err != nil {
		l.Close()
		return err
	}
	c.mu.Lock()
	c.door = l
	c.mu.Unlock()
	go c.accept(l)
	c.log.Info("door is open", "listen", at, "advertise", known)
	return nil
}

// choosePeer settles where the store will listen, and keeps the port from others until it does: of two nodes that begin on one
// machine, the second would choose the same.
func (c *Cluster) choosePeer() error {
	c.releasePeer()
	s := c.current()
	l, at, known, err := choose(c.config.PeerListen, s.PeerListen, defaultPeer, c.config.PeerAdvertise, s.PeerAdvertise)
	if err != nil {
		return fmt.Errorf("peer port: %w", err)
	}
	c.mu.Lock()
	c.peerPort = l
	c.mu.Unlock()
	if s.PeerListen == at && s.PeerAdvertise == known {
		return nil
	}
	return c.update(func(s *state) { s.PeerListen, s.PeerAdvertise = at, known })
}

// releasePeer gives the port back, to the store that is about to listen there.
func (c *Cluster) releasePeer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.peerPort != nil {
		c.peerPort.Close()
		c.peerPort = nil
	}
}

// tellAddress tells the core where its node is reached; what it has in its member's record it changes.
func (c *Cluster) tellAddress() {
	s := c.current()
	core, err := c.attached()
	if err != nil || s.Advertise == "" {
		return
	}
	var w wire.Writer
	a := wire.NodeAddress{Door: s.Advertise}
	if s.PeerAdvertise != "" {
		a.Peer = "https://" + s.PeerAdvertise
	}
	a.Encode(&w)
	if _, err := core.Call(wire.OpNodeAddress, w.B); err != nil {
		c.log.Warn("the core does not take the node's address", "error", err)
	}
}
