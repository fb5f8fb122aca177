// SPDX-License-Identifier: Apache-2.0

package mech

import (
	"bytes"
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func TestSignContextsAreHedgedUnlessToldNotTo(t *testing.T) {
	for _, hedge := range []uint64{0, 1, 2, 3} {
		var w, h wire.Writer
		w.U64(1)
		for _, x := range []*wire.Writer{&w, &h} {
			x.U64(hedge)
			x.Bytes([]byte("ctx"))
		}
		h.U64(uint64(key.MechSHA256))
		s, err1 := DecodeSignContext(w.B)
		g, err2 := DecodeHashContext(h.B)
		if hedge == 3 {
			if fault.Of(err1) != fault.MechanismParamInvalid || fault.Of(err2) != fault.MechanismParamInvalid {
				t.Errorf("hedge 3: %v, %v", err1, err2)
			}
			continue
		}
		if err1 != nil || s.Deterministic != (hedge == 2) || !bytes.Equal(s.Context, []byte("ctx")) {
			t.Errorf("hedge %d: %+v, %v", hedge, s, err1)
		}
		if err2 != nil || g.Deterministic != (hedge == 2) || g.Hash != key.MechSHA256 {
			t.Errorf("hedge %d: %+v, %v", hedge, g, err2)
		}
	}
	for _, p := range []Params{nil, make(Params, 8)} {
		if s, err := DecodeSignContext(p); err != nil || s.Deterministic || len(s.Context) != 0 {
			t.Errorf("absent: %+v, %v", s, err)
		}
	}
}

func FuzzSignContext(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 'c'})
	f.Add(make([]byte, 20))
	f.Fuzz(func(t *testing.T, p []byte) {
		if s, err := DecodeSignContext(p); err == nil && len(s.Context) > 255 {
			t.Errorf("context of %d bytes", len(s.Context))
		}
		if s, err := DecodeHashContext(p); err == nil && len(s.Context) > 255 {
			t.Errorf("context of %d bytes", len(s.Context))
		}
	})
}
