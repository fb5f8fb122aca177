// SPDX-License-Identifier: Apache-2.0

package wycheproof

import (
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
)

// hashName turns "sha3_256" of a file's name into "SHA3-256", "sha256" into "SHA-256".
func hashName(s string) string {
	s = strings.ToUpper(s)
	if strings.HasPrefix(s, "SHA3_") {
		return "SHA3-" + s[5:]
	}
	return "SHA-" + s[3:]
}

func hashBits(s string) int {
	return map[string]int{"sha1": 160, "sha224": 224, "sha256": 256, "sha384": 384, "sha512": 512,
		"sha3_224": 224, "sha3_256": 256, "sha3_384": 384, "sha3_512": 512}[s]
}

type hkdfGroup struct {
	Tests []struct {
		mechtest.Case
		IKM, Salt, Info, OKM mechtest.Hex
		Size                 int
	}
}

func runHKDF(r *run) {
	f := load[hkdfGroup](r)
	hash := digests[hashName(strings.TrimSuffix(strings.TrimPrefix(r.name, "hkdf_"), "_test.json"))]
	for _, g := range f.TestGroups {
		for _, c := range g.Tests {
			if len(c.IKM) == 0 {
				r.skip("a key of no bytes")
				continue
			}
			keyType := []int{ckkHKDF, ckkGeneric}[c.TCID%2]
			base, rv := r.create(secretKey(keyType, c.IKM, ckaDerive))
			if rv != ok {
				r.judge(c.Case, rv, false)
				continue
			}
			m := shaped(ckmHKDFDerive, 9, hash.id, []byte(c.Salt), []byte(c.Info))
			r.derived(c.Case, base, m, readable(ckkGeneric).with(ckaValueLen, c.Size), c.OKM,
				mechanismParamInvalid, keySizeRange, attributeValueInvalid, templateInconsistent)
			r.drop(base)
		}
	}
}

// derived derives a key and compares its value.
func (r *run) derived(c mechtest.Case, base handle, m mechanism, tmpl template, want []byte, fits ...ckr) {
	var got []byte
	h, rv, _ := r.make(callDerive, base, m, tmpl)
	if rv == ok {
		rv, got = r.value(h)
	}
	r.result(c, rv, got, want, fits...)
	r.drop(h)
}

type pbkdf2Group struct {
	Tests []struct {
		mechtest.Case
		Password, Salt, DK mechtest.Hex
		IterationCount     uint64
		DKLen              int
	}
}

func runPBKDF2(r *run) {
	f := load[pbkdf2Group](r)
	hash := digests[hashName(strings.TrimSuffix(strings.TrimPrefix(r.name, "pbkdf2_hmac"), "_test.json"))]
	for _, g := range f.TestGroups {
		for _, c := range g.Tests {
			m := shaped(ckmPBKDF2, 10, hash.prf, c.IterationCount, []byte(c.Salt), []byte(c.Password))
			var got []byte
			h, rv, _ := r.make(callGenerate, m, readable(ckkGeneric).with(ckaValueLen, c.DKLen))
			if rv == ok {
				rv, got = r.value(h)
			}
			r.result(c.Case, rv, got, c.DK, mechanismParamInvalid, keySizeRange, attributeValueInvalid)
			r.drop(h)
		}
	}
}
