// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// clerk is an agent under test.
type clerk struct {
	t      *testing.T
	socket string
	config *Config
	log    *lockedBuffer
	stop   func()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func hire(t *testing.T, change func(*Config), nodes ...*house) *clerk {
	t.Helper()
	dir := t.TempDir()
	c := &Config{Socket: filepath.Join(dir, "a"), LogLevel: "debug"}
	for _, n := range nodes {
		c.Nodes = append(c.Nodes, n.address())
	}
	if change != nil {
		change(c)
	}
	if err := c.finish(dir); err != nil {
		t.Fatal(err)
	}
	k := &clerk{t: t, socket: c.Socket, config: c, log: &lockedBuffer{}}
	k.start()
	t.Cleanup(func() { k.stop() })
	return k
}

func (k *clerk) start() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, k.config, slog.New(slog.NewTextHandler(k.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	}()
	k.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			k.t.Error(err)
		}
	})
	wait(k.t, "the agent serves", func() bool {
		c, err := client.Dial(k.socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

func wait(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 30 s until %s", what)
		}
	}
}

// dial is a client with a session that is logged in.
func (k *clerk) dial() (*client.Conn, *client.Session) {
	k.t.Helper()
	c, err := client.Dial(k.socket)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { c.Close() })
	s, err := c.Open(fakeSlot, true)
	if err == nil {
		_, err = s.Login(client.User, "", []byte(fakePIN))
	}
	if err != nil {
		k.t.Fatal(err)
	}
	return c, s
}

// sign makes a signature and checks that it is the one that was asked for.
func sign(s *client.Session, n int) error {
	data := fmt.Appendf(nil, "message %d", n)
	got, err := s.Sign(client.Mech(1), fakeKey, data)
	if err == nil && !bytes.Equal(got, signature(data)) {
		err = fmt.Errorf("signature %d is of something else", n)
	}
	return err
}

// signOn makes signatures until f says that it is enough.
func signOn(t *testing.T, s *client.Session, what string, enough func() bool) {
	t.Helper()
	n := 0
	wait(t, what, func() bool {
		for range 20 {
			n++
			if err := sign(s, n); err != nil {
				t.Fatal(err)
			}
		}
		return enough()
	})
}

func three(t *testing.T) (*town, []*house) {
	w := newTown(t)
	return w, []*house{w.house("a"), w.house("b"), w.house("c")}
}

// homeOf is the node that answered the login.
func homeOf(t *testing.T, list []*house) *house {
	t.Helper()
	for _, h := range list {
		if h.count(wire.CallLogin) > 0 {
			return h
		}
	}
	t.Fatal("nobody was logged in to")
	return nil
}
