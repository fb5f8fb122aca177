// SPDX-License-Identifier: Apache-2.0

package aes

import (
	"crypto/cipher"
	"crypto/rand"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// Message-based encryption with GCM and CCM: PKCS #11 sections 5.9 and 6.13.2, 6.13.4. The aesKey is the mech.AEAD.

// CKG_*: who makes the part of an IV that is not fixed. The counters would need a state that outlives the core and is
// shared by all nodes, or an IV would come twice; they are not supported.
const (
	noGenerate  = 0
	generateAny = 1
	counter     = 2
	random      = 3
	counterXOR  = 4
)

// minRandom bounds the fixed part of a generated IV: with fewer drawn bits a repetition comes too soon.
const minRandom = 64

type ivParams struct {
	iv        []byte
	fixedBits uint64
	generator uint64
}

// make answers the whole IV of a message to encrypt: as given, or its fixed front with the rest drawn.
func (v ivParams) make() ([]byte, error) {
	switch v.generator {
	case noGenerate:
		return append([]byte(nil), v.iv...), nil
	case counter, counterXOR:
		return nil, fault.Unsupported.At("count up iv")
	case generateAny, random:
	default:
		return nil, fault.MechanismParamInvalid.At("choose iv generator")
	}
	bits := 8 * uint64(len(v.iv))
	if v.fixedBits > bits || bits-v.fixedBits < minRandom {
		return nil, fault.MechanismParamInvalid.At("generate iv")
	}
	iv := make([]byte, len(v.iv))
	rand.Read(iv)
	whole := v.fixedBits / 8
	copy(iv, v.iv[:whole])
	if rest := v.fixedBits % 8; rest > 0 {
		mask := byte(0xFF) << (8 - rest)
		iv[whole] = v.iv[whole]&mask | iv[whole]&^mask
	}
	return iv, nil
}

type gcmMessage struct {
	ivParams
	tag int
}

func decodeGCMMessage(p mech.Params) (gcmMessage, error) {
	r := wire.NewReader(p)
	m := gcmMessage{ivParams: ivParams{r.Bytes(), r.U64(), r.U64()}}
	var ok bool
	m.tag, ok = tagBytes(r.U64())
	if r.End() != nil || len(m.iv) == 0 || !ok {
		return gcmMessage{}, fault.MechanismParamInvalid.At("read gcm message parameter")
	}
	return m, nil
}

// modulesOwn tells whether Go's FIPS module itself draws the IV (SP 800-38D section 8.2.2 with no fixed field).
func (m gcmMessage) modulesOwn() bool {
	return (m.generator == generateAny || m.generator == random) && m.fixedBits == 0 && len(m.iv) == 12
}

type ccmMessage struct {
	ccmParams
	ivParams
}

func decodeCCMMessage(p mech.Params, aad []byte) (ccmMessage, error) {
	r := wire.NewReader(p)
	c := ccmParams{dataLen: r.U64(), nonce: r.Bytes(), aad: aad}
	v := ivParams{c.nonce, r.U64(), r.U64()}
	c, err := c.judge(r.U64(), r.End())
	return ccmMessage{c, v}, err
}

// SealMessage encrypts one message.
func (k *aesKey) SealMessage(row *mech.Row, p mech.Params, aad, plain []byte) (iv, ct, tag []byte, err error) {
	switch row.ID {
	case key.MechAESGCM:
		return k.sealGCMMessage(p, aad, plain)
	case key.MechAESCCM:
		return k.sealCCMMessage(p, aad, plain)
	}
	return nil, nil, nil, fault.MechanismInvalid.At("encrypt message")
}

func (k *aesKey) sealGCMMessage(p mech.Params, aad, plain []byte) (iv, ct, tag []byte, err error) {
	m, err := decodeGCMMessage(p)
	if err != nil {
		return nil, nil, nil, err
	}
	if m.modulesOwn() {
		k.rndOnce.Do(func() { k.rnd, k.rndErr = cipher.NewGCMWithRandomNonce(k.block) })
		if k.rndErr != nil {
			return nil, nil, nil, fault.Internal.At("prepare gcm")
		}
		out := k.rnd.Seal(nil, nil, plain, aad)
		end := 12 + len(plain)
		return out[:12:12], out[12:end:end], out[end : end+m.tag], nil
	}
	if iv, err = m.make(); err != nil {
		return nil, nil, nil, err
	}
	aead, err := k.aead(len(iv))
	if err != nil {
		return nil, nil, nil, err
	}
	out := sealGCM(aead, nil, gcmParams{iv, aad, m.tag}, plain)
	return iv, out[:len(plain):len(plain)], out[len(plain):], nil
}

func (k *aesKey) sealCCMMessage(p mech.Params, aad, plain []byte) (iv, ct, tag []byte, err error) {
	m, err := decodeCCMMessage(p, aad)
	if err != nil {
		return nil, nil, nil, err
	}
	if uint64(len(plain)) != m.dataLen {
		return nil, nil, nil, fault.DataLength.At("encrypt ccm message")
	}
	if m.nonce, err = m.make(); err != nil {
		return nil, nil, nil, err
	}
	out := sealCCM(k.block, nil, m.ccmParams, plain)
	return m.nonce, out[:len(plain):len(plain)], out[len(plain):], nil
}

// OpenMessage decrypts one message; who made its IV is ignored.
func (k *aesKey) OpenMessage(row *mech.Row, p mech.Params, aad, ct, tag []byte) ([]byte, error) {
	var plain []byte
	var err error
	switch in := append(append(make([]byte, 0, len(ct)+len(tag)), ct...), tag...); row.ID {
	case key.MechAESGCM:
		m, e := decodeGCMMessage(p)
		if e != nil || len(tag) != m.tag {
			return nil, fault.MechanismParamInvalid.At("decrypt gcm message")
		}
		aead, e := k.aead(len(m.iv))
		if e != nil {
			return nil, e
		}
		plain, err = openGCM(aead, nil, gcmParams{m.iv, aad, m.tag}, in)
	case key.MechAESCCM:
		m, e := decodeCCMMessage(p, aad)
		if e != nil || len(tag) != m.tag {
			return nil, fault.MechanismParamInvalid.At("decrypt ccm message")
		}
		if uint64(len(ct)) != m.dataLen {
			return nil, fault.EncryptedDataLength.At("decrypt ccm message")
		}
		plain, err = openCCM(k.block, nil, m.ccmParams, in)
	default:
		return nil, fault.MechanismInvalid.At("decrypt message")
	}
	if fault.Of(err) == fault.EncryptedDataInvalid {
		return nil, fault.AEADFailed.At("decrypt message")
	}
	return plain, err
}
