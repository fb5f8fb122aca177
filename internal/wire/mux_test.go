// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"net"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// A host must not give a new core the newest checkpoint while entries of the last core are still on their way.
func TestDrainWaitsForRequestsThatCameBeforeTheStreamEnded(t *testing.T) {
	host, core := net.Pipe()
	started, release := make(chan struct{}), make(chan struct{})
	handled := false
	m := wire.NewMux(host, func(uint16, []byte) ([]byte, error) {
		close(started)
		<-release
		handled = true
		return nil, nil
	})
	go wire.NewMux(core, nil).Notify(wire.OpLog, []byte("last words"))
	served := make(chan struct{})
	go func() {
		m.Serve()
		close(served)
	}()
	<-started
	core.Close()
	<-served
	drained := make(chan struct{})
	go func() {
		m.Drain()
		close(drained)
	}()
	select {
	case <-drained:
		t.Fatal("drained while a request is being handled")
	default:
	}
	close(release)
	<-drained
	if !handled {
		t.Error("drained before the request was handled")
	}
}

func TestATimedCallTellsHowLongTheOtherSideWorked(t *testing.T) {
	for _, told := range []bool{true, false} {
		a, b := net.Pipe()
		handle := func(op uint16, body []byte) ([]byte, error) {
			if op == 9 {
				return nil, fault.Locked.At("work")
			}
			return body, nil
		}
		asking, working := wire.NewMux(a, handle), wire.NewMux(b, handle)
		want := int64(0)
		if told {
			now := int64(0)
			working.Clock = func() int64 { now += 500; return now }
			want = 500
		}
		go asking.Serve()
		go working.Serve()
		for op, code := range map[uint16]fault.Code{1: fault.OK, 9: fault.Locked} {
			answer, worked, err := asking.CallTimed(op, []byte("x"))
			if fault.Of(err) != code || worked != want || code == fault.OK && string(answer) != "x" {
				t.Errorf("op %d: %q, %d ns, %v", op, answer, worked, err)
			}
		}
		if answer, err := asking.Call(1, []byte("y")); err != nil || string(answer) != "y" {
			t.Errorf("an untimed call: %q, %v", answer, err)
		}
		b.Close()
	}
}
