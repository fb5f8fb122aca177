// SPDX-License-Identifier: Apache-2.0

package mldsa

import (
	"bytes"
	"crypto/sha3"
	"encoding/binary"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

type dsaCase struct {
	mechtest.Case
	Msg, Sig, Ctx, Mu, Rnd mechtest.Hex
}

type dsaGroup struct {
	PrivateSeed, PrivateKey, PublicKey mechtest.Hex
	Tests                              []dsaCase
}

var setNames = map[string]key.ParamSet{"44": key.MLDSA44, "65": key.MLDSA65, "87": key.MLDSA87}

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

func params(id key.ParamSet) []byte { return binary.LittleEndian.AppendUint64(nil, uint64(id)) }

func private(id key.ParamSet, secret []byte) mech.Material {
	return mech.Material{Type: key.TypeMLDSA, Params: params(id), Secret: secret}
}

func public(id key.ParamSet, pk []byte) mech.Material {
	return mech.Material{Type: key.TypeMLDSA, Params: params(id), Public: pk}
}

// contextParam is a parameter for a deterministic signature, or a hedged one, with a context.
func contextParam(deterministic bool, context []byte) mech.Params {
	var w wire.Writer
	w.U64(1)
	if deterministic {
		w.U64(2)
	} else {
		w.U64(1)
	}
	w.Bytes(context)
	return w.B
}

func hashParam(deterministic bool, context []byte, h key.Hash) mech.Params {
	w := wire.Writer{B: contextParam(deterministic, context)[8:]}
	w.U64(uint64(h))
	return w.B
}

func sign(r *mech.Row, k mech.Key, p mech.Params, msg []byte) ([]byte, error) {
	op, err := r.Begin(mech.Sign, k, p)
	if err != nil {
		return nil, err
	}
	if _, err := op.Update(nil, msg); err != nil {
		return nil, err
	}
	return op.Final(nil)
}

func verify(r *mech.Row, k mech.Key, p mech.Params, msg, sig []byte) error {
	v, err := r.BeginVerify(k, p)
	if err != nil {
		return err
	}
	if _, err := v.Update(nil, msg); err != nil {
		return err
	}
	return v.Verify(sig)
}

func TestWycheproofSignFromSeedAndFromExpandedKey(t *testing.T) {
	n, skipped := 0, 0
	r := row(t, key.MechMLDSA)
	for name, id := range setNames {
		for _, kind := range []string{"seed", "noseed"} {
			var file mechtest.File[dsaGroup]
			mechtest.Wycheproof(t, "mldsa_"+name+"_sign_"+kind+"_test.json", &file)
			for _, g := range file.TestGroups {
				k, err := parse(private(id, append(append([]byte{}, g.PrivateSeed...), g.PrivateKey...)), true)
				for _, c := range g.Tests {
					// Cases with mu or given randomness only reach interfaces that we do not have.
					if c.Flagged("Internal") || len(c.Rnd) > 0 {
						skipped++
						continue
					}
					n++
					var sig []byte
					signErr := err
					if err == nil {
						sig, signErr = sign(r, k, contextParam(true, c.Ctx), c.Msg)
					}
					if ok := signErr == nil && bytes.Equal(sig, c.Sig); ok != c.Valid() {
						t.Errorf("%s %s: tcId %d: %v: %s", name, kind, c.TCID, signErr, c.Comment)
					}
					if c.Valid() && err == nil && !bytes.Equal(k.(*dsaKey).public.Bytes(), g.PublicKey) && len(g.PublicKey) > 0 && kind == "seed" {
						t.Errorf("%s %s: tcId %d: public key", name, kind, c.TCID)
					}
				}
			}
		}
	}
	t.Logf("%d cases, %d left out (external representative or given randomness)", n, skipped)
}

// Every case is verified twice: by the library, and by verify.go from the representative of the same message.
func TestWycheproofVerifyByBothVerifiers(t *testing.T) {
	n := 0
	r := row(t, key.MechMLDSA)
	for name, id := range setNames {
		var file mechtest.File[dsaGroup]
		mechtest.Wycheproof(t, "mldsa_"+name+"_verify_test.json", &file)
		for _, g := range file.TestGroups {
			k, err := parse(public(id, g.PublicKey), true)
			for _, c := range g.Tests {
				n++
				if err != nil {
					if c.Valid() {
						t.Errorf("%s: tcId %d: %v", name, c.TCID, err)
					}
					continue
				}
				ok := verify(r, k, contextParam(false, c.Ctx), c.Msg, c.Sig) == nil
				if ok != c.Valid() {
					t.Errorf("%s: tcId %d: accepted %v: %s", name, c.TCID, ok, c.Comment)
				}
				d := k.(*dsaKey)
				if len(c.Ctx) > 255 || len(c.Sig) != d.set.params.SignatureSize() {
					continue
				}
				m := append(append([]byte{0, byte(len(c.Ctx))}, c.Ctx...), c.Msg...)
				if own := d.set.verify(g.PublicKey, d.representative(m), c.Sig); own != c.Valid() {
					t.Errorf("%s: tcId %d: verify.go accepted %v: %s", name, c.TCID, own, c.Comment)
				}
			}
		}
	}
	t.Logf("%d cases", n)
}

func TestHashMLDSAVectors(t *testing.T) {
	for i, v := range append([]kat{hashed44, hashed65, hashed87}, hashedVectors...) {
		if err := castHashed(v, false); err != nil {
			t.Errorf("vector %d: %v", i, err)
		}
	}
	t.Logf("%d vectors", 3+len(hashedVectors))
}

func TestHashedAndDigestMechanismsAgree(t *testing.T) {
	msg := []byte("message")
	for id := range setNames {
		m, err := generate(mech.GenSpec{Params: params(setNames[id])})
		if err != nil {
			t.Fatal(err)
		}
		k, _ := parse(m, false)
		pub, _ := parse(public(setNames[id], m.Public), true)
		for _, p := range prehashes {
			for _, deterministic := range []bool{true, false} {
				sig, err := sign(row(t, p.mechanism), k, contextParam(deterministic, []byte("c")), msg)
				if err != nil {
					t.Fatalf("%s: %v", p.name, err)
				}
				if err := verify(row(t, p.mechanism), pub, contextParam(false, []byte("c")), msg, sig); err != nil {
					t.Errorf("%s: %v", p.name, err)
				}
				if err := verify(row(t, p.mechanism), pub, contextParam(false, []byte("d")), msg, sig); fault.Of(err) != fault.SignatureInvalid {
					t.Errorf("%s: another context: %v", p.name, err)
				}
				if err := verify(row(t, key.MechMLDSA), pub, contextParam(false, []byte("c")), msg, sig); err == nil {
					t.Errorf("%s: verified as pure", p.name)
				}
				if p.hash == 0 {
					continue
				}
				h := p.new()
				h.Write(msg)
				digest := h.Sum(nil)
				if err := verify(row(t, key.MechHashMLDSA), pub, hashParam(false, []byte("c"), p.hash), digest, sig); err != nil {
					t.Errorf("%s as digest: %v", p.name, err)
				}
				again, err := sign(row(t, key.MechHashMLDSA), k, hashParam(deterministic, []byte("c"), p.hash), digest)
				if err != nil || bytes.Equal(again, sig) != deterministic {
					t.Errorf("%s: deterministic %v, equal %v, %v", p.name, deterministic, bytes.Equal(again, sig), err)
				}
				if _, err := sign(row(t, key.MechHashMLDSA), k, hashParam(false, nil, p.hash), digest[1:]); fault.Of(err) != fault.DataLength {
					t.Errorf("%s: short digest: %v", p.name, err)
				}
			}
		}
		if _, err := sign(row(t, key.MechHashMLDSA), k, hashParam(false, nil, key.MechSHA1), nil); fault.Of(err) != fault.MechanismParamInvalid {
			t.Errorf("SHA-1: %v", err)
		}
	}
}

func TestRunningHashesCanBeCopied(t *testing.T) {
	k, err := parse(kat44.material(), false)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range prehashes {
		op, err := p.begin(mech.Sign, k, contextParam(true, nil))
		if err != nil {
			t.Fatal(err)
		}
		op.Update(nil, []byte("me"))
		other, err := op.(mech.Cloner).CloneOp()
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
			continue
		}
		op.Update(nil, []byte("ssage"))
		other.(mech.Op).Update(nil, []byte("ssage"))
		a, _ := op.Final(nil)
		b, err := other.(mech.Op).Final(nil)
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: the copy signs otherwise, %v", p.name, err)
		}
	}
}

func TestExpandedKeysSignWhatTheirSeedsSign(t *testing.T) {
	for _, id := range setNames {
		m, _ := generate(mech.GenSpec{Params: params(id)})
		sk, err := Expand(m)
		if err != nil {
			t.Fatal(err)
		}
		k, err := parse(mech.Material{Type: m.Type, Params: m.Params, Public: m.Public, Secret: sk}, true)
		if err != nil {
			t.Fatal(err)
		}
		seeded, _ := parse(m, true)
		a, err1 := sign(row(t, key.MechMLDSA), k, contextParam(true, []byte("c")), []byte("m"))
		b, err2 := sign(row(t, key.MechMLDSA), seeded, contextParam(true, []byte("c")), []byte("m"))
		if err1 != nil || err2 != nil || !bytes.Equal(a, b) {
			t.Errorf("set %d: %v, %v", id, err1, err2)
		}
		if _, err := sign(row(t, key.MechHashMLDSASHA256), k, nil, nil); fault.Of(err) != fault.Unsupported {
			t.Errorf("set %d: HashML-DSA: %v", id, err)
		}
		for _, at := range []int{3, 70, 200} { // rho, tr, s1
			bad := bytes.Clone(sk)
			bad[at] ^= 1
			if _, err := parse(private(id, bad), true); err == nil {
				t.Errorf("set %d: accepted with byte %d changed", id, at)
			}
		}
	}
}

func TestGeneratedPairsPassImport(t *testing.T) {
	for _, id := range setNames {
		m, err := generate(mech.GenSpec{Params: params(id)})
		if err != nil {
			t.Fatal(err)
		}
		if err := pairwise(m); err != nil {
			t.Error(err)
		}
		if _, err := parse(m, true); err != nil {
			t.Errorf("import: %v", err)
		}
		if pub, err := publicOf(m); err != nil || !bytes.Equal(pub.Public, m.Public) {
			t.Errorf("public half: %v", err)
		}
		other, _ := generate(mech.GenSpec{Params: params(id)})
		m.Public = other.Public
		if _, err := parse(m, true); fault.Of(err) != fault.AttributeValueInvalid {
			t.Errorf("halves of two keys: %v", err)
		}
		if err := pairwise(m); fault.Of(err) != fault.PairwiseFailed {
			t.Errorf("pairwise of two keys: %v", err)
		}
	}
	if _, err := generate(mech.GenSpec{Params: params(9)}); fault.Of(err) != fault.ParameterSetUnknown {
		t.Errorf("set 9: %v", err)
	}
}

func TestTransformIsInvertible(t *testing.T) {
	var p poly
	h := sha3.NewSHAKE128()
	h.Write([]byte("seed"))
	for i := range p {
		var b [4]byte
		h.Read(b[:])
		p[i] = binary.LittleEndian.Uint32(b[:]) % q
	}
	r := p
	r.ntt()
	r.inverse()
	if r != p {
		t.Error("inverse(ntt(p)) is not p")
	}
}

func TestEachSelfTestCanFail(t *testing.T) {
	for _, s := range selfTests {
		if err := s.Run(false); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if err := s.Run(true); fault.Of(err) != fault.SelfTestFailed {
			t.Errorf("%s: broken, and answers %v", s.Name, err)
		}
	}
}

// The two verifiers must agree on any bytes.
func FuzzVerify(f *testing.F) {
	k, err := parse(kat44.material(), false)
	if err != nil {
		f.Fatal(err)
	}
	d := k.(*dsaKey)
	sig, _ := d.sign(mech.SignContext{}, []byte("m"))
	f.Add(sig, []byte("m"))
	f.Add(bytes.Repeat([]byte{0xFF}, len(sig)), []byte{})
	f.Fuzz(func(t *testing.T, sig, msg []byte) {
		if len(sig) != d.set.params.SignatureSize() {
			return
		}
		library := d.verify(mech.SignContext{}, msg, sig) == nil
		if own := d.set.verify(d.public.Bytes(), d.representative(append([]byte{0, 0}, msg...)), sig); own != library {
			t.Errorf("library %v, verify.go %v", library, own)
		}
	})
}

func FuzzParse(f *testing.F) {
	m := kat44.material()
	sk, _ := Expand(m)
	pub, _ := publicOf(m)
	f.Add(m.Params, pub.Public, m.Secret)
	f.Add(m.Params, []byte{}, sk)
	f.Add(m.Params, pub.Public, []byte{})
	f.Fuzz(func(t *testing.T, params, public, secret []byte) {
		m := mech.Material{Type: key.TypeMLDSA, Params: params}
		if len(public) > 0 {
			m.Public = public
		}
		if len(secret) > 0 {
			m.Secret = secret
		}
		if k, err := parse(m, true); err == nil && k.Private() {
			if err := k.(*dsaKey).try(); err != nil {
				t.Error(err)
			}
		}
	})
}

func BenchmarkSign(b *testing.B) {
	for _, v := range []kat{kat44, kat65, kat87} {
		m := v.material()
		k, err := parse(m, false)
		if err != nil {
			b.Fatal(err)
		}
		name := k.(*dsaKey).set.params.String()
		b.Run(name+"/fast", func(b *testing.B) {
			for b.Loop() {
				sign(row(b, key.MechMLDSA), k, nil, []byte("m"))
			}
		})
		b.Run(name+"/strict", func(b *testing.B) {
			for b.Loop() {
				ssp.Do(func() {
					k, _ := parse(m, false)
					sign(row(b, key.MechMLDSA), k, nil, []byte("m"))
				})
			}
		})
	}
}
