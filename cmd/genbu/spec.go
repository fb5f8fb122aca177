// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// spec is a kind of key as the command line names it.
type spec struct {
	name string
	typ  key.Type
	mech key.Mechanism // that generates it
	pair bool
	size uint64        // bits of an RSA modulus, bytes of a secret, number of a parameter set
	oid  string        // EC_PARAMS, DER in hex
	sign key.Mechanism // by which genbu sign uses it, 0 when it does not sign
}

var specs = []spec{
	{"rsa-2048", key.TypeRSA, key.MechRSAKeyPairGen, true, 2048, "", key.MechSHA256RSAPKCS},
	{"rsa-3072", key.TypeRSA, key.MechRSAKeyPairGen, true, 3072, "", key.MechSHA256RSAPKCS},
	{"rsa-4096", key.TypeRSA, key.MechRSAKeyPairGen, true, 4096, "", key.MechSHA256RSAPKCS},
	{"rsa-8192", key.TypeRSA, key.MechRSAKeyPairGen, true, 8192, "", key.MechSHA256RSAPKCS},
	{"ec-p224", key.TypeEC, key.MechECKeyPairGen, true, 0, "06052b81040021", key.MechECDSASHA224},
	{"ec-p256", key.TypeEC, key.MechECKeyPairGen, true, 0, "06082a8648ce3d030107", key.MechECDSASHA256},
	{"ec-p384", key.TypeEC, key.MechECKeyPairGen, true, 0, "06052b81040022", key.MechECDSASHA384},
	{"ec-p521", key.TypeEC, key.MechECKeyPairGen, true, 0, "06052b81040023", key.MechECDSASHA512},
	{"ec-secp256k1", key.TypeEC, key.MechECKeyPairGen, true, 0, "06052b8104000a", key.MechECDSASHA256},
	{"ed25519", key.TypeEdwards, key.MechEdwardsKeyPairGen, true, 0, "06032b6570", key.MechEDDSA},
	{"ed448", key.TypeEdwards, key.MechEdwardsKeyPairGen, true, 0, "06032b6571", key.MechEDDSA},
	{"x25519", key.TypeMontgomery, key.MechMontgomeryPairGen, true, 0, "06032b656e", 0},
	{"x448", key.TypeMontgomery, key.MechMontgomeryPairGen, true, 0, "06032b656f", 0},
	{"ml-dsa-44", key.TypeMLDSA, key.MechMLDSAKeyPairGen, true, uint64(key.MLDSA44), "", key.MechMLDSA},
	{"ml-dsa-65", key.TypeMLDSA, key.MechMLDSAKeyPairGen, true, uint64(key.MLDSA65), "", key.MechMLDSA},
	{"ml-dsa-87", key.TypeMLDSA, key.MechMLDSAKeyPairGen, true, uint64(key.MLDSA87), "", key.MechMLDSA},
	{"slh-dsa-sha2-128s", key.TypeSLHDSA, key.MechSLHDSAKeyPairGen, true, uint64(key.SLHDSASHA2128s), "", key.MechSLHDSA},
	{"slh-dsa-sha2-128f", key.TypeSLHDSA, key.MechSLHDSAKeyPairGen, true, uint64(key.SLHDSASHA2128f), "", key.MechSLHDSA},
	{"slh-dsa-sha2-192s", key.TypeSLHDSA, key.MechSLHDSAKeyPairGen, true, uint64(key.SLHDSASHA2192s), "", key.MechSLHDSA},
	{"slh-dsa-sha2-192f", key.TypeSLHDSA, key.MechSLHDSAKeyPairGen, true, uint64(key.SLHDSASHA2192f), "", key.MechSLHDSA},
	{"slh-dsa-sha2-256s", key.TypeSLHDSA, key.MechSLHDSAKeyPairGen, true, uint64(key.SLHDSASHA2256s), "", key.MechSLHDSA},
	{"slh-dsa-sha2-256f", key.TypeSLHDSA, key.MechSLHDSAKeyPairGen, true, uint64(key.SLHDSASHA2256f), "", key.MechSLHDSA},
	{"slh-dsa-shake-128s", key.TypeSLHDSA, key.MechSLHDSAKeyPairGen, true, uint64(key.SLHDSASHAKE128s), "", key.MechSLHDSA},
	{"slh-dsa-shake-128f", key.TypeSLHDSA, key.MechSLHDSAKeyPairGen, true, uint64(key.SLHDSASHAKE128f), "", key.MechSLHDSA},
	{"slh-dsa-shake-192s", key.TypeSLHDSA, key.MechSLHDSAKeyPairGen, true, uint64(key.SLHDSASHAKE192s), "", key.MechSLHDSA},
	{"slh-dsa-shake-192f", key.TypeSLHDSA, key.MechSLHDSAKeyPairGen, true, uint64(key.SLHDSASHAKE192f), "", key.MechSLHDSA},
	{"slh-dsa-shake-256s", key.TypeSLHDSA, key.MechSLHDSAKeyPairGen, true, uint64(key.SLHDSASHAKE256s), "", key.MechSLHDSA},
	{"slh-dsa-shake-256f", key.TypeSLHDSA, key.MechSLHDSAKeyPairGen, true, uint64(key.SLHDSASHAKE256f), "", key.MechSLHDSA},
	{"ml-kem-512", key.TypeMLKEM, key.MechMLKEMKeyPairGen, true, uint64(key.MLKEM512), "", 0},
	{"ml-kem-768", key.TypeMLKEM, key.MechMLKEMKeyPairGen, true, uint64(key.MLKEM768), "", 0},
	{"ml-kem-1024", key.TypeMLKEM, key.MechMLKEMKeyPairGen, true, uint64(key.MLKEM1024), "", 0},
	{"aes-128", key.TypeAES, key.MechAESKeyGen, false, 16, "", key.MechAESCMAC},
	{"aes-192", key.TypeAES, key.MechAESKeyGen, false, 24, "", key.MechAESCMAC},
	{"aes-256", key.TypeAES, key.MechAESKeyGen, false, 32, "", key.MechAESCMAC},
	{"chacha20", key.TypeChaCha20, key.MechChaCha20KeyGen, false, 32, "", 0},
	{"hmac-256", key.TypeGeneric, key.MechGenericKeyGen, false, 32, "", key.MechSHA256HMAC},
	{"hmac-512", key.TypeGeneric, key.MechGenericKeyGen, false, 64, "", key.MechSHA512HMAC},
}

func specNames() []string {
	names := make([]string, len(specs))
	for i, s := range specs {
		names[i] = s.name
	}
	return names
}

func findSpec(name string) (*spec, error) {
	i := slices.IndexFunc(specs, func(s spec) bool { return s.name == name })
	if i < 0 {
		return nil, hinted{fmt.Errorf("%q is no type of key", name), hint{"genbu key create LABEL --type ec-p256", "or one of " + strings.Join(specNames(), " ")}}
	}
	return &specs[i], nil
}

// specOf finds the spec of a key that is there already; nil for one the command line has no name for.
func specOf(o client.Summary, params []byte) *spec {
	for i := range specs {
		s := &specs[i]
		if s.typ != o.Type {
			continue
		}
		switch {
		case s.oid != "":
			if s.oid == hex.EncodeToString(params) {
				return s
			}
		case s.pair && s.size == o.Bits, !s.pair && 8*s.size == o.Bits:
			return s
		}
	}
	return nil
}

// template is what makes a key of this spec, beyond label, id and policy.
func (s *spec) template() client.Template {
	switch {
	case s.typ == key.TypeRSA:
		return client.Template{client.ULong(key.AttrModulusBits, s.size), client.Bytes(key.AttrPublicExponent, []byte{1, 0, 1})}
	case s.oid != "":
		der, _ := hex.DecodeString(s.oid) // a constant
		return client.Template{client.Bytes(key.AttrECParams, der)}
	case s.pair:
		return client.Template{client.ULong(key.AttrParameterSet, s.size)}
	}
	return client.Template{client.ULong(key.AttrValueLen, s.size)}
}
