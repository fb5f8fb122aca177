// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/sha256"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// iv is a fixed one: none of these keys guards anything.
func iv(n int) []byte {
	h := sha256.Sum256([]byte("iv"))
	return h[:n]
}

// hashes of the PSS mechanisms, and their mask generation functions.
var pss = map[key.Mechanism]struct {
	hash key.Hash
	mgf  key.MGF
	size uint64
}{
	key.MechRSAPSS: {key.MechSHA256, key.MGF1SHA256, 32}, key.MechSHA1RSAPSS: {key.MechSHA1, key.MGF1SHA1, 20},
	key.MechSHA224RSAPSS: {key.MechSHA224, key.MGF1SHA224, 28}, key.MechSHA256RSAPSS: {key.MechSHA256, key.MGF1SHA256, 32},
	key.MechSHA384RSAPSS: {key.MechSHA384, key.MGF1SHA384, 48}, key.MechSHA512RSAPSS: {key.MechSHA512, key.MGF1SHA512, 64},
	key.MechSHA3224RSAPSS: {key.MechSHA3224, key.MGF1SHA3224, 28}, key.MechSHA3256RSAPSS: {key.MechSHA3256, key.MGF1SHA3256, 32},
	key.MechSHA3384RSAPSS: {key.MechSHA3384, key.MGF1SHA3384, 48}, key.MechSHA3512RSAPSS: {key.MechSHA3512, key.MGF1SHA3512, 64},
}

// parameters makes a mechanism with a parameter that fits key and data.
func parameters(m client.MechanismInfo, k *held, data []byte) client.Mechanism {
	switch m.ID {
	case key.MechAESCBC, key.MechAESCBCPad:
		return client.IV(m.ID, iv(16))
	case key.MechDES3CBC, key.MechDES3CBCPad:
		return client.IV(m.ID, iv(8))
	case key.MechAESCTR:
		return client.CTR(32, iv(16))
	case key.MechAESGCM, key.MechAESGMAC:
		how := client.GCM(iv(12), nil, 128)
		how.ID = m.ID
		return how
	case key.MechAESCCM:
		return client.CCM(uint64(len(data)), iv(12), nil, 16)
	case key.MechChaCha20Poly1305:
		return client.ChaCha(iv(12), nil)
	case key.MechAESKeyWrap, key.MechAESKeyWrapPad, key.MechAESKeyWrapKWP:
		return client.IV(m.ID, nil)
	case key.MechRSAOAEP:
		return client.OAEP(key.MechSHA256, key.MGF1SHA256, nil)
	case key.MechRSAAESKeyWrap:
		return client.RSAAES(256, key.MechSHA256, key.MGF1SHA256, nil)
	case key.MechECDH1Derive, key.MechECDH1Cofactor:
		return client.ECDH(m.ID, key.KDFNull, nil, k.point)
	case key.MechHKDFDerive, key.MechHKDFData:
		return client.HKDF(m.ID, true, true, key.MechSHA256, []byte("salt"), []byte("info"))
	case key.MechSP800108Counter:
		prf := map[key.Type]key.Mechanism{key.TypeAES: key.MechAESCMAC, key.TypeSHA1HMAC: key.MechSHA1HMAC, key.TypeSHA224HMAC: key.MechSHA224HMAC,
			key.TypeSHA384HMAC: key.MechSHA384HMAC, key.TypeSHA512HMAC: key.MechSHA512HMAC, key.TypeSHA3224HMAC: key.MechSHA3224HMAC,
			key.TypeSHA3256HMAC: key.MechSHA3256HMAC, key.TypeSHA3384HMAC: key.MechSHA3384HMAC, key.TypeSHA3512HMAC: key.MechSHA3512HMAC}[k.typ]
		if prf == 0 {
			prf = key.MechSHA256HMAC
		}
		return client.KBKDF(prf, []client.KBKDFData{{Type: client.KBKDFIteration, Value: client.KBKDFCounter(32)}})
	case key.MechHashMLDSA:
		var w wire.Writer
		w.U64(0)
		w.Bytes(nil)
		w.U64(uint64(key.MechSHA256))
		return client.Mechanism{ID: m.ID, Param: w.B}
	}
	if h, ok := pss[m.ID]; ok {
		return client.PSS(m.ID, h.hash, h.mgf, h.size)
	}
	if m.Shape == 2 { // one number: the length of a MAC
		return client.Length(m.ID, 16)
	}
	return client.Mech(m.ID)
}

// messageParameters are those of C_MessageEncryptInit, whose forms differ.
func messageParameters(m client.MechanismInfo, data []byte) client.Mechanism {
	switch m.ID {
	case key.MechAESGCM:
		return client.GCMMessage(iv(12), 0, 0, 128)
	case key.MechAESCCM:
		var w wire.Writer
		w.U64(uint64(len(data)))
		w.Bytes(iv(12))
		w.U64(0)
		w.U64(0)
		w.U64(16)
		return client.Mechanism{ID: m.ID, Param: w.B}
	}
	return client.ChaChaMessage(iv(12))
}
