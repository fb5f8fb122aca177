// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"strconv"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// facts are what of a key decides which algorithms go with it. They never change during a version's life.
type facts struct {
	handle uint64
	typ    key.Type
	curve  *curve
	bits   int // of an oct key
}

// sha is one of the three hashes of RFC 7518.
type sha struct {
	bits   int
	hash   key.Hash
	mgf    key.MGF
	mac    key.Mechanism
	prefix []byte // of DigestInfo (RFC 8017 section 9.2 note 1)
}

var shas = []sha{
	{256, key.MechSHA256, key.MGF1SHA256, key.MechSHA256HMAC, unhex("3031300d060960864801650304020105000420")},
	{384, key.MechSHA384, key.MGF1SHA384, key.MechSHA384HMAC, unhex("3041300d060960864801650304020205000430")},
	{512, key.MechSHA512, key.MGF1SHA512, key.MechSHA512HMAC, unhex("3051300d060960864801650304020305000440")},
}

func shaOf(alg string) *sha {
	for i := range shas {
		if strings.HasSuffix(alg, strconv.Itoa(shas[i].bits)) {
			return &shas[i]
		}
	}
	return nil
}

func unknownAlg(alg string) error { return badParameter("Algorithm %q is not supported.", clip(alg)) }

func misfit(alg string) error {
	return badParameter("Algorithm %q does not go with this key.", clip(alg))
}

// signing answers the mechanism of a signature algorithm and what it is given of a digest.
func (f facts) signing(alg string, digest []byte) (client.Mechanism, []byte, error) {
	var m client.Mechanism
	h := shaOf(alg)
	length := func(n int) error {
		if len(digest) != n {
			return badParameter("A digest for %s has %d bytes, and this one %d.", alg, n, len(digest))
		}
		return nil
	}
	switch alg {
	case "RS256", "RS384", "RS512":
		if f.typ != key.TypeRSA {
			return m, nil, misfit(alg)
		}
		return client.Mech(key.MechRSAPKCS), append(h.prefix[:len(h.prefix):len(h.prefix)], digest...), length(h.bits / 8)
	case "PS256", "PS384", "PS512":
		if f.typ != key.TypeRSA {
			return m, nil, misfit(alg)
		}
		return client.PSS(key.MechRSAPSS, h.hash, h.mgf, uint64(h.bits/8)), digest, length(h.bits / 8)
	case "RSNULL":
		if f.typ != key.TypeRSA {
			return m, nil, misfit(alg)
		}
		return client.Mech(key.MechRSAPKCS), digest, nil
	case "ES256", "ES256K", "ES384", "ES512":
		if f.curve == nil || f.curve.alg != alg {
			return m, nil, misfit(alg)
		}
		n := 32
		if alg == "ES384" || alg == "ES512" {
			n = h.bits / 8
		}
		return client.Mech(key.MechECDSA), digest, length(n)
	case "HS256", "HS384", "HS512":
		if f.typ != key.TypeGeneric {
			return m, nil, misfit(alg)
		}
		return client.Mech(h.mac), digest, nil
	}
	return m, nil, unknownAlg(alg)
}

// ivKind says where the IV of an algorithm comes from.
type ivKind int

const (
	noIV     ivKind = iota
	callerIV        // 16 bytes of the client's
	madeIV          // 12 bytes that the core draws when it encrypts; the client's when it decrypts
)

// cipher is an algorithm that encrypts.
type cipher struct {
	mech func(iv []byte) client.Mechanism
	iv   ivKind
	wrap bool // it may wrap and unwrap; all others may as well, but those that only wrap cannot encrypt
	only bool
}

// tagBits is the length of GCM's tag.
const tagBits = 128

// cipher finds an encryption algorithm that goes with the key.
func (f facts) cipher(alg string) (c cipher, err error) {
	plain := func(m client.Mechanism) func([]byte) client.Mechanism {
		return func([]byte) client.Mechanism { return m }
	}
	switch alg {
	case "RSA1_5", "RSA-OAEP", "RSA-OAEP-256":
		if f.typ != key.TypeRSA {
			return c, misfit(alg)
		}
		switch alg {
		case "RSA1_5":
			return cipher{mech: plain(client.Mech(key.MechRSAPKCS))}, nil
		case "RSA-OAEP":
			return cipher{mech: plain(client.OAEP(key.MechSHA1, key.MGF1SHA1, nil))}, nil
		}
		return cipher{mech: plain(client.OAEP(key.MechSHA256, key.MGF1SHA256, nil))}, nil
	case "CKM_AES_KEY_WRAP", "CKM_AES_KEY_WRAP_PAD":
		if f.typ != key.TypeAES {
			return c, misfit(alg)
		}
		m := key.MechAESKeyWrap
		if alg == "CKM_AES_KEY_WRAP_PAD" {
			m = key.MechAESKeyWrapKWP
		}
		return cipher{mech: plain(client.Mech(m)), only: true}, nil
	}
	bits, mode := aes(alg)
	switch {
	case bits == 0:
		return c, unknownAlg(alg)
	case f.typ != key.TypeAES || f.bits != bits:
		return c, misfit(alg)
	}
	switch mode {
	case "GCM":
		return cipher{mech: func(iv []byte) client.Mechanism {
			if iv == nil {
				return client.GCMMessage(make([]byte, 12), 0, 1, tagBits) // CKG_GENERATE: the core makes all of it
			}
			return client.GCMMessage(iv, 0, 0, tagBits)
		}, iv: madeIV}, nil
	case "CBC":
		return cipher{mech: func(iv []byte) client.Mechanism { return client.IV(key.MechAESCBC, iv) }, iv: callerIV}, nil
	case "CBCPAD":
		return cipher{mech: func(iv []byte) client.Mechanism { return client.IV(key.MechAESCBCPad, iv) }, iv: callerIV}, nil
	case "KW":
		return cipher{mech: plain(client.Mech(key.MechAESKeyWrap)), only: true}, nil
	}
	return c, unknownAlg(alg)
}

// aes splits a name such as A256CBCPAD.
func aes(alg string) (bits int, mode string) {
	if len(alg) < 5 || alg[0] != 'A' {
		return 0, ""
	}
	switch alg[1:4] {
	case "128", "192", "256":
		bits, _ = strconv.Atoi(alg[1:4])
		return bits, alg[4:]
	}
	return 0, ""
}
