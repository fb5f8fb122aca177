// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/core/meter"
	"github.com/genbu-hsm/genbu/internal/core/process"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func TestCallsAreCountedByDoorCallMechanismAndResult(t *testing.T) {
	w := newWorld(t)
	m := meter.New(process.Monotonic, []meter.Mechanism{{ID: key.MechECDSA, Name: "ECDSA"}, {ID: key.MechECKeyPairGen, Name: "EC_KEY_PAIR_GEN"}})
	w.server.Meter = m
	s := w.user()
	_, pair, err := s.GeneratePair(client.Mech(key.MechECKeyPairGen), client.Template{client.Bytes(key.AttrECParams, p256)}, client.Template{onToken()})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := s.Sign(client.Mech(key.MechECDSA), pair.Handle, make([]byte, 32)); err != nil {
			t.Fatal(err)
		}
	}
	s.Sign(client.Mech(key.MechECDSA), pair.Handle+1, make([]byte, 32)) // unknown
	s.Sign(client.Mech(0xDEADBEEF), pair.Handle, make([]byte, 32))      // no such mechanism
	s.Cancel(client.UseSign)                                            // the answer to this follows the counting of those before

	type kind struct {
		call   wire.Call
		mech   string
		result fault.Code
	}
	got := map[kind]uint64{}
	v := m.Read()
	for _, c := range v.Counts {
		if c.Door != w.peer.Door {
			t.Errorf("door of %+v", c)
		}
		got[kind{wire.Call(c.Call), c.Mechanism, c.Result}] += c.N
	}
	for k, n := range map[kind]uint64{
		{wire.CallSign, "ECDSA", fault.OK}:                   3,
		{wire.CallSign, "ECDSA", fault.KeyUnknown}:           1,
		{wire.CallSign, "", fault.MechanismInvalid}:          1,
		{wire.CallGeneratePair, "EC_KEY_PAIR_GEN", fault.OK}: 1,
		{wire.CallLogin, "", fault.OK}:                       1,
	} {
		if got[k] != n {
			t.Errorf("%+v: counted %d times, not %d", k, got[k], n)
		}
	}
	for _, c := range v.Times {
		if wire.Call(c.Call) != wire.CallSign || c.Mechanism == "" {
			continue
		}
		n := uint64(0)
		for _, b := range c.Buckets {
			n += b
		}
		if n != 4 || c.Sum == 0 || c.Slowest == 0 || c.Request == 0 {
			t.Errorf("times of signatures: %+v", c)
		}
	}
}

func TestATimedCallTellsHowLongTheCoreWorked(t *testing.T) {
	w := newWorld(t)
	w.server.Meter = meter.New(process.Monotonic, nil)
	s := w.user()
	var heard []client.Observed
	s.Observe(func(o client.Observed) { heard = append(heard, o) })
	if err := s.Cancel(client.UseSign); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sign(client.Mech(key.MechECDSA), 1, make([]byte, 32)); fault.Of(err) != fault.KeyUnknown {
		t.Fatal(err)
	}
	if len(heard) != 2 || heard[0].Worked <= 0 || heard[1].Worked <= 0 || heard[1].Code != fault.KeyUnknown || heard[0].Request == 0 {
		t.Errorf("%+v", heard)
	}
	s.Observe(nil)
	if err := s.Cancel(client.UseSign); err != nil {
		t.Error(err)
	}
}
