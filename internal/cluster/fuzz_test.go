// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"log/slog"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// FuzzHandle gives a host that waits to be admitted whatever a core may say, and that members' hosts say through it. What makes
// no sense changes nothing.
func FuzzHandle(f *testing.F) {
	seed := func(op uint16, m interface{ Encode(*wire.Writer) }) {
		var w wire.Writer
		m.Encode(&w)
		f.Add(op, w.B)
	}
	seed(wire.OpMember, &wire.MemberRequest{Verb: wire.MemberAdd, Name: "b", Peer: "https://127.0.0.1:7711"})
	seed(wire.OpMember, &wire.MemberRequest{Verb: wire.MemberRemove})
	seed(wire.OpJoined, &wire.JoinedRequest{Name: "b", Initial: "a=https://127.0.0.1:1,b=https://127.0.0.1:2", Members: []wire.ClusterMember{{Name: "a", Peer: "https://127.0.0.1:1"}}, Transport: []byte("x")})
	seed(wire.OpJoined, &wire.JoinedRequest{Initial: "=,=,,a=b=c"})
	dir := f.TempDir()
	if err := Prepare(dir); err != nil {
		f.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c, err := Open(ctx, Config{Dir: dir, Listen: "127.0.0.1:0", PeerListen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	defer c.Close()
	before := c.current()
	f.Fuzz(func(t *testing.T, op uint16, body []byte) {
		if op == wire.OpDial { // would knock at doors of others
			return
		}
		_, known, err := c.Handle(nil, op, body)
		if known && err == nil && len(body) > 0 && wire.MemberVerb(body[0]) != wire.MemberDoor {
			t.Errorf("op %d: %x is done", op, body)
		}
		if known && err != nil && fault.Of(err) == fault.Internal {
			t.Errorf("op %d: %v", op, err)
		}
		if now := c.current(); now.Joining != before.Joining || now.Peers != before.Peers || now.Removed != before.Removed || len(now.Join) != 0 {
			t.Errorf("op %d: %x changed %+v", op, body, now)
		}
	})
}
