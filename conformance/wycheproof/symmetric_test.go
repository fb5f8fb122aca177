// SPDX-License-Identifier: Apache-2.0

package wycheproof

import (
	"bytes"
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/mech/mechtest"
)

// badKey are the answers to a secret key whose length its type does not have.
var badKey = []ckr{attributeValueInvalid, keySizeRange, templateInconsistent}

type aeadGroup struct {
	TagSize int
	Tests   []struct {
		mechtest.Case
		Key, IV, AAD, Msg, CT, Tag mechtest.Hex
	}
}

func runAEAD(r *run) {
	f := load[aeadGroup](r)
	keyType, id := ckkAES, uint64(ckmAESGCM)
	switch {
	case strings.HasPrefix(r.name, "chacha"):
		keyType, id = ckkChaCha20, ckmChaCha20Poly1305
	case strings.HasPrefix(r.name, "aes_ccm"):
		id = ckmAESCCM
	}
	fits := []ckr{encryptedInvalid, encryptedLenRange, aeadFailed, mechanismParamInvalid}
	for _, g := range f.TestGroups {
		for _, c := range g.Tests {
			k, rv := r.create(secretKey(keyType, c.Key, ckaEncrypt, ckaDecrypt))
			if rv != ok {
				r.judge(c.Case, rv, false, badKey...)
				continue
			}
			var m mechanism
			switch id {
			case ckmAESGCM:
				m = shaped(id, 3, []byte(c.IV), []byte(c.AAD), uint64(g.TagSize))
			case ckmAESCCM:
				m = shaped(id, 4, uint64(len(c.Msg)), []byte(c.IV), []byte(c.AAD), uint64(g.TagSize/8))
			default:
				m = shaped(id, 8, []byte(c.IV), []byte(c.AAD))
			}
			sealed := append(bytes.Clone(c.CT), c.Tag...)
			rv, got := r.ask(callDecrypt, k, m, sealed, part(c.Case))
			right := bytes.Equal(got, c.Msg)
			if rv == ok && right && !c.Invalid() {
				rv, got = r.ask(callEncrypt, k, m, []byte(c.Msg), part(c.Case))
				right = bytes.Equal(got, sealed)
			}
			r.judge(c.Case, rv, right, fits...)
			if id != ckmAESCCM {
				rv, got = r.ask(callOpenMessage, k, id, []byte(c.IV), []byte(c.AAD), []byte(c.CT), []byte(c.Tag))
				r.result(c.Case, rv, got, c.Msg, fits...)
				r.cases-- // the same case once more, as a message of 3.0
			}
			r.drop(k)
		}
	}
}

type cipherGroup struct {
	Tests []struct {
		mechtest.Case
		Key, IV, Msg, CT mechtest.Hex
	}
}

func runCBCPad(r *run) {
	f := load[cipherGroup](r)
	for _, g := range f.TestGroups {
		for _, c := range g.Tests {
			k, rv := r.create(secretKey(ckkAES, c.Key, ckaEncrypt, ckaDecrypt))
			if rv != ok {
				r.judge(c.Case, rv, false, badKey...)
				continue
			}
			m := withBytes(ckmAESCBCPad, c.IV)
			rv, got := r.ask(callDecrypt, k, m, []byte(c.CT), part(c.Case))
			right := bytes.Equal(got, c.Msg)
			if rv == ok && right && c.Valid() {
				rv, got = r.ask(callEncrypt, k, m, []byte(c.Msg), part(c.Case))
				right = bytes.Equal(got, c.CT)
			}
			r.judge(c.Case, rv, right, encryptedInvalid, encryptedLenRange)
			r.drop(k)
		}
	}
}

type macGroup struct {
	KeySize, TagSize int
	Tests            []struct {
		mechtest.Case
		Key, IV, Msg, Tag mechtest.Hex
	}
}

// runMAC does HMAC with generic secrets, and CMAC. A tag that is shorter than the whole is that of the _GENERAL mechanism.
func runMAC(r *run) {
	f := load[macGroup](r)
	keyType, whole, general, full := ckkAES, uint64(ckmAESCMAC), uint64(ckmAESCMACGeneral), 128
	if name, found := strings.CutPrefix(strings.TrimSuffix(r.name, "_test.json"), "hmac_"); found {
		d := digests[hashName(name)]
		keyType, whole, general = ckkGeneric, d.hmac, d.hmacGeneral
		full = hashBits(name)
	}
	for _, g := range f.TestGroups {
		m := plain(whole)
		if g.TagSize != full {
			m = withNumber(general, uint64(g.TagSize/8))
		}
		for _, c := range g.Tests {
			r.mac(c.Case, keyType, c.Key, m, c.Msg, c.Tag)
		}
	}
}

func runGMAC(r *run) {
	f := load[macGroup](r)
	for _, g := range f.TestGroups {
		for _, c := range g.Tests {
			m := shaped(ckmAESGMAC, 3, []byte(c.IV), []byte{}, uint64(g.TagSize)) // CK_GCM_PARAMS, and the data is what is authenticated
			r.mac(c.Case, ckkAES, c.Key, m, c.Msg, c.Tag)
		}
	}
}

// mac verifies, and signs what is valid.
func (r *run) mac(c mechtest.Case, keyType int, key []byte, m mechanism, msg, tag []byte) {
	k, rv := r.create(secretKey(keyType, key, ckaSign, ckaVerify))
	if rv != ok {
		r.judge(c, rv, false, badKey...)
		return
	}
	rv, _ = r.ask(callVerify, k, m, msg, tag, part(c))
	right := true
	if rv == ok && c.Valid() {
		var got []byte
		rv, got = r.ask(callSign, k, m, msg, part(c))
		right = bytes.Equal(got, tag)
	}
	r.judge(c, rv, right, signatureInvalid, signatureLenRange, mechanismParamInvalid)
	r.drop(k)
}

// runKeyWrap wraps generic secrets. PKCS #11 has no key of no bytes, so those cases are left out.
func runKeyWrap(r *run) {
	f := load[cipherGroup](r)
	id := uint64(ckmAESKeyWrap)
	if strings.HasPrefix(r.name, "aes_kwp") {
		id = ckmAESKeyWrapKWP
	}
	for _, g := range f.TestGroups {
		for _, c := range g.Tests {
			if len(c.Msg) == 0 && c.Valid() {
				r.skip("a key of no bytes")
				continue
			}
			kek, rv := r.create(secretKey(ckkAES, c.Key, ckaWrap, ckaUnwrap))
			if rv != ok {
				r.judge(c.Case, rv, false, badKey...)
				continue
			}
			var got []byte
			inner, rv, _ := r.make(callUnwrap, kek, plain(id), []byte(c.CT), readable(ckkGeneric))
			right := true
			if rv == ok {
				rv, got = r.value(inner)
				right = bytes.Equal(got, c.Msg)
			}
			if rv == ok && right && c.Valid() {
				rv, got = r.ask(callWrap, kek, inner, plain(id))
				right = bytes.Equal(got, c.CT)
			}
			r.judge(c.Case, rv, right, wrappedKeyInvalid, wrappedKeyLenRange)
			r.drop(inner, kek)
		}
	}
}
