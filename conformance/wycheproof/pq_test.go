// SPDX-License-Identifier: Apache-2.0

package wycheproof

import (
	"bytes"
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
)

// parameterSet is CKA_PARAMETER_SET of the file's keys.
func (r *run) parameterSet() int {
	for name, set := range map[string]int{"mlkem_512": 1, "mlkem_768": 2, "mlkem_1024": 3, "mldsa_44": 1, "mldsa_65": 2, "mldsa_87": 3} {
		if strings.HasPrefix(r.name, name+"_") {
			return set
		}
	}
	r.t.Fatal("no parameter set in the file's name")
	return 0
}

type mlkemGroup struct {
	Tests []struct {
		mechtest.Case
		Seed, EK, DK, C, M, K mechtest.Hex
	}
}

// badPQKey are the answers to a key of the wrong length; one of no bytes counts as none.
var badPQKey = []ckr{attributeValueInvalid, templateInconsistent, templateIncomplete, keySizeRange}

// shared is the template of what encapsulation and decapsulation agree upon.
var shared = readable(ckkGeneric).with(ckaValueLen, 32)

func (r *run) mlkemPrivate(attr uint64, value []byte) template {
	return privateKey(ckkMLKEM).with(ckaParameterSet, r.parameterSet()).with(ckaDecapsulate, true).with(attr, value)
}

// runMLKEMDecaps has keys as seeds, and as expanded keys in the "semi expanded" files.
func runMLKEMDecaps(r *run) {
	f := load[mlkemGroup](r)
	for _, g := range f.TestGroups {
		for _, c := range g.Tests {
			attr, value := uint64(ckaSeed), []byte(c.Seed)
			if strings.Contains(r.name, "semi_expanded") {
				attr, value = ckaValue, c.DK
			}
			k, rv := r.create(r.mlkemPrivate(attr, value))
			if rv != ok {
				r.judge(c.Case, rv, false, badPQKey...)
				continue
			}
			var got []byte
			h, rv, _ := r.make(callDecapsulate, k, plain(ckmMLKEM), []byte(c.C), shared)
			if rv == ok {
				rv, got = r.value(h)
			}
			r.result(c.Case, rv, got, c.K, encryptedLenRange, encryptedInvalid, wrappedKeyLenRange, wrappedKeyInvalid, mechanismParamInvalid)
			r.drop(h, k)
		}
	}
}

// runMLKEMSeed reads the expanded key of a seed back.
func runMLKEMSeed(r *run) {
	f := load[mlkemGroup](r)
	for _, g := range f.TestGroups {
		for _, c := range g.Tests {
			var got []byte
			k, rv := r.create(r.mlkemPrivate(ckaSeed, c.Seed))
			if rv == ok {
				rv, got = r.value(k)
			}
			r.result(c.Case, rv, got, c.DK, badPQKey...)
			r.drop(k)
		}
	}
}

// runMLKEMEncaps: PKCS #11 does not let the caller choose m, so of a valid case the test learns that the key is
// taken and the ciphertext has its length.
func runMLKEMEncaps(r *run) {
	f := load[mlkemGroup](r)
	for _, g := range f.TestGroups {
		for _, c := range g.Tests {
			k, rv := r.create(publicKey(ckkMLKEM).with(ckaParameterSet, r.parameterSet()).with(ckaEncapsulate, true).with(ckaValue, []byte(c.EK)))
			if rv != ok {
				r.judge(c.Case, rv, false, badPQKey...)
				continue
			}
			h, rv, ct := r.make(callEncapsulate, k, plain(ckmMLKEM), shared)
			r.judge(c.Case, rv, len(ct) == len(c.C))
			r.drop(h, k)
		}
	}
}

type mldsaGroup struct {
	PublicKey, PrivateKey, PrivateSeed mechtest.Hex
	Tests                              []struct {
		mechtest.Case
		Msg, Ctx, Mu, Sig, Rnd mechtest.Hex
	}
}

func (r *run) mldsaPublic(value []byte) template {
	return publicKey(ckkMLDSA).with(ckaParameterSet, r.parameterSet()).with(ckaVerify, true).with(ckaValue, value)
}

func mldsa(ctx []byte, hedge uint64) mechanism {
	if len(ctx) == 0 && hedge == 0 {
		return plain(ckmMLDSA)
	}
	return shaped(ckmMLDSA, 12, hedge, ctx)
}

func runMLDSAVerify(r *run) {
	f := load[mldsaGroup](r)
	for _, g := range f.TestGroups {
		k, made := r.create(r.mldsaPublic(g.PublicKey))
		for _, c := range g.Tests {
			if made != ok {
				r.judge(c.Case, made, false, badPQKey...)
				continue
			}
			rv, _ := r.ask(callVerify, k, mldsa(c.Ctx, 0), []byte(c.Msg), []byte(c.Sig), part(c.Case))
			r.judge(c.Case, rv, true, signatureInvalid, signatureLenRange, mechanismParamInvalid)
		}
		r.drop(k)
	}
}

// runMLDSASign signs deterministically; what the vectors signed with randomness, and what they give as mu, is verified or left out.
func runMLDSASign(r *run) {
	f := load[mldsaGroup](r)
	for _, g := range f.TestGroups {
		attr, value := uint64(ckaSeed), []byte(g.PrivateSeed)
		if strings.HasSuffix(r.name, "_noseed_test.json") {
			attr, value = ckaValue, g.PrivateKey
		}
		k, made := r.create(privateKey(ckkMLDSA).with(ckaParameterSet, r.parameterSet()).with(ckaSign, true).with(attr, value))
		for _, c := range g.Tests {
			switch {
			case c.Flagged("Internal"):
				r.skip("mu given in place of the message: not in PKCS #11")
			case made != ok:
				r.judge(c.Case, made, false, badPQKey...)
			case c.Flagged("Randomized"):
				pub, _ := r.create(r.mldsaPublic(g.PublicKey))
				rv, _ := r.ask(callVerify, pub, mldsa(c.Ctx, 0), []byte(c.Msg), []byte(c.Sig), uint32(0))
				r.judge(c.Case, rv, true)
				r.drop(pub)
			default:
				rv, got := r.ask(callSign, k, mldsa(c.Ctx, hedgeDeterministic), []byte(c.Msg), part(c.Case))
				r.judge(c.Case, rv, bytes.Equal(got, c.Sig), mechanismParamInvalid)
			}
		}
		r.drop(k)
	}
}
