// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/wire"
)

func TestALoneNodeListensNowhere(t *testing.T) {
	t.Parallel()
	h := open(t, newDomain(t), t.TempDir(), 1)
	if s := h.current(); s.Open || s.Peers || h.door != nil {
		t.Errorf("%+v", s)
	}
	if _, err := os.Stat(h.dir + "/" + stateFile); err == nil {
		t.Error("a lone node has a file about its cluster")
	}
}

func TestThreeHostsBecomeOneStoreAndOneIsReplacedAndRemoved(t *testing.T) {
	t.Parallel()
	d, all := three(t)
	for _, h := range all {
		has(t, h, "first")
	}
	put(t, all[2], "second")
	has(t, all[1], "second")
	v, err := all[1].View(soon(t))
	must(t, err)
	leaders := 0
	for _, m := range v.Members {
		if !m.Healthy || m.Info == nil || m.Info.Core != "operational" || m.Info.Certificate.IsZero() {
			t.Errorf("member: %+v %+v", m, m.Info)
		}
		if m.Leader {
			leaders++
		}
	}
	if len(v.Members) != 3 || leaders != 1 || !v.Writable {
		t.Errorf("view: %+v", v)
	}

	// A restart comes back by itself, on its old address.
	before := all[2].current()
	all[2].end()
	eventually(t, "a view that shows who is away", func() bool {
		v, err := all[0].View(soon(t))
		return err == nil && v.Writable && slices.ContainsFunc(v.Members, func(m MemberView) bool { return !m.Healthy && m.Reason != "" })
	})
	all[2] = open(t, d, all[2].dir, 3)
	if now := all[2].current(); now.PeerListen != before.PeerListen || now.Listen != before.Listen {
		t.Errorf("addresses changed from %+v to %+v", before, now)
	}
	has(t, all[2], "second")

	// A dead one is replaced while the others serve, and learns when it comes back that it is out.
	all[1].end()
	put(t, all[0], "without")
	fourth := newcomer(t, d, 4)
	ask(t, all[0], wire.OpMember, &wire.MemberRequest{Verb: wire.MemberRemove, Node: all[1].core.node}, nil)
	admit(t, all[0], fourth)
	voters(t, all[0], 3)
	has(t, fourth, "without")
	ctx, cancel := context.WithCancel(soon(t))
	defer cancel()
	for range 2 { // the second time from its own notes
		if c, err := Open(ctx, Config{Dir: all[1].dir, Node: all[1].core.node, Log: slog.New(slog.DiscardHandler)}); !errors.Is(err, ErrRemoved) {
			if err == nil {
				err = c.Run(ctx)
				c.Close()
			}
			if !errors.Is(err, ErrRemoved) {
				t.Errorf("a removed node starts: %v", err)
			}
		}
	}

	// A live one stops when it is removed, though it leads.
	for _, h := range []*host{all[2], fourth} {
		ask(t, all[0], wire.OpMember, &wire.MemberRequest{Verb: wire.MemberRemove, Node: h.core.node}, nil)
		select {
		case err := <-h.ran:
			if !errors.Is(err, ErrRemoved) {
				t.Errorf("a removed node ends with %v", err)
			}
		case <-time.After(patience):
			t.Fatal("a removed node goes on")
		}
	}
	put(t, all[0], "alone")
	if _, err := try(all[0], wire.OpMember, &wire.MemberRequest{Verb: wire.MemberRemove, Node: all[0].core.node}); fault.Of(err) != fault.ArgumentsBad {
		t.Errorf("removal of the last: %v", err)
	}
}

func TestANewcomerHasNoStoreUntilItIsAdmitted(t *testing.T) {
	t.Parallel()
	d := newDomain(t)
	h := newcomer(t, d, 2)
	if _, err := h.Store().Get(soon(t), "a"); fault.Of(err) != fault.RecordUnknown {
		t.Errorf("get: %v", err)
	}
	if _, err := h.Store().Txn(soon(t), store.Txn{Puts: []store.Put{{Path: "a"}}}); fault.Of(err) != fault.Unavailable {
		t.Errorf("txn: %v", err)
	}
	eventually(t, "addresses of the newcomer", func() bool {
		h.core.mu.Lock()
		defer h.core.mu.Unlock()
		return h.core.address.Door != "" && h.core.address.Peer != ""
	})
	for name, bad := range map[string]wire.JoinedRequest{"nobody": {}, "itself": {Initial: h.core.node.String() + "=https://127.0.0.1:1"}, "noise": {Initial: "a,b==,="}} {
		if _, err := try(h, wire.OpJoined, &bad); fault.Of(err) != fault.ArgumentsBad {
			t.Errorf("joined %s: %v", name, err)
		}
	}
	if !h.Joining() {
		t.Error("it waits no more")
	}
	first := open(t, d, t.TempDir(), 1)
	for _, peer := range []string{"", "http://127.0.0.1:1", "https://127.0.0.1", "https://127.0.0.1:1/x", "::"} {
		if _, err := try(first, wire.OpMember, &wire.MemberRequest{Verb: wire.MemberAdd, Node: h.core.node, Peer: peer}); fault.Of(err) != fault.ArgumentsBad {
			t.Errorf("add %q: %v", peer, err)
		}
	}
	if s := first.current(); s.Peers || s.Open {
		t.Errorf("a refused request opened ports: %+v", s)
	}
}

func TestCertificatesAreRenewedBeforeTheyEnd(t *testing.T) {
	t.Parallel()
	h := newcomer(t, newDomain(t), 1)
	h.core.mu.Lock()
	h.core.joining = false
	h.core.mu.Unlock()
	must(t, h.certify())
	first := h.certificate()
	must(t, h.certify())
	if !h.certificate().Equal(first) {
		t.Error("renewed without need")
	}
	if !h.fresh(time.Now()) || h.fresh(first.NotBefore.Add(renewEvery+time.Second)) {
		t.Error("freshness does not end at half time")
	}
	must(t, h.update(func(s *state) { s.PeerAdvertise = "node.example:7711" }))
	if h.fresh(time.Now()) {
		t.Error("another name needs no other certificate")
	}
	must(t, h.certify())
	if next := h.certificate(); next.VerifyHostname("node.example") != nil || next.PublicKey.(*ecdsa.PublicKey).Equal(first.PublicKey) {
		t.Error("the next certificate has not the new name, or the old key")
	}
	before, err := os.ReadFile(h.files.Cert)
	must(t, err)
	h.core.locked = true
	must(t, h.update(func(s *state) { s.PeerAdvertise = "other.example:7711" }))
	if err := h.certify(); fault.Of(err) != fault.Locked {
		t.Errorf("a locked core: %v", err)
	}
	if after, _ := os.ReadFile(h.files.Cert); !slices.Equal(before, after) {
		t.Error("a refusal changed the file")
	}
}

func TestTheDoorReadsFiveBytesAndPassesTheRestOn(t *testing.T) {
	t.Parallel()
	h := newcomer(t, newDomain(t), 1)
	at := h.current().Advertise
	for _, purpose := range []byte{wire.DoorChannel, wire.DoorLink, wire.DoorAdmission} {
		conn, err := net.Dial("tcp", at)
		must(t, err)
		conn.Write(append([]byte(wire.Preface), purpose, 'h', 'e', 'l', 'l', 'o'))
		conn.(*net.TCPConn).CloseWrite()
		a := <-h.core.arrivals
		rest, err := io.ReadAll(a.f)
		a.f.Close()
		conn.Close()
		if a.purpose != purpose || string(rest) != "hello" || err != nil {
			t.Errorf("purpose %d arrived as %d, with %q, %v", purpose, a.purpose, rest, err)
		}
	}
	for _, bad := range []string{"GNBR\x00", "GNBR\x04", "GNBS\x01", "GET / HTTP/1.1\r\n\r\n", "GN"} {
		conn, err := net.Dial("tcp", at)
		must(t, err)
		conn.Write([]byte(bad))
		conn.(*net.TCPConn).CloseWrite()
		conn.SetReadDeadline(time.Now().Add(patience))
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%q is answered", bad)
		}
		conn.Close()
	}
	select {
	case a := <-h.core.arrivals:
		t.Errorf("purpose %d was passed on", a.purpose)
	default:
	}

	// And the other way: the core asks for a connection, to another door.
	ask(t, h, wire.OpDial, &wire.DialRequest{Address: at}, nil)
	f := <-h.core.dialled
	defer f.Close()
	f.Write(append([]byte(wire.Preface), wire.DoorLink, 'x'))
	a := <-h.core.arrivals
	defer a.f.Close()
	if got := make([]byte, 1); true {
		if _, err := io.ReadFull(a.f, got); err != nil || got[0] != 'x' {
			t.Errorf("%q, %v", got, err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l.Close()
	if _, err := try(h, wire.OpDial, &wire.DialRequest{Address: l.Addr().String()}); fault.Of(err) != fault.Unavailable {
		t.Errorf("dial of a closed port: %v", err)
	}
}

func TestSpaceIsReclaimedOnAllMembersByTheLeadersHost(t *testing.T) {
	t.Parallel()
	_, all := three(t)
	leads := func() *host {
		var leader *host
		eventually(t, "a leader", func() bool {
			for _, h := range all {
				if p, err := h.Store().Engine().Progress(soon(t)); err == nil && p.ID == p.Leader {
					leader = h
					return true
				}
			}
			return false
		})
		return leader
	}
	value := make([]byte, 200<<10)
	for range 20 {
		_, err := all[0].Store().Txn(soon(t), store.Txn{Puts: []store.Put{{Path: "k", Value: value}}})
		must(t, err)
	}
	r, err := all[0].Store().Get(soon(t), "k")
	must(t, err)
	must(t, all[0].Store().Compact(soon(t), r.Revision))
	size := func(h *host) int64 {
		u, err := h.Store().Usage(soon(t))
		must(t, err)
		return u.File
	}
	before := []int64{size(all[0]), size(all[1]), size(all[2])}
	leader := leads()
	for _, h := range all {
		if h != leader {
			h.reclaimOnce(soon(t), h.Store().Engine(), always)
		}
	}
	if size(all[0]) != before[0] || size(all[1]) != before[1] || size(all[2]) != before[2] {
		t.Error("a follower's host reclaimed space")
	}
	leader.reclaimOnce(soon(t), leader.Store().Engine(), always)
	for i, h := range all {
		if size(h) >= before[i] {
			t.Errorf("node %d: %d bytes before, %d after", i+1, before[i], size(h))
		}
	}
	put(t, all[0], "after")
}
