// SPDX-License-Identifier: Apache-2.0

package rsa

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"math/big"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// decryptPKCS1 never tells good padding from bad: where the padding is bad it answers a message that looks random and
// is the same each time the same ciphertext comes (implicit rejection, draft-irtf-cfrg-rsa-guidance section 7, as
// OpenSSL 3.2 does). Otherwise the caller's error would decrypt any ciphertext, a million questions at a time
// (Bleichenbacher 1998). Only what anybody can see in the ciphertext is refused openly.
func (k *rsaKey) decryptPKCS1(c []byte) ([]byte, error) {
	if len(c) != k.size() {
		return nil, fault.EncryptedDataLength.At("decrypt pkcs1")
	}
	if new(big.Int).SetBytes(c).Cmp(k.pub.N) >= 0 {
		return nil, fault.EncryptedDataInvalid.At("decrypt pkcs1")
	}
	decoy := k.decoy(c) // always, so that the time is the same
	m, err := k.priv.decryptPKCS1(c)
	if err != nil {
		return decoy, nil
	}
	clear(decoy)
	return m, nil
}

// decoy is the message answered for a ciphertext with bad padding: from 0 to size-11 bytes.
func (k *rsaKey) decoy(c []byte) []byte {
	mac := hmac.New(sha256.New, k.reject[:])
	mac.Write(c)
	kdk := mac.Sum(nil)
	message := prf(kdk, "message", k.size())
	lengths := prf(kdk, "length", 256)

	limit := k.size() - 2 - 8 // longest message and its zero byte
	mask := limit
	for s := 1; s <= 8; s *= 2 {
		mask |= mask >> s
	}
	n := 0
	for i := 0; i < len(lengths); i += 2 { // 128 draws: that none is below limit has a chance of 2^-128 at most
		draw := int(binary.BigEndian.Uint16(lengths[i:])) & mask
		n = subtle.ConstantTimeSelect(subtle.ConstantTimeLessOrEq(draw, limit-1), draw, n)
	}
	clear(kdk)
	return message[len(message)-n:]
}

// prf is the IRPRF of the draft: HMAC-SHA-256 over counter, label and length in bits.
func prf(kdk []byte, label string, n int) []byte {
	out := make([]byte, 0, n+sha256.Size)
	for i := 0; len(out) < n; i++ {
		mac := hmac.New(sha256.New, kdk)
		mac.Write(binary.BigEndian.AppendUint16(nil, uint16(i)))
		mac.Write([]byte(label))
		mac.Write(binary.BigEndian.AppendUint16(nil, uint16(n*8)))
		out = mac.Sum(out)
	}
	return out[:n]
}
