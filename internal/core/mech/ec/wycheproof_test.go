// SPDX-License-Identifier: Apache-2.0

package ec

import (
	"bytes"
	"math/big"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

type ecCase struct {
	mechtest.Case
	Msg, Sig, Public, Shared mechtest.Hex
	Private                  string
}

type ecGroup struct {
	Sha       string
	PublicKey struct{ Uncompressed mechtest.Hex }
	Tests     []ecCase
}

var rowBySha = map[string]key.Mechanism{
	"SHA-1": key.MechECDSASHA1, "SHA-224": key.MechECDSASHA224, "SHA-256": key.MechECDSASHA256,
	"SHA-384": key.MechECDSASHA384, "SHA-512": key.MechECDSASHA512, "SHA3-224": key.MechECDSASHA3224,
	"SHA3-256": key.MechECDSASHA3256, "SHA3-384": key.MechECDSASHA3384, "SHA3-512": key.MechECDSASHA3512,
}

func row(t testing.TB, id key.Mechanism) *mech.Row {
	t.Helper()
	for i := range Family.Rows {
		if Family.Rows[i].ID == id {
			return &Family.Rows[i]
		}
	}
	t.Fatalf("no row %#x", uint64(id))
	return nil
}

func byName(t testing.TB, name string) *curve {
	for _, c := range curves {
		for _, a := range c.aliases {
			if a == name {
				return c
			}
		}
	}
	t.Fatalf("no curve %s", name)
	return nil
}

func verify(row *mech.Row, k mech.Key, msg, sig []byte) error {
	v, err := row.BeginVerify(k, nil)
	if err != nil {
		return err
	}
	if _, err := v.Update(nil, msg); err != nil {
		return err
	}
	return v.Verify(sig)
}

func once(row *mech.Row, use mech.Use, k mech.Key, in []byte) ([]byte, error) {
	op, err := row.Begin(use, k, nil)
	if err != nil {
		return nil, err
	}
	if _, err := op.Update(nil, in); err != nil {
		return nil, err
	}
	return op.Final(nil)
}

func judge(t *testing.T, file string, c mechtest.Case, accepted bool) {
	t.Helper()
	if c.Valid() && !accepted {
		t.Errorf("%s: tcId %d refused: %s %v", file, c.TCID, c.Comment, c.Flags)
	}
	if c.Invalid() && accepted {
		t.Errorf("%s: tcId %d accepted: %s %v", file, c.TCID, c.Comment, c.Flags)
	}
}

func TestWycheproofECDSAConcatenated(t *testing.T) {
	n, short := 0, 0
	for _, name := range []string{
		"secp224r1_sha224", "secp224r1_sha256", "secp224r1_sha512", "secp256r1_sha256", "secp256r1_sha512",
		"secp384r1_sha384", "secp384r1_sha512", "secp521r1_sha512", "secp256k1_sha256", "secp256k1_sha512",
	} {
		var file mechtest.File[ecGroup]
		mechtest.Wycheproof(t, "ecdsa_"+name+"_p1363_test.json", &file)
		c := byName(t, name[:9])
		for _, g := range file.TestGroups {
			k, err := parse(mech.Material{Type: key.TypeEC, Params: c.oid, Public: g.PublicKey.Uncompressed}, true)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, tc := range g.Tests {
				n++
				// Wycheproof wants full length; PKCS #11 has tokens take shorter halves, whose numbers are then right.
				if tc.Flagged("SignatureSize") && len(tc.Sig)%2 == 0 && len(tc.Sig) < 2*c.size {
					short++
					continue
				}
				judge(t, name, tc.Case, verify(row(t, rowBySha[g.Sha]), k, tc.Msg, tc.Sig) == nil)
			}
		}
	}
	t.Logf("%d cases, %d of them short signatures that PKCS #11 allows", n, short)
}

// The files in ASN.1 cover more digests. Signatures that are DER of two numbers in range are brought to r || s.
func TestWycheproofECDSAFromASN1(t *testing.T) {
	n := 0
	for _, name := range []string{
		"secp224r1_sha3_224", "secp224r1_sha3_256", "secp224r1_sha3_512", "secp256r1_sha256", "secp256r1_sha3_256",
		"secp256r1_sha3_512", "secp256r1_sha512", "secp384r1_sha256", "secp384r1_sha384", "secp384r1_sha3_384",
		"secp384r1_sha3_512", "secp384r1_sha512", "secp521r1_sha3_512", "secp521r1_sha512", "secp256k1_sha256",
		"secp256k1_sha3_256", "secp256k1_sha3_512", "secp256k1_sha512", "secp224r1_sha224", "secp224r1_sha256",
		"secp224r1_sha512",
	} {
		var file mechtest.File[ecGroup]
		mechtest.Wycheproof(t, "ecdsa_"+name+"_test.json", &file)
		c := byName(t, name[:9])
		for _, g := range file.TestGroups {
			k, err := parse(mech.Material{Type: key.TypeEC, Params: c.oid, Public: g.PublicKey.Uncompressed}, true)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, tc := range g.Tests {
				sig := concatenate(tc.Sig, c.size)
				if sig == nil {
					if tc.Valid() {
						t.Errorf("%s: tcId %d: valid, and not DER", name, tc.TCID)
					}
					continue
				}
				n++
				judge(t, name, tc.Case, verify(row(t, rowBySha[g.Sha]), k, tc.Msg, sig) == nil)
			}
		}
	}
	t.Logf("%d cases", n)
}

func concatenate(der []byte, size int) []byte {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	r, s := new(big.Int), new(big.Int)
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1Integer(r) || !seq.ReadASN1Integer(s) || !seq.Empty() ||
		r.Sign() < 0 || s.Sign() < 0 || r.BitLen() > 8*size || s.BitLen() > 8*size {
		return nil
	}
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
}

func ecdhParam(kdf key.KDF, shared, peer []byte) mech.Params {
	var w wire.Writer
	w.U64(uint64(kdf))
	w.Bytes(shared)
	w.Bytes(peer)
	return w.B
}

func TestWycheproofECDH(t *testing.T) {
	n, compressed := 0, 0
	for _, name := range []string{
		"secp224r1_ecpoint", "secp256r1_ecpoint", "secp384r1_ecpoint", "secp521r1_ecpoint",
		"secp224r1", "secp256r1", "secp384r1", "secp521r1", "secp256k1",
	} {
		var file mechtest.File[ecGroup]
		mechtest.Wycheproof(t, "ecdh_"+name+"_test.json", &file)
		c := byName(t, name[:9])
		for _, g := range file.TestGroups {
			for _, tc := range g.Tests {
				peer := []byte(tc.Public)
				if len(name) == 9 { // SubjectPublicKeyInfo: reading that is not ours, so only those of this curve count
					if peer = pointOf(tc.Public, c); peer == nil {
						continue
					}
				}
				private := tc.Private
				if len(private)%2 == 1 {
					private = "0" + private
				}
				k, err := parse(mech.Material{Type: key.TypeEC, Params: c.oid, Secret: mechtest.Bytes(t, private)}, false)
				if err != nil {
					t.Fatalf("%s: tcId %d: %v", name, tc.TCID, err)
				}
				n++
				z, err := row(t, key.MechECDH1Derive).Derive(k, ecdhParam(key.KDFNull, nil, peer), 0)
				if len(peer) > 0 && (peer[0] == 2 || peer[0] == 3) && err != nil {
					compressed++ // refused, as the standard permits: CKF_EC_COMPRESS is not announced
					continue
				}
				judge(t, name, tc.Case, err == nil && bytes.Equal(z, tc.Shared))
			}
		}
	}
	t.Logf("%d cases, %d of them compressed points, refused", n, compressed)
}

func pointOf(spki []byte, c *curve) []byte {
	in := cryptobyte.String(spki)
	var seq, alg, oid cryptobyte.String
	var bits []byte
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1(&alg, asn1.SEQUENCE) || !alg.SkipASN1(asn1.OBJECT_IDENTIFIER) ||
		!alg.ReadASN1Element(&oid, asn1.OBJECT_IDENTIFIER) || !alg.Empty() || !bytes.Equal(oid, c.oid) ||
		!seq.ReadASN1BitStringAsBytes(&bits) || !seq.Empty() {
		return nil
	}
	return bits
}
