// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"net"
	"testing"

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
