// SPDX-License-Identifier: Apache-2.0

package des

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// NIST's example values for TDES (TDES_ECB and TDES_CBC, three keys).
const (
	exampleKey   = "0123456789abcdef23456789abcdef01456789abcdef0123"
	exampleIV    = "f69f2445df4f9b17"
	examplePlain = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
	exampleECB   = "714772f339841d34267fcc4bd2949cc3ee11c22a576a303876183f99c0b6de87"
	exampleCBC   = "2079c3d53aa763e193b79e2569ab5262516570481f25b50f73c0bda85c8e0da7"
)

var selfTests = []mech.SelfTest{
	{Name: "TDES-ECB", Run: func(broken bool) error {
		return cast(broken, func(k mech.Key) (mech.Op, error) { return beginECB(mech.Decrypt, k, nil) }, exampleECB)
	}},
	{Name: "TDES-CBC", Run: func(broken bool) error {
		var w wire.Writer
		w.Bytes(mech.Hex(exampleIV))
		return cast(broken, func(k mech.Key) (mech.Op, error) { return beginCBC(mech.Decrypt, k, w.B) }, exampleCBC)
	}},
}

func cast(broken bool, begin func(mech.Key) (mech.Op, error), ct string) error {
	k, err := parse(mech.Material{Type: key.TypeDES3, Secret: mech.Hex(exampleKey)}, true)
	if err != nil {
		return err
	}
	op, err := begin(k)
	if err != nil {
		return err
	}
	got, err := mech.OneShot(op, nil, mech.Hex(ct))
	if err != nil {
		return err
	}
	return mech.KnownAnswer(broken, got, mech.Hex(examplePlain))
}
