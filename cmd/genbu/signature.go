// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// how says how a file is signed.
type how struct {
	hash string
	pss  bool
	raw  bool
}

func (h *how) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&h.hash, "hash", "", "sha256, sha384 or sha512 (default: what fits the key)")
	f.BoolVar(&h.pss, "pss", false, "RSA: PSS instead of PKCS #1 v1.5")
	f.BoolVar(&h.raw, "raw", false, "ECDSA: r||s instead of DER")
	cmd.RegisterFlagCompletionFunc("hash", fixed(sorted(signatures)))
}

// mechanism chooses the mechanism for a key.
func (h *how) mechanism(o client.Summary, params []byte) (client.Mechanism, error) {
	if _, ok := signatures[h.hash]; !ok && h.hash != "" {
		return client.Mechanism{}, next(fmt.Errorf("%q is no hash that files are signed with", h.hash), "genbu sign KEY FILE --hash sha256")
	}
	sp := specOf(o, params)
	if h.pss {
		p, ok := pssHashes[h.hash]
		if h.hash == "" {
			p, ok = pssHashes["sha256"], true
		}
		if !ok || o.Type != key.TypeRSA {
			return client.Mechanism{}, next(errors.New("--pss is for RSA keys"), "genbu sign --help")
		}
		return client.PSS(p.mech, p.hash, p.mgf, p.salt), nil
	}
	if h.hash == "" && sp != nil && sp.sign != 0 {
		return plain(sp.sign), nil
	}
	hash := h.hash
	if hash == "" {
		hash = "sha256"
	}
	if m, ok := signatures[hash][o.Type]; ok {
		return client.Mech(m), nil
	}
	if sp != nil && sp.sign != 0 {
		return client.Mechanism{}, next(fmt.Errorf("%s keys hash by themselves", sp.name), "genbu sign KEY FILE")
	}
	return client.Mechanism{}, next(errors.New("this type of key does not sign"), "genbu key create LABEL --type ec-p256")
}

// plain is a mechanism whose optional parameter is left out.
func plain(id key.Mechanism) client.Mechanism {
	switch id {
	case key.MechEDDSA, key.MechMLDSA, key.MechSLHDSA:
		return client.Mechanism{ID: id, Param: make([]byte, 8)} // "not present"
	}
	return client.Mech(id)
}

// signatures are the digests by which files are hashed for a signature, with their mechanism for each type of key.
var signatures = map[string]map[key.Type]key.Mechanism{
	"sha256": {key.TypeRSA: key.MechSHA256RSAPKCS, key.TypeEC: key.MechECDSASHA256, key.TypeGeneric: key.MechSHA256HMAC},
	"sha384": {key.TypeRSA: key.MechSHA384RSAPKCS, key.TypeEC: key.MechECDSASHA384, key.TypeGeneric: key.MechSHA384HMAC},
	"sha512": {key.TypeRSA: key.MechSHA512RSAPKCS, key.TypeEC: key.MechECDSASHA512, key.TypeGeneric: key.MechSHA512HMAC},
}

var pssHashes = map[string]struct {
	mech key.Mechanism
	hash key.Hash
	mgf  key.MGF
	salt uint64
}{
	"sha256": {key.MechSHA256RSAPSS, key.MechSHA256, key.MGF1SHA256, 32},
	"sha384": {key.MechSHA384RSAPSS, key.MechSHA384, key.MGF1SHA384, 48},
	"sha512": {key.MechSHA512RSAPSS, key.MechSHA512, key.MGF1SHA512, 64},
}

// ecdsaSignature is ECDSA-Sig-Value (RFC 3279 section 2.2.3).
type ecdsaSignature struct{ R, S *big.Int }

// derSignature turns r||s into what openssl and most others read.
func derSignature(raw []byte) ([]byte, error) {
	n := len(raw) / 2
	return asn1.Marshal(ecdsaSignature{new(big.Int).SetBytes(raw[:n]), new(big.Int).SetBytes(raw[n:])})
}

// rawSignature turns DER into r||s, each of size bytes.
func rawSignature(der []byte, size int) ([]byte, error) {
	var sig ecdsaSignature
	if rest, err := asn1.Unmarshal(der, &sig); err != nil || len(rest) > 0 {
		return nil, hinted{errors.New("this is not a DER signature"), hint{"genbu verify --help", "is it r||s? then give --raw"}}
	}
	out := make([]byte, 2*size)
	for i, v := range []*big.Int{sig.R, sig.S} {
		if v.Sign() < 0 || v.BitLen() > 8*size {
			return nil, next(errors.New("this is not a signature of the key's curve"), "genbu verify --help")
		}
		v.FillBytes(out[i*size : (i+1)*size])
	}
	return out, nil
}
