// SPDX-License-Identifier: Apache-2.0

package wycheproof

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
)

type rsaGroup struct {
	KeySize     int
	Sha, MgfSha string
	SLen        uint64
	PublicKey   struct{ Modulus, PublicExponent mechtest.Hex }
	PrivateKey  struct {
		Modulus, PublicExponent, PrivateExponent          mechtest.Hex
		Prime1, Prime2, Exponent1, Exponent2, Coefficient mechtest.Hex
		OtherPrimeInfos                                   []any
	}
	Tests []struct {
		mechtest.Case
		Msg, Sig, Ct, Label mechtest.Hex
	}
}

// number drops the sign byte of a Big integer, as PKCS #11 has them.
func number(b []byte) []byte { return bytes.TrimLeft(b, "\x00") }

func (g *rsaGroup) public() template {
	return publicKey(ckkRSA).with(ckaVerify, true).with(ckaModulus, number(g.PublicKey.Modulus)).
		with(ckaPublicExp, number(g.PublicKey.PublicExponent))
}

// private leaves out the primes of a key that has three: PKCS #11 has room for two.
func (g *rsaGroup) private(use uint64) template {
	p := &g.PrivateKey
	t := privateKey(ckkRSA).with(use, true).with(ckaModulus, number(p.Modulus)).with(ckaPublicExp, number(p.PublicExponent)).
		with(ckaPrivateExp, number(p.PrivateExponent))
	if len(p.Prime1) == 0 || len(p.OtherPrimeInfos) > 0 {
		return t
	}
	return t.with(ckaPrime1, number(p.Prime1)).with(ckaPrime2, number(p.Prime2)).with(ckaExponent1, number(p.Exponent1)).
		with(ckaExponent2, number(p.Exponent2)).with(ckaCoefficient, number(p.Coefficient))
}

var badRSAKey = []ckr{attributeValueInvalid, keySizeRange, templateInconsistent, templateIncomplete}

// truncated are the hashes without an RSA mechanism of their own: CKM_RSA_PKCS takes their DigestInfo (RFC 8017, 9.2).
var truncated = map[string]struct {
	info string
	sum  func([]byte) []byte
}{
	"SHA-512/224": {"302d300d06096086480165030402050500041c", func(b []byte) []byte { s := sha512.Sum512_224(b); return s[:] }},
	"SHA-512/256": {"3031300d060960864801650304020605000420", func(b []byte) []byte { s := sha512.Sum512_256(b); return s[:] }},
}

func runPKCS1Verify(r *run) {
	f := load[rsaGroup](r)
	for _, g := range f.TestGroups {
		k, rv := r.create(g.public())
		for _, c := range g.Tests {
			if rv != ok {
				r.judge(c.Case, rv, false, badRSAKey...)
				continue
			}
			m, msg, by := plain(digests[g.Sha].rsa), []byte(c.Msg), part(c.Case)
			if t, found := truncated[g.Sha]; found {
				info, _ := hex.DecodeString(t.info)
				m, msg, by = plain(ckmRSAPKCS), append(info, t.sum(c.Msg)...), 0
			}
			got, _ := r.ask(callVerify, k, m, msg, []byte(c.Sig), by)
			r.judge(c.Case, got, true, signatureInvalid, signatureLenRange)
		}
		r.drop(k)
	}
}

func runPKCS1Sign(r *run) {
	f := load[rsaGroup](r)
	for _, g := range f.TestGroups {
		k, made := r.create(g.private(ckaSign))
		for _, c := range g.Tests {
			if made != ok {
				r.judge(c.Case, made, false, badRSAKey...)
				continue
			}
			rv, got := r.ask(callSign, k, plain(digests[g.Sha].rsa), []byte(c.Msg), part(c.Case))
			r.result(c.Case, rv, got, c.Sig)
		}
		r.drop(k)
	}
}

func runPSS(r *run) {
	f := load[rsaGroup](r)
	for _, g := range f.TestGroups {
		hash, mgf := digests[g.Sha], digests[g.MgfSha].mgf
		if hash.pss == 0 || mgf == 0 {
			for range g.Tests {
				r.skip("no RSA-PSS with " + g.Sha + " and MGF1 with " + g.MgfSha + " in PKCS #11")
			}
			continue
		}
		k, made := r.create(g.public())
		m := shaped(hash.pss, 5, hash.id, mgf, g.SLen)
		for _, c := range g.Tests {
			if made != ok {
				r.judge(c.Case, made, false, badRSAKey...)
				continue
			}
			rv, _ := r.ask(callVerify, k, m, []byte(c.Msg), []byte(c.Sig), part(c.Case))
			r.judge(c.Case, rv, true, signatureInvalid, signatureLenRange)
		}
		r.drop(k)
	}
}

func runOAEP(r *run) {
	f := load[rsaGroup](r)
	for i, g := range f.TestGroups {
		if r.leave(i, len(g.Tests)) {
			continue
		}
		hash, mgf := digests[g.Sha], digests[g.MgfSha].mgf
		if hash.rsa == 0 || mgf == 0 {
			for range g.Tests {
				r.skip("OAEP with " + g.Sha + " and MGF1 with " + g.MgfSha + ": SHA-512/t not offered, or not in PKCS #11")
			}
			continue
		}
		k, made := r.create(g.private(ckaDecrypt))
		for _, c := range g.Tests {
			switch {
			case made == keySizeRange && g.KeySize < 2048:
				r.skip("private keys under 2048 bits are not offered")
				continue
			case made == attributeValueInvalid && len(g.PrivateKey.OtherPrimeInfos) > 0:
				r.skip("a key of three primes, for which PKCS #11 has no room")
				continue
			case made != ok:
				r.judge(c.Case, made, false, badRSAKey...)
				continue
			}
			rv, got := r.ask(callDecrypt, k, shaped(ckmRSAOAEP, 6, hash.id, mgf, []byte(c.Label)), []byte(c.Ct), uint32(0))
			r.result(c.Case, rv, got, c.Msg, encryptedInvalid, encryptedLenRange)
		}
		r.drop(k)
	}
}

// runPKCS1Decrypt: a ciphertext with bad padding is answered with bytes that depend on the ciphertext and the key alone
// (implicit rejection), so that nobody learns from the answer whether the padding was good.
func runPKCS1Decrypt(r *run) {
	f := load[rsaGroup](r)
	for i, g := range f.TestGroups {
		if r.leave(i, len(g.Tests)) {
			continue
		}
		k, made := r.create(g.private(ckaDecrypt))
		if made != ok {
			r.t.Fatalf("key refused: %v", made)
		}
		for _, c := range g.Tests {
			rv, got := r.ask(callDecrypt, k, plain(ckmRSAPKCS), []byte(c.Ct), uint32(0))
			if !c.Invalid() || rv != ok {
				r.result(c.Case, rv, got, c.Msg, encryptedInvalid, encryptedLenRange)
				continue
			}
			r.cases++
			_, again := r.ask(callDecrypt, k, plain(ckmRSAPKCS), []byte(c.Ct), uint32(0))
			if !bytes.Equal(got, again) || len(got) > g.KeySize/8-11 || strings.Contains(string(got), "Test") {
				r.t.Errorf("tcId %d (%s): bad padding is not answered by implicit rejection: %x, then %x", c.TCID, c.Comment, got, again)
			}
		}
		r.drop(k)
	}
}
