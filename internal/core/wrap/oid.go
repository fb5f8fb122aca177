// SPDX-License-Identifier: Apache-2.0

package wrap

import (
	"bytes"

	"github.com/genbu-hsm/genbu/key"
)

// OIDs of algorithms whose parameters do not depend on the key. DER, tag and length included.
var (
	oidRSA = []byte{6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01}
	oidPSS = []byte{6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A}
	oidEC  = []byte{6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01}
)

// PQ is one parameter set: its lengths are those of FIPS 203, 204 and 205.
type pq struct {
	typ      key.Type
	set      key.ParamSet
	params   []byte // the set as mech.Material.Params: u64, little-endian
	oid      []byte // under 2.16.840.1.101.3.4
	public   int
	seed     int // 0: the form has no seed
	expanded int
}

func newPQ(typ key.Type, set key.ParamSet, arc, last byte, public, seed, expanded int) pq {
	return pq{typ, set, []byte{byte(set), 0, 0, 0, 0, 0, 0, 0},
		[]byte{6, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, arc, last}, public, seed, expanded}
}

var pqs = []pq{
	newPQ(key.TypeMLKEM, key.MLKEM512, 4, 1, 800, 64, 1632),
	newPQ(key.TypeMLKEM, key.MLKEM768, 4, 2, 1184, 64, 2400),
	newPQ(key.TypeMLKEM, key.MLKEM1024, 4, 3, 1568, 64, 3168),
	newPQ(key.TypeMLDSA, key.MLDSA44, 3, 17, 1312, 32, 2560),
	newPQ(key.TypeMLDSA, key.MLDSA65, 3, 18, 1952, 32, 4032),
	newPQ(key.TypeMLDSA, key.MLDSA87, 3, 19, 2592, 32, 4896),
	newPQ(key.TypeSLHDSA, key.SLHDSASHA2128s, 3, 20, 32, 0, 64),
	newPQ(key.TypeSLHDSA, key.SLHDSASHA2128f, 3, 21, 32, 0, 64),
	newPQ(key.TypeSLHDSA, key.SLHDSASHA2192s, 3, 22, 48, 0, 96),
	newPQ(key.TypeSLHDSA, key.SLHDSASHA2192f, 3, 23, 48, 0, 96),
	newPQ(key.TypeSLHDSA, key.SLHDSASHA2256s, 3, 24, 64, 0, 128),
	newPQ(key.TypeSLHDSA, key.SLHDSASHA2256f, 3, 25, 64, 0, 128),
	newPQ(key.TypeSLHDSA, key.SLHDSASHAKE128s, 3, 26, 32, 0, 64),
	newPQ(key.TypeSLHDSA, key.SLHDSASHAKE128f, 3, 27, 32, 0, 64),
	newPQ(key.TypeSLHDSA, key.SLHDSASHAKE192s, 3, 28, 48, 0, 96),
	newPQ(key.TypeSLHDSA, key.SLHDSASHAKE192f, 3, 29, 48, 0, 96),
	newPQ(key.TypeSLHDSA, key.SLHDSASHAKE256s, 3, 30, 64, 0, 128),
	newPQ(key.TypeSLHDSA, key.SLHDSASHAKE256f, 3, 31, 64, 0, 128),
}

func pqOf(typ key.Type, params []byte) *pq {
	for i := range pqs {
		if pqs[i].typ == typ && bytes.Equal(pqs[i].params, params) {
			return &pqs[i]
		}
	}
	return nil
}

func pqByOID(oid []byte) *pq {
	for i := range pqs {
		if bytes.Equal(pqs[i].oid, oid) {
			return &pqs[i]
		}
	}
	return nil
}

// Lengths answers what a key of a post-quantum parameter set measures in bytes; seed is 0 where the form has none.
func Lengths(typ key.Type, params []byte) (public, seed, expanded int, ok bool) {
	p := pqOf(typ, params)
	if p == nil {
		return 0, 0, 0, false
	}
	return p.public, p.seed, p.expanded, true
}
