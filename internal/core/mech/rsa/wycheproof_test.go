// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"bytes"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

type rsaCase struct {
	mechtest.Case
	Msg, Sig, Ct, Label mechtest.Hex
}

type rsaGroup struct {
	KeySize         int
	Sha, MgfSha     string
	SLen            uint64
	PublicKeyAsn    mechtest.Hex // RSAPublicKey
	KeyAsn          mechtest.Hex // the same in generation files
	PrivateKeyPkcs8 mechtest.Hex
	PublicKey       struct{ Modulus, PublicExponent mechtest.Hex }
	Tests           []rsaCase
}

var shaByName = map[string]key.Hash{
	"SHA-1": key.MechSHA1, "SHA-224": key.MechSHA224, "SHA-256": key.MechSHA256, "SHA-384": key.MechSHA384,
	"SHA-512": key.MechSHA512, "SHA3-224": key.MechSHA3224, "SHA3-256": key.MechSHA3256, "SHA3-384": key.MechSHA3384,
	"SHA3-512": key.MechSHA3512,
}

var mgfByName = map[string]key.MGF{
	"SHA-1": key.MGF1SHA1, "SHA-224": key.MGF1SHA224, "SHA-256": key.MGF1SHA256, "SHA-384": key.MGF1SHA384,
	"SHA-512": key.MGF1SHA512,
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

func hashedRow(t testing.TB, h key.Hash, pss bool) *mech.Row {
	for _, x := range hashed {
		if x.hash == h && pss {
			return row(t, x.pss)
		} else if x.hash == h {
			return row(t, x.pkcs1)
		}
	}
	t.Fatalf("no row for digest %#x", uint64(h))
	return nil
}

// pkcs1Of takes RSAPrivateKey out of PKCS #8.
func pkcs1Of(t testing.TB, p8 []byte) []byte {
	in := cryptobyte.String(p8)
	var seq, inner cryptobyte.String
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !seq.SkipASN1(asn1.INTEGER) || !seq.SkipASN1(asn1.SEQUENCE) ||
		!seq.ReadASN1(&inner, asn1.OCTET_STRING) {
		t.Fatal("not PKCS #8")
	}
	return inner
}

func verify(row *mech.Row, k mech.Key, p mech.Params, msg, sig []byte) error {
	v, err := row.BeginVerify(k, p)
	if err != nil {
		return err
	}
	if _, err := v.Update(nil, msg); err != nil {
		return err
	}
	return v.Verify(sig)
}

func once(row *mech.Row, use mech.Use, k mech.Key, p mech.Params, in []byte) ([]byte, error) {
	op, err := row.Begin(use, k, p)
	if err != nil {
		return nil, err
	}
	if _, err := op.Update(nil, in); err != nil {
		return nil, err
	}
	return op.Final(nil)
}

func pssParam(hash key.Hash, mgf key.MGF, salt uint64) mech.Params {
	var w wire.Writer
	w.U64(uint64(hash))
	w.U64(uint64(mgf))
	w.U64(salt)
	return w.B
}

func oaepParam(hash key.Hash, mgf key.MGF, label []byte) mech.Params {
	var w wire.Writer
	w.U64(uint64(hash))
	w.U64(uint64(mgf))
	w.U64(sourceSpecified)
	w.Bytes(label)
	return w.B
}

// judge compares an outcome with what the file asks for.
func judge(t *testing.T, file string, c mechtest.Case, accepted bool) {
	t.Helper()
	if c.Valid() && !accepted {
		t.Errorf("%s: tcId %d refused: %s %v", file, c.TCID, c.Comment, c.Flags)
	}
	if c.Invalid() && accepted {
		t.Errorf("%s: tcId %d accepted: %s %v", file, c.TCID, c.Comment, c.Flags)
	}
}

func TestWycheproofPKCS1Verify(t *testing.T) {
	n := 0
	for _, name := range []string{
		"2048_sha224", "2048_sha256", "2048_sha384", "2048_sha512", "2048_sha3_224", "2048_sha3_256", "2048_sha3_384",
		"2048_sha3_512", "3072_sha256", "3072_sha384", "3072_sha512", "3072_sha3_256", "3072_sha3_384", "3072_sha3_512",
		"4096_sha256", "4096_sha384", "4096_sha512", "8192_sha256", "8192_sha384", "8192_sha512",
	} {
		var file mechtest.File[rsaGroup]
		mechtest.Wycheproof(t, "rsa_signature_"+name+"_test.json", &file)
		for _, g := range file.TestGroups {
			k, err := parse(mech.Material{Type: key.TypeRSA, Public: g.PublicKeyAsn}, true)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, c := range g.Tests {
				judge(t, name, c.Case, verify(hashedRow(t, shaByName[g.Sha], false), k, nil, c.Msg, c.Sig) == nil)
				n++
			}
		}
	}
	t.Logf("%d cases", n)
}

func TestWycheproofPKCS1SignGivesTheExpectedBytes(t *testing.T) {
	n := 0
	for _, size := range []string{"1024", "1536", "2048", "3072", "4096"} {
		var file mechtest.File[rsaGroup]
		mechtest.Wycheproof(t, "rsa_pkcs1_"+size+"_sig_gen_test.json", &file)
		for _, g := range file.TestGroups {
			h, ok := shaByName[g.Sha]
			if !ok {
				continue // SHA-512/224 and SHA-512/256 have no mechanism
			}
			k, err := parse(mech.Material{Type: key.TypeRSA, Secret: pkcs1Of(t, g.PrivateKeyPkcs8)}, true)
			if g.KeySize < minBits {
				if fault.Of(err) != fault.KeySize {
					t.Errorf("private key of %d bits: %v", g.KeySize, err)
				}
				// Its signatures can still be verified.
				if k, err = parse(mech.Material{Type: key.TypeRSA, Public: g.KeyAsn}, true); err != nil {
					t.Fatal(err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			for _, c := range g.Tests {
				n++
				r := hashedRow(t, h, false)
				if err := verify(r, k, nil, c.Msg, c.Sig); err != nil {
					t.Errorf("%s: tcId %d: verify: %v", size, c.TCID, err)
				}
				if !k.Private() {
					continue
				}
				got, err := once(r, mech.Sign, k, nil, c.Msg)
				if err != nil || !bytes.Equal(got, c.Sig) {
					t.Errorf("%s: tcId %d: signature differs, %v", size, c.TCID, err)
				}
			}
		}
	}
	t.Logf("%d cases", n)
}

func TestWycheproofPSSVerify(t *testing.T) {
	n := 0
	for _, name := range []string{
		"2048_sha1_mgf1_20", "2048_sha1_mgf1_20_params", "2048_sha256_mgf1_0", "2048_sha256_mgf1_0_params",
		"2048_sha256_mgf1_32", "2048_sha256_mgf1_32_params", "2048_sha256_mgf1sha1_20", "2048_sha384_mgf1_48",
		"2048_sha512_mgf1sha256_32_params", "3072_sha256_mgf1_32", "3072_sha256_mgf1_32_params", "4096_sha256_mgf1_32",
		"4096_sha384_mgf1_48", "4096_sha512_mgf1_32", "4096_sha512_mgf1_32_params", "4096_sha512_mgf1_64",
		"4096_sha512_mgf1_64_params", "misc", "misc_params",
	} {
		var file mechtest.File[rsaGroup]
		mechtest.Wycheproof(t, "rsa_pss_"+name+"_test.json", &file)
		for _, g := range file.TestGroups {
			h, known := shaByName[g.Sha]
			mgf, knownMGF := mgfByName[g.MgfSha]
			if !known || !knownMGF {
				continue
			}
			k, err := parse(mech.Material{Type: key.TypeRSA, Public: g.PublicKeyAsn}, true)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			p := pssParam(h, mgf, g.SLen)
			for _, c := range g.Tests {
				ok := verify(hashedRow(t, h, true), k, p, c.Msg, c.Sig) == nil
				judge(t, name, c.Case, ok)
				// CKM_RSA_PKCS_PSS over the digest must agree.
				newHash, _ := mech.NewHash(h)
				d := newHash()
				d.Write(c.Msg)
				if plain := verify(row(t, key.MechRSAPSS), k, p, d.Sum(nil), c.Sig) == nil; plain != ok {
					t.Errorf("%s: tcId %d: hashed %v, plain %v", name, c.TCID, ok, plain)
				}
				n++
			}
		}
	}
	t.Logf("%d cases", n)
}

func TestWycheproofOAEPDecrypt(t *testing.T) {
	n := 0
	for _, name := range []string{
		"2048_sha1_mgf1sha1", "2048_sha224_mgf1sha1", "2048_sha224_mgf1sha224", "2048_sha256_mgf1sha1",
		"2048_sha256_mgf1sha256", "2048_sha384_mgf1sha1", "2048_sha384_mgf1sha384", "2048_sha512_mgf1sha1",
		"2048_sha512_mgf1sha512", "3072_sha256_mgf1sha1", "3072_sha256_mgf1sha256", "3072_sha512_mgf1sha1",
		"3072_sha512_mgf1sha512", "4096_sha256_mgf1sha1", "4096_sha256_mgf1sha256", "4096_sha512_mgf1sha1",
		"4096_sha512_mgf1sha512", "misc",
	} {
		var file mechtest.File[rsaGroup]
		mechtest.Wycheproof(t, "rsa_oaep_"+name+"_test.json", &file)
		for _, g := range file.TestGroups {
			h, known := shaByName[g.Sha]
			mgf, knownMGF := mgfByName[g.MgfSha]
			if !known || !knownMGF {
				continue
			}
			k, err := parse(mech.Material{Type: key.TypeRSA, Secret: pkcs1Of(t, g.PrivateKeyPkcs8)}, false)
			if g.KeySize < minBits {
				if fault.Of(err) != fault.KeySize {
					t.Errorf("private key of %d bits: %v", g.KeySize, err)
				}
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, c := range g.Tests {
				m, err := once(row(t, key.MechRSAOAEP), mech.Decrypt, k, oaepParam(h, mgf, c.Label), c.Ct)
				judge(t, name, c.Case, err == nil && bytes.Equal(m, c.Msg))
				n++
			}
		}
	}
	t.Logf("%d cases", n)
}

func TestWycheproofPKCS1DecryptGivesNoMessageForBadPadding(t *testing.T) {
	n, decoys := 0, 0
	for _, size := range []string{"2048", "3072", "4096"} {
		var file mechtest.File[rsaGroup]
		mechtest.Wycheproof(t, "rsa_pkcs1_"+size+"_test.json", &file)
		for _, g := range file.TestGroups {
			k, err := parse(mech.Material{Type: key.TypeRSA, Secret: pkcs1Of(t, g.PrivateKeyPkcs8)}, false)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range g.Tests {
				n++
				m, err := once(row(t, key.MechRSAPKCS), mech.Decrypt, k, nil, c.Ct)
				if c.Valid() {
					if err != nil || !bytes.Equal(m, c.Msg) {
						t.Errorf("%s: tcId %d refused: %s", size, c.TCID, c.Comment)
					}
					continue
				}
				if err != nil {
					if !c.Flagged("InvalidCiphertextFormat") {
						t.Errorf("%s: tcId %d tells that the padding is bad: %v", size, c.TCID, err)
					}
					continue
				}
				decoys++
				if len(c.Msg) > 0 && bytes.Equal(m, c.Msg) {
					t.Errorf("%s: tcId %d: message of bad padding was given out", size, c.TCID)
				}
			}
		}
	}
	t.Logf("%d cases, %d decoys", n, decoys)
}

func TestKeysOfThreePrimesAreRefused(t *testing.T) {
	var file mechtest.File[rsaGroup]
	mechtest.Wycheproof(t, "rsa_three_primes_oaep_2048_sha1_mgf1sha1_test.json", &file)
	_, err := parse(mech.Material{Type: key.TypeRSA, Secret: pkcs1Of(t, file.TestGroups[0].PrivateKeyPkcs8)}, true)
	if fault.Of(err) != fault.Unsupported {
		t.Errorf("three primes: %v", err)
	}
}
