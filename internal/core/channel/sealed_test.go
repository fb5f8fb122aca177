// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"bytes"
	"net"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/channel"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func (m *module) SealKey() []byte { return []byte("seal key") }

// Unseal takes what is "sealed" by a first byte of 's', bound to the call and the sequence.
func (m *module) Unseal(call wire.Call, sequence uint32, sealed []byte) ([]byte, error) {
	prefix := append([]byte{'s'}, wire.SealedContext(call, sequence)...)
	if !bytes.HasPrefix(sealed, prefix) {
		return nil, fault.AEADFailed
	}
	return append([]byte{}, sealed[len(prefix):]...), nil
}

// sealed is a request as a client far away sends it.
func sealed(call wire.Call, sequence uint32, body []byte) []byte {
	return frame(call, wire.FlagSealed, sequence, append(append([]byte{'s'}, wire.SealedContext(call, sequence)...), body...))
}

func TestASealedRequestIsAnsweredLikeAClearOne(t *testing.T) {
	w := newWorld(t)
	c := w.raw()
	c.Write(frame(wire.CallSlots, 0, 1, nil))
	clear, _ := readAnswer(c)
	c.Write(sealed(wire.CallSlots, 2, nil))
	if a, alive := readAnswer(c); !alive || a.code != fault.OK || !bytes.Equal(a.body, clear.body) {
		t.Errorf("%+v and %+v", a, clear)
	}
	// What was sealed for one request opens in no other.
	for name, b := range map[string][]byte{
		"another call":     append(frame(wire.CallMechanisms, wire.FlagSealed, 3, nil), sealed(wire.CallSlots, 3, nil)[12:]...),
		"another sequence": append(frame(wire.CallSlots, wire.FlagSealed, 4, nil), sealed(wire.CallSlots, 3, nil)[12:]...),
		"nothing":          frame(wire.CallSlots, wire.FlagSealed, 5, nil),
	} {
		b[0] = byte(len(b) - 4)
		c.Write(b)
		if a, alive := readAnswer(c); !alive || a.code != fault.AEADFailed {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestFromAfarSecretsMustBeSealed(t *testing.T) {
	w := newWorld(t)
	ours, theirs := net.Pipe()
	go w.server.Serve(theirs, channel.Peer{Door: 2, Agent: key.ID{1}})
	defer ours.Close()
	for _, spec := range wire.Calls {
		ours.Write(frame(spec.Call, 0, 1, nil))
		a, alive := readAnswer(ours)
		if !alive {
			t.Fatal(spec.Name)
		}
		if refused := a.code == fault.Denied && bytes.Contains(a.body, []byte("not sealed")); refused != spec.Call.Secret() {
			t.Errorf("%s without sealing: %v %q", spec.Name, a.code, a.body)
		}
	}
}
