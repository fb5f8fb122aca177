// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"bytes"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func load(t testing.TB, secret []byte) mech.Key {
	t.Helper()
	k, err := parse(mech.Material{Type: key.TypeAES, Secret: secret}, true)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func once(begin beginner, use mech.Use, k mech.Key, p mech.Params, in []byte) ([]byte, error) {
	op, err := begin(use, k, p)
	if err != nil {
		return nil, err
	}
	return mech.OneShot(op, nil, in)
}

// inParts runs the same operation by C_*Update calls of a few bytes.
func inParts(begin beginner, use mech.Use, k mech.Key, p mech.Params, in []byte) ([]byte, error) {
	op, err := begin(use, k, p)
	if err != nil {
		return nil, err
	}
	var out []byte
	for len(in) > 0 {
		n := min(7, len(in))
		if out, err = op.Update(out, in[:n]); err != nil {
			return nil, err
		}
		in = in[n:]
	}
	return op.Final(out)
}

func encode(f func(w *wire.Writer)) mech.Params {
	var w wire.Writer
	f(&w)
	return w.B
}

type aeadGroup struct {
	TagSize int
	Tests   []struct {
		mechtest.Case
		Key, IV, AAD, Msg, CT, Tag mechtest.Hex
	}
}

func TestAEADPassesWycheproof(t *testing.T) {
	for _, f := range []struct {
		name  string
		begin beginner
		row   key.Mechanism
	}{{"aes_gcm_test.json", beginGCM, key.MechAESGCM}, {"aes_ccm_test.json", beginCCM, key.MechAESCCM}} {
		var file mechtest.File[aeadGroup]
		mechtest.Wycheproof(t, f.name, &file)
		count := 0
		for _, g := range file.TestGroups {
			for _, c := range g.Tests {
				count++
				tagBits := uint64(g.TagSize)
				p := encode(func(w *wire.Writer) { w.Bytes(c.IV); w.U64(0); w.Bytes(c.AAD); w.U64(tagBits) })
				msg := encode(func(w *wire.Writer) { w.Bytes(c.IV); w.U64(0); w.U64(noGenerate); w.U64(tagBits) })
				if f.row == key.MechAESCCM {
					p = encode(func(w *wire.Writer) {
						w.U64(uint64(len(c.CT)))
						w.Bytes(c.IV)
						w.Bytes(c.AAD)
						w.U64(tagBits / 8)
					})
					msg = encode(func(w *wire.Writer) {
						w.U64(uint64(len(c.CT)))
						w.Bytes(c.IV)
						w.U64(0)
						w.U64(noGenerate)
						w.U64(tagBits / 8)
					})
				}
				k := load(t, c.Key)
				sealed := append(bytes.Clone(c.CT), c.Tag...)
				got, openErr := once(f.begin, mech.Decrypt, k, p, sealed)
				byMessage, msgErr := k.(mech.AEAD).OpenMessage(&mech.Row{ID: f.row}, msg, c.AAD, c.CT, c.Tag)
				if c.Invalid() {
					if openErr == nil || msgErr == nil || len(got) != 0 {
						t.Errorf("%s %d (%s): accepted", f.name, c.TCID, c.Comment)
					}
					continue
				}
				ct, sealErr := once(f.begin, mech.Encrypt, k, p, c.Msg)
				parts, partsErr := inParts(f.begin, mech.Encrypt, k, p, c.Msg)
				back, backErr := inParts(f.begin, mech.Decrypt, k, p, sealed)
				if openErr != nil || msgErr != nil || sealErr != nil || partsErr != nil || backErr != nil {
					t.Errorf("%s %d (%s): %v %v %v %v %v", f.name, c.TCID, c.Comment, openErr, msgErr, sealErr, partsErr, backErr)
					continue
				}
				if !bytes.Equal(got, c.Msg) || !bytes.Equal(byMessage, c.Msg) || !bytes.Equal(back, c.Msg) ||
					!bytes.Equal(ct, sealed) || !bytes.Equal(parts, sealed) {
					t.Errorf("%s %d (%s): wrong answer", f.name, c.TCID, c.Comment)
				}
			}
		}
		if count != file.NumberOfTests {
			t.Errorf("%s: ran %d of %d", f.name, count, file.NumberOfTests)
		}
		t.Logf("%s: %d cases", f.name, count)
	}
}

func TestPaddedCBCPassesWycheproof(t *testing.T) {
	var file mechtest.File[struct {
		Tests []struct {
			mechtest.Case
			Key, IV, Msg, CT mechtest.Hex
		}
	}]
	mechtest.Wycheproof(t, "aes_cbc_pkcs5_test.json", &file)
	count := 0
	for _, g := range file.TestGroups {
		for _, c := range g.Tests {
			count++
			k := load(t, c.Key)
			p := encode(func(w *wire.Writer) { w.Bytes(c.IV) })
			got, err := once(beginCBCPad, mech.Decrypt, k, p, c.CT)
			if c.Invalid() {
				if err == nil {
					t.Errorf("%d (%s): accepted", c.TCID, c.Comment)
				}
				continue
			}
			ct, sealErr := once(beginCBCPad, mech.Encrypt, k, p, c.Msg)
			if err != nil || sealErr != nil || !bytes.Equal(got, c.Msg) || !bytes.Equal(ct, c.CT) {
				t.Errorf("%d (%s): %x %v %v", c.TCID, c.Comment, got, err, sealErr)
			}
		}
	}
	if count != file.NumberOfTests {
		t.Errorf("ran %d of %d", count, file.NumberOfTests)
	}
	t.Logf("aes_cbc_pkcs5_test.json: %d cases", count)
}

func TestMACsPassWycheproof(t *testing.T) {
	type group struct {
		TagSize int
		Tests   []struct {
			mechtest.Case
			Key, IV, Msg, Tag mechtest.Hex
		}
	}
	for _, name := range []string{"aes_cmac_test.json", "aes_gmac_test.json"} {
		var file mechtest.File[group]
		mechtest.Wycheproof(t, name, &file)
		count := 0
		for _, g := range file.TestGroups {
			for _, c := range g.Tests {
				count++
				k, err := parse(mech.Material{Type: key.TypeAES, Secret: c.Key}, true)
				if err != nil {
					if c.Valid() {
						t.Errorf("%s %d (%s): key refused", name, c.TCID, c.Comment)
					}
					continue
				}
				sign, verify := signCMACGeneral, verifyCMACGeneral
				p := encode(func(w *wire.Writer) { w.U64(uint64(g.TagSize / 8)) })
				if name == "aes_gmac_test.json" {
					sign, verify = signGMAC, verifyGMAC
					p = encode(func(w *wire.Writer) { w.Bytes(c.IV); w.U64(0); w.Bytes(nil); w.U64(uint64(g.TagSize)) })
				}
				v, err := verify(k, p)
				if err == nil {
					if _, err = v.Update(nil, c.Msg); err == nil {
						err = v.Verify(c.Tag)
					}
				}
				if c.Valid() != (err == nil) {
					t.Errorf("%s %d (%s): %v", name, c.TCID, c.Comment, err)
				}
				if !c.Valid() {
					continue
				}
				if got, err := once(sign, mech.Sign, k, p, c.Msg); err != nil || !bytes.Equal(got, c.Tag) {
					t.Errorf("%s %d (%s): got %x, %v", name, c.TCID, c.Comment, got, err)
				}
			}
		}
		if count != file.NumberOfTests {
			t.Errorf("%s: ran %d of %d", name, count, file.NumberOfTests)
		}
		t.Logf("%s: %d cases", name, count)
	}
}
