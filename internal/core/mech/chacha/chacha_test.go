// SPDX-License-Identifier: Apache-2.0

package chacha

import (
	"bytes"
	"errors"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

func load(t testing.TB, secret []byte) mech.Key {
	t.Helper()
	k, err := parse(mech.Material{Type: key.TypeChaCha20, Secret: secret}, true)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func param(fields ...[]byte) mech.Params {
	var w wire.Writer
	for _, f := range fields {
		w.Bytes(f)
	}
	return w.B
}

func once(use mech.Use, k mech.Key, p mech.Params, in []byte) ([]byte, error) {
	op, err := begin(use, k, p)
	if err != nil {
		return nil, err
	}
	return mech.OneShot(op, nil, in)
}

func TestChaCha20Poly1305PassesWycheproof(t *testing.T) {
	row := &Family.Rows[1]
	for _, name := range []string{"chacha20_poly1305_test.json", "xchacha20_poly1305_test.json"} {
		var file mechtest.File[struct {
			IVSize int
			Tests  []struct {
				mechtest.Case
				Key, IV, AAD, Msg, CT, Tag mechtest.Hex
			}
		}]
		mechtest.Wycheproof(t, name, &file)
		count := 0
		for _, g := range file.TestGroups {
			for _, c := range g.Tests {
				count++
				k, p := load(t, c.Key), param(c.IV, c.AAD)
				sealed := append(bytes.Clone(c.CT), c.Tag...)
				got, err := once(mech.Decrypt, k, p, sealed)
				byMessage, msgErr := k.(mech.AEAD).OpenMessage(row, param(c.IV), c.AAD, c.CT, c.Tag)
				if c.Invalid() {
					if err == nil || msgErr == nil || len(got) != 0 {
						t.Errorf("%s %d (%s): accepted", name, c.TCID, c.Comment)
					}
					continue
				}
				ct, sealErr := once(mech.Encrypt, k, p, c.Msg)
				_, mct, mtag, sealMsgErr := k.(mech.AEAD).SealMessage(row, param(c.IV), c.AAD, c.Msg)
				if err := errors.Join(err, msgErr, sealErr, sealMsgErr); err != nil {
					t.Errorf("%s %d (%s): %v", name, c.TCID, c.Comment, err)
					continue
				}
				if !bytes.Equal(got, c.Msg) || !bytes.Equal(byMessage, c.Msg) || !bytes.Equal(ct, sealed) ||
					!bytes.Equal(mct, c.CT) || !bytes.Equal(mtag, c.Tag) {
					t.Errorf("%s %d (%s): wrong answer", name, c.TCID, c.Comment)
				}
			}
		}
		if count != file.NumberOfTests {
			t.Errorf("%s: ran %d of %d", name, count, file.NumberOfTests)
		}
		t.Logf("%s: %d cases", name, count)
	}
}

func TestChaCha20NamesWhatIsWrong(t *testing.T) {
	k := load(t, make([]byte, 32))
	for _, p := range []mech.Params{nil, param(make([]byte, 12)), param(make([]byte, 8), nil), param(make([]byte, 13), nil), param(nil, nil),
		append(param(make([]byte, 12), nil), 0)} {
		if _, err := begin(mech.Encrypt, k, p); !errors.Is(err, fault.MechanismParamInvalid) {
			t.Errorf("parameter %x: %v", []byte(p), err)
		}
	}
	p := param(make([]byte, 12), nil)
	if _, err := once(mech.Decrypt, k, p, make([]byte, 15)); !errors.Is(err, fault.EncryptedDataLength) {
		t.Errorf("less than a tag: %v", err)
	}
	if _, err := once(mech.Decrypt, k, p, make([]byte, 16)); !errors.Is(err, fault.EncryptedDataInvalid) {
		t.Errorf("noise: %v", err)
	}
	a, row := k.(mech.AEAD), &Family.Rows[1]
	if _, err := a.OpenMessage(row, param(make([]byte, 12)), nil, nil, make([]byte, 16)); !errors.Is(err, fault.AEADFailed) {
		t.Errorf("message of noise: %v", err)
	}
	if _, err := a.OpenMessage(row, param(make([]byte, 12)), nil, nil, make([]byte, 12)); !errors.Is(err, fault.MechanismParamInvalid) {
		t.Errorf("short tag: %v", err)
	}
	if _, _, _, err := a.SealMessage(&Family.Rows[0], param(make([]byte, 12)), nil, nil); !errors.Is(err, fault.MechanismInvalid) {
		t.Errorf("another mechanism: %v", err)
	}
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := parse(mech.Material{Type: key.TypeChaCha20, Secret: make([]byte, n)}, true); !errors.Is(err, fault.KeySize) {
			t.Errorf("a key of %d bytes: %v", n, err)
		}
	}
}

func TestGeneratedKeysHave32Bytes(t *testing.T) {
	for n, want := range map[int]fault.Code{0: fault.OK, 32: fault.OK, 16: fault.KeySize} {
		m, err := generate(mech.GenSpec{Bits: n})
		if fault.Of(err) != want || err == nil && len(m.Secret) != 32 {
			t.Errorf("length %d: %d bytes, %v", n, len(m.Secret), err)
		}
	}
}

func FuzzParameters(f *testing.F) {
	f.Add([]byte(param(make([]byte, 12), []byte("aad"))), []byte("data"))
	f.Add([]byte(param(make([]byte, 24))), []byte("data"))
	k := load(f, make([]byte, 32))
	f.Fuzz(func(t *testing.T, p, data []byte) {
		if ct, err := once(mech.Encrypt, k, p, data); err == nil {
			if got, err := once(mech.Decrypt, k, p, ct); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%x comes back as %x, %v", data, got, err)
			}
		}
		k.(mech.AEAD).SealMessage(&Family.Rows[1], p, nil, data)
	})
}

func BenchmarkSeal1K(b *testing.B) {
	k, p, in, out := load(b, make([]byte, 32)), param(make([]byte, 12), nil), make([]byte, 1024), make([]byte, 0, 1100)
	b.SetBytes(1024)
	for b.Loop() {
		op, err := begin(mech.Encrypt, k, p)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := mech.OneShot(op, out, in); err != nil {
			b.Fatal(err)
		}
	}
}
