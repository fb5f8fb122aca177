// SPDX-License-Identifier: Apache-2.0

package wycheproof

import (
	"encoding/asn1"
	"encoding/binary"
	"fmt"
)

// Numbers of the standard, written down here again: those of the library under test could be wrong.

type ckr uint64

const (
	ok                    ckr = 0
	attributeValueInvalid ckr = 0x13
	dataInvalid           ckr = 0x20
	dataLenRange          ckr = 0x21
	encryptedInvalid      ckr = 0x40
	encryptedLenRange     ckr = 0x41
	aeadFailed            ckr = 0x42
	keySizeRange          ckr = 0x62
	mechanismParamInvalid ckr = 0x71
	signatureInvalid      ckr = 0xC0
	signatureLenRange     ckr = 0xC1
	templateIncomplete    ckr = 0xD0
	templateInconsistent  ckr = 0xD1
	wrappedKeyInvalid     ckr = 0x110
	wrappedKeyLenRange    ckr = 0x112
	domainParamsInvalid   ckr = 0x130
	curveNotSupported     ckr = 0x140
	publicKeyInvalid      ckr = 0x1B9
)

func (rv ckr) String() string { return fmt.Sprintf("CKR 0x%x", uint64(rv)) }

const (
	ckaClass        = 0x0
	ckaToken        = 0x1
	ckaPrivate      = 0x2
	ckaValue        = 0x11
	ckaKeyType      = 0x100
	ckaSensitive    = 0x103
	ckaEncrypt      = 0x104
	ckaDecrypt      = 0x105
	ckaWrap         = 0x106
	ckaUnwrap       = 0x107
	ckaSign         = 0x108
	ckaVerify       = 0x10A
	ckaDerive       = 0x10C
	ckaModulus      = 0x120
	ckaPublicExp    = 0x122
	ckaPrivateExp   = 0x123
	ckaPrime1       = 0x124
	ckaPrime2       = 0x125
	ckaExponent1    = 0x126
	ckaExponent2    = 0x127
	ckaCoefficient  = 0x128
	ckaValueLen     = 0x161
	ckaExtractable  = 0x162
	ckaECParams     = 0x180
	ckaECPoint      = 0x181
	ckaParameterSet = 0x61D
	ckaEncapsulate  = 0x633
	ckaDecapsulate  = 0x634
	ckaSeed         = 0x637

	ckoPublic  = 2
	ckoPrivate = 3
	ckoSecret  = 4

	ckkRSA          = 0x00
	ckkEC           = 0x03
	ckkGeneric      = 0x10
	ckkAES          = 0x1F
	ckkChaCha20     = 0x33
	ckkECEdwards    = 0x40
	ckkECMontgomery = 0x41
	ckkHKDF         = 0x42
	ckkMLKEM        = 0x49
	ckkMLDSA        = 0x4A
)

const (
	ckmRSAPKCS          = 0x01
	ckmRSAOAEP          = 0x09
	ckmMLKEM            = 0x17
	ckmMLDSA            = 0x1D
	ckmPBKDF2           = 0x3B0
	ckmECDSA            = 0x1041
	ckmECDH1Derive      = 0x1050
	ckmEdDSA            = 0x1057
	ckmAESCBCPad        = 0x1085
	ckmAESGCM           = 0x1087
	ckmAESCCM           = 0x1088
	ckmAESCMAC          = 0x108A
	ckmAESCMACGeneral   = 0x108B
	ckmAESGMAC          = 0x108E
	ckmAESKeyWrap       = 0x2109
	ckmAESKeyWrapKWP    = 0x210B
	ckmChaCha20Poly1305 = 0x4021
	ckmHKDFDerive       = 0x402A
	ckdNull             = 1
	hedgeDeterministic  = 2
)

// digest has the numbers that one hash gives its mechanisms; 0 where the standard has none.
type digest struct {
	id, hmac, hmacGeneral, rsa, pss, ecdsa, mgf, prf uint64
}

var digests = map[string]digest{
	"SHA-1":       {id: 0x220, hmac: 0x221, hmacGeneral: 0x222, rsa: 0x06, pss: 0x0E, ecdsa: 0x1042, mgf: 1, prf: 1},
	"SHA-224":     {id: 0x255, hmac: 0x256, hmacGeneral: 0x257, rsa: 0x46, pss: 0x47, ecdsa: 0x1043, mgf: 5, prf: 3},
	"SHA-256":     {id: 0x250, hmac: 0x251, hmacGeneral: 0x252, rsa: 0x40, pss: 0x43, ecdsa: 0x1044, mgf: 2, prf: 4},
	"SHA-384":     {id: 0x260, hmac: 0x261, hmacGeneral: 0x262, rsa: 0x41, pss: 0x44, ecdsa: 0x1045, mgf: 3, prf: 5},
	"SHA-512":     {id: 0x270, hmac: 0x271, hmacGeneral: 0x272, rsa: 0x42, pss: 0x45, ecdsa: 0x1046, mgf: 4, prf: 6},
	"SHA3-224":    {id: 0x2B5, hmac: 0x2B6, hmacGeneral: 0x2B7, rsa: 0x66, pss: 0x67, ecdsa: 0x1047, mgf: 6},
	"SHA3-256":    {id: 0x2B0, hmac: 0x2B1, hmacGeneral: 0x2B2, rsa: 0x60, pss: 0x63, ecdsa: 0x1048, mgf: 7},
	"SHA3-384":    {id: 0x2C0, hmac: 0x2C1, hmacGeneral: 0x2C2, rsa: 0x61, pss: 0x64, ecdsa: 0x1049, mgf: 8},
	"SHA3-512":    {id: 0x2D0, hmac: 0x2D1, hmacGeneral: 0x2D2, rsa: 0x62, pss: 0x65, ecdsa: 0x104A, mgf: 9},
	"SHA-512/224": {id: 0x48, hmac: 0x49, hmacGeneral: 0x4A},
	"SHA-512/256": {id: 0x4C, hmac: 0x4D, hmacGeneral: 0x4E},
}

// mechanism is the encoded form of a CK_MECHANISM.
type mechanism []byte

func shaped(id uint64, shape byte, fields ...any) mechanism {
	m := append(binary.LittleEndian.AppendUint64(nil, id), shape)
	for _, f := range fields {
		switch v := f.(type) {
		case uint8:
			m = append(m, v)
		case uint64:
			m = binary.LittleEndian.AppendUint64(m, v)
		case []byte:
			m = appendBytes(m, v)
		default:
			panic(fmt.Sprintf("field of type %T", f))
		}
	}
	return m
}

func plain(id uint64) mechanism               { return shaped(id, 0) }
func withBytes(id uint64, b []byte) mechanism { return shaped(id, 1, b) }
func withNumber(id, n uint64) mechanism       { return shaped(id, 2, n) }

func appendBytes(b, v []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(v))), v...)
}

// template is a list of attributes; values are bytes, uint64 for CK_ULONG, bool for CK_BBOOL.
type template []attribute

type attribute struct {
	id    uint64
	value any
}

func (t template) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(t)))
	for _, a := range t {
		b = binary.LittleEndian.AppendUint64(b, a.id)
		switch v := a.value.(type) {
		case int:
			b = appendBytes(b, binary.LittleEndian.AppendUint64(nil, uint64(v)))
		case bool:
			b = appendBytes(b, map[bool][]byte{false: {0}, true: {1}}[v])
		case []byte:
			b = appendBytes(b, v)
		default:
			panic(fmt.Sprintf("attribute of type %T", v))
		}
	}
	return b
}

func (t template) with(id uint64, value any) template {
	return append(t[:len(t):len(t)], attribute{id, value})
}

// secretKey is the template of a readable secret key for some uses.
func secretKey(keyType int, value []byte, uses ...uint64) template {
	t := readable(keyType).with(ckaValue, value)
	for _, u := range uses {
		t = t.with(u, true)
	}
	return t
}

// readable is a secret key whose value the test may ask for.
func readable(keyType int) template {
	return template{{ckaClass, ckoSecret}, {ckaKeyType, keyType}, {ckaToken, false}, {ckaPrivate, false}, {ckaSensitive, false}, {ckaExtractable, true}}
}

func publicKey(keyType int) template {
	return template{{ckaClass, ckoPublic}, {ckaKeyType, keyType}, {ckaToken, false}}
}

func privateKey(keyType int) template {
	return template{{ckaClass, ckoPrivate}, {ckaKeyType, keyType}, {ckaToken, false}, {ckaSensitive, false}, {ckaExtractable, true}}
}

// octets is the DER OCTET STRING that CKA_EC_POINT holds.
func octets(b []byte) []byte {
	der, err := asn1.Marshal(b)
	if err != nil {
		panic(err)
	}
	return der
}

func oid(arcs ...int) []byte {
	der, err := asn1.Marshal(asn1.ObjectIdentifier(arcs))
	if err != nil {
		panic(err)
	}
	return der
}
