// SPDX-License-Identifier: Apache-2.0

package slhdsa

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

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

func sign(r *mech.Row, k mech.Key, p mech.Params, msg []byte) ([]byte, error) {
	op, err := r.Begin(mech.Sign, k, p)
	if err != nil {
		return nil, err
	}
	for _, part := range [][]byte{msg[:len(msg)/2], msg[len(msg)/2:]} {
		if _, err := op.Update(nil, part); err != nil {
			return nil, err
		}
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

// acvp reads one of the ACVP files of NIST that circl's own tests carry in the module's folder.
func acvp(t *testing.T, name string, v any) {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/cloudflare/circl").Output()
	if err != nil {
		t.Skip("the go command cannot tell where circl's ACVP vectors are")
	}
	f, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "sign", "slhdsa", "testdata", name+".json.gz"))
	if err != nil {
		t.Skip("circl's ACVP vectors are absent: " + name)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(v); err != nil {
		t.Fatal(err)
	}
}

type acvpFile struct {
	TestGroups []struct {
		ParameterSet, SignatureInterface, PreHash string
		Deterministic                             bool
		Tests                                     []struct {
			TcID                                                       int
			SK, PK, SkSeed, SkPrf, PkSeed, Message, Context, Signature mechtest.Hex
			HashAlg                                                    string
			TestPassed                                                 bool
		}
	}
}

var hashRows = map[string]key.Mechanism{
	"SHA2-224": key.MechHashSLHDSASHA224, "SHA2-256": key.MechHashSLHDSASHA256, "SHA2-384": key.MechHashSLHDSASHA384,
	"SHA2-512": key.MechHashSLHDSASHA512, "SHA3-224": key.MechHashSLHDSASHA3224, "SHA3-256": key.MechHashSLHDSASHA3256,
	"SHA3-384": key.MechHashSLHDSASHA3384, "SHA3-512": key.MechHashSLHDSASHA3512,
	"SHAKE-128": key.MechHashSLHDSASHAKE128, "SHAKE-256": key.MechHashSLHDSASHAKE256, "": key.MechSLHDSA,
}

func findByName(t testing.TB, name string) *set {
	for _, s := range sets {
		if s.id.String() == name {
			return s
		}
	}
	t.Fatalf("no set %s", name)
	return nil
}

func TestACVPKeysComeFromTheirSeeds(t *testing.T) {
	var prompt, results acvpFile
	acvp(t, "keyGen_prompt", &prompt)
	acvp(t, "keyGen_results", &results)
	n := 0
	for i, g := range prompt.TestGroups {
		s := findByName(t, g.ParameterSet)
		for j, c := range g.Tests {
			if strings.HasSuffix(g.ParameterSet, "s") && j > 0 {
				continue // a small set's key takes 50 ms and more
			}
			want := results.TestGroups[i].Tests[j]
			m := mech.Material{Type: key.TypeSLHDSA, Params: params(s.param), Public: want.PK, Secret: want.SK}
			if _, err := parse(m, true); err != nil || !bytes.HasPrefix(want.SK, append(append(c.SkSeed, c.SkPrf...), c.PkSeed...)) {
				t.Errorf("%s: tcId %d: %v", g.ParameterSet, c.TcID, err)
			}
			n++
		}
	}
	t.Logf("%d cases", n)
}

// Signing with a small set takes a second, so of those one case is signed and the rest only verified.
func TestACVPSignatures(t *testing.T) {
	var prompt, results acvpFile
	acvp(t, "sigGen_prompt", &prompt)
	acvp(t, "sigGen_results", &results)
	signed, verified := 0, 0
	for i, g := range prompt.TestGroups {
		if g.SignatureInterface != "external" {
			continue
		}
		s := findByName(t, g.ParameterSet)
		fast := strings.HasSuffix(g.ParameterSet, "f")
		for j, c := range g.Tests {
			id, ok := hashRows[c.HashAlg]
			if !ok {
				continue // SHA-512/224 and SHA-512/256 have no mechanism
			}
			k, err := parse(mech.Material{Type: key.TypeSLHDSA, Params: params(s.param), Secret: c.SK}, false)
			if err != nil {
				t.Fatalf("%s: tcId %d: %v", g.ParameterSet, c.TcID, err)
			}
			want := results.TestGroups[i].Tests[j].Signature
			if err := verify(row(t, id), k, contextParam(false, c.Context), c.Message, want); err != nil {
				t.Errorf("%s: tcId %d: verify: %v", g.ParameterSet, c.TcID, err)
			}
			verified++
			if !g.Deterministic || !fast && !(j == 0 && g.PreHash == "pure" && strings.Contains(g.ParameterSet, "128")) || fast && j >= 2 {
				continue
			}
			got, err := sign(row(t, id), k, contextParam(true, c.Context), c.Message)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: tcId %d: signature differs, %v", g.ParameterSet, c.TcID, err)
			}
			signed++
		}
	}
	t.Logf("%d signed, %d verified", signed, verified)
}

func TestACVPVerification(t *testing.T) {
	var prompt, results acvpFile
	acvp(t, "verify_prompt", &prompt)
	acvp(t, "verify_results", &results)
	n := 0
	for i, g := range prompt.TestGroups {
		if g.SignatureInterface != "external" {
			continue
		}
		s := findByName(t, g.ParameterSet)
		for j, c := range g.Tests {
			id, ok := hashRows[c.HashAlg]
			if !ok {
				continue
			}
			k, err := parse(mech.Material{Type: key.TypeSLHDSA, Params: params(s.param), Public: c.PK}, true)
			if err != nil {
				t.Fatalf("%s: tcId %d: %v", g.ParameterSet, c.TcID, err)
			}
			got := verify(row(t, id), k, contextParam(false, c.Context), c.Message, c.Signature) == nil
			if got != results.TestGroups[i].Tests[j].TestPassed {
				t.Errorf("%s: tcId %d: accepted %v", g.ParameterSet, c.TcID, got)
			}
			n++
		}
	}
	t.Logf("%d cases", n)
}

func TestGeneratedPairsPassImport(t *testing.T) {
	for _, s := range sets {
		if strings.HasSuffix(s.id.String(), "s") && s.n > 16 {
			continue // seconds each
		}
		m, err := generate(mech.GenSpec{Params: params(s.param)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(m, true); err != nil {
			t.Errorf("%v: import: %v", s.id, err)
		}
		if err := pairwise(m); err != nil {
			t.Errorf("%v: %v", s.id, err)
		}
		if pub, err := publicOf(m); err != nil || !bytes.Equal(pub.Public, m.Public) {
			t.Errorf("%v: public half: %v", s.id, err)
		}
		bad := bytes.Clone(m.Secret)
		bad[0] ^= 1 // the root belongs to another seed now
		if _, err := parse(mech.Material{Type: m.Type, Params: m.Params, Secret: bad}, true); fault.Of(err) != fault.AttributeValueInvalid {
			t.Errorf("%v: seed of another key: %v", s.id, err)
		}
		m.Public = bytes.Clone(m.Public)
		m.Public[0] ^= 1
		if _, err := parse(m, true); fault.Of(err) != fault.AttributeValueInvalid {
			t.Errorf("%v: halves of two keys: %v", s.id, err)
		}
		if strings.HasSuffix(s.id.String(), "f") && s.n == 16 {
			if err := pairwise(m); fault.Of(err) != fault.PairwiseFailed {
				t.Errorf("%v: pairwise of two keys: %v", s.id, err)
			}
		}
	}
	if _, err := generate(mech.GenSpec{Params: params(13)}); fault.Of(err) != fault.ParameterSetUnknown {
		t.Errorf("set 13: %v", err)
	}
}

func TestSignaturesAreHedgedByDefault(t *testing.T) {
	m, _ := generate(mech.GenSpec{Params: params(key.SLHDSASHA2128f)})
	k, _ := parse(m, false)
	r := row(t, key.MechHashSLHDSASHA256)
	a, err := sign(r, k, nil, []byte("m"))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := sign(r, k, nil, []byte("m"))
	if bytes.Equal(a, b) {
		t.Error("two hedged signatures are equal")
	}
	if err := verify(row(t, key.MechSLHDSA), k, nil, []byte("m"), a); fault.Of(err) != fault.SignatureInvalid {
		t.Errorf("pre-hashed verified as pure: %v", err)
	}
	if err := verify(r, k, nil, []byte("m"), a[1:]); fault.Of(err) != fault.SignatureLength {
		t.Errorf("short: %v", err)
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

func FuzzVerify(f *testing.F) {
	k, err := parse(mech.Material{Type: key.TypeSLHDSA, Params: params(katSHA2128f.set), Secret: mech.Hex(katSHA2128f.secret)}, false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(contextParam(true, []byte("c"))), []byte("m"), make([]byte, 17088))
	f.Fuzz(func(t *testing.T, p, msg, sig []byte) {
		for _, r := range Family.Rows {
			if r.BeginVerify != nil && verify(&r, k, p, msg, sig) == nil {
				t.Errorf("%s: forged", r.Name)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(params(katSHA2128f.set), []byte{}, mech.Hex(katSHA2128f.secret))
	f.Add(params(katSHAKE128f.set), mech.Hex(katSHAKE128f.secret)[32:], []byte{})
	f.Fuzz(func(t *testing.T, params, public, secret []byte) {
		m := mech.Material{Type: key.TypeSLHDSA, Params: params}
		if len(public) > 0 {
			m.Public = public
		}
		if len(secret) > 0 {
			m.Secret = secret
		}
		k, err := parse(m, false)
		if err != nil {
			return
		}
		pk, err := k.(*slhKey).public.MarshalBinary()
		if err != nil || m.Public != nil && !bytes.Equal(pk, m.Public) {
			t.Errorf("the public key does not come back: %v", err)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	for _, v := range []kat{katSHA2128f, katSHAKE128f} {
		m := mech.Material{Type: key.TypeSLHDSA, Params: params(v.set), Secret: mech.Hex(v.secret)}
		k, err := parse(m, false)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(k.(*slhKey).set.id.String()+"/fast", func(b *testing.B) {
			for b.Loop() {
				sign(row(b, key.MechSLHDSA), k, nil, []byte("m"))
			}
		})
		b.Run(k.(*slhKey).set.id.String()+"/strict", func(b *testing.B) {
			for b.Loop() {
				ssp.Do(func() {
					k, _ := parse(m, false)
					sign(row(b, key.MechSLHDSA), k, nil, []byte("m"))
				})
			}
		})
	}
}
