// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/store"
	"github.com/genbu-hsm/genbu/internal/store/memory"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// losing is a store that at times does what it is asked and cannot say so.
type losing struct {
	store.Store
	lose atomic.Bool
}

func (l *losing) Txn(ctx context.Context, t store.Txn) (int64, error) {
	revision, err := l.Store.Txn(ctx, t)
	if l.lose.Load() {
		return 0, fault.OutcomeUnknown.At("txn")
	}
	return revision, err
}

func (l *losing) List(ctx context.Context, r store.Range, visit func(store.Record) error) (int64, error) {
	if l.lose.Load() {
		return 0, fault.Unavailable.At("list")
	}
	return l.Store.List(ctx, r, visit)
}

// A try whose charge was written without an answer is charged, and does not shut its operator out for good.
func TestAnOperatorOutlivesAChargeOfUnknownOutcome(t *testing.T) {
	l := &losing{Store: memory.New()}
	n := &node{t: t, dir: t.TempDir(), store: l, machine: &machineDouble{exits: make(chan int, 1)}}
	n.start(wire.Config{})
	n.initialize("file", 0, 0)
	slot := n.partition("p", 0)
	login := func(pin string) error {
		s, err := n.client().Open(slot, true)
		if err == nil {
			_, err = s.Login(client.User, "", []byte(pin))
		}
		return err
	}
	l.lose.Store(true)
	want(t, "login while the store cannot answer", login("user-pin"), fault.OutcomeUnknown)
	l.lose.Store(false)
	err := login("user-pin")
	if fault.Of(err) == fault.Conflict { // what is stored was read just then
		err = login("user-pin")
	}
	want(t, "login afterwards", err, fault.OK)
}
