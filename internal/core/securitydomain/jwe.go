// SPDX-License-Identifier: Apache-2.0

package securitydomain

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// A compact JWE (RFC 7516 section 7.1) is five parts of base64url between dots: header, encrypted key, IV, ciphertext, tag.
// The file knows two kinds: RSA-OAEP-256 for what is wrapped to a key, and dir for a datum, both with A256CBC-HS512 (RFC 7518
// section 5.2.5). Which kind stands where is fixed by the file's form; so the header is authenticated, and never asked.

const cekLen = 64 // HMAC key, then AES key

var base64url = base64.RawURLEncoding.Strict()

// wrapJWE encrypts plain to an RSA key.
func wrapJWE(to *rsa.PublicKey, plain []byte) (string, error) {
	cek := make([]byte, cekLen)
	defer clear(cek)
	rand.Read(cek)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, to, cek, nil)
	if err != nil {
		return "", fault.Internal.At("wrap to holder's key")
	}
	return encrypt(cek, `{"alg":"RSA-OAEP-256","kid":"not used","enc":"A256CBC-HS512"}`, wrapped, plain)
}

// openWrapped is the way back; ShareBad for anything else.
func openWrapped(by *rsa.PrivateKey, jwe string) ([]byte, error) {
	p, ok := parseJWE(jwe)
	if !ok {
		return nil, fault.ShareBad.At("read what was wrapped to the transfer key")
	}
	cek, err := rsa.DecryptOAEP(sha256.New(), nil, by, p.key, nil)
	if err != nil || len(cek) != cekLen {
		return nil, fault.ShareBad.At("open what was wrapped: it is damaged, or wrapped to another transfer key")
	}
	defer clear(cek)
	plain, ok := p.decrypt(cek)
	if !ok {
		return nil, fault.ShareBad.At("open what was wrapped: it is damaged")
	}
	return plain, nil
}

// sealDatum encrypts a datum under its own key.
func sealDatum(master []byte, d Datum) (string, error) {
	if !validTag(d.Tag) {
		return "", fault.Internal.At("name datum")
	}
	cek := datumKey(master, d.Tag)
	defer clear(cek)
	return encrypt(cek, `{"alg":"dir","kid":"`+d.Tag+`","enc":"A256CBC-HS512"}`, nil, d.Plain)
}

func openDatum(master []byte, s Sealed) ([]byte, bool) {
	p, ok := parseJWE(s.JWE)
	if !ok || len(p.key) != 0 {
		return nil, false
	}
	cek := datumKey(master, s.Tag)
	defer clear(cek)
	return p.decrypt(cek)
}

// validTag holds our own tags to what needs no escape in JSON.
func validTag(tag string) bool {
	for _, c := range []byte(tag) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return tag != ""
}

// datumKey is one block of SP 800-108 in counter mode with HMAC-SHA-512, the tag being the label, without context.
func datumKey(master []byte, tag string) []byte {
	h := hmac.New(sha512.New, master)
	h.Write([]byte{0, 0, 0, 1})
	h.Write([]byte(tag))
	h.Write([]byte{0})
	h.Write([]byte{0, 0, 2, 0}) // 512 bits
	return h.Sum(nil)
}

func encrypt(cek []byte, header string, wrapped, plain []byte) (string, error) {
	block, err := aes.NewCipher(cek[32:])
	if err != nil {
		return "", fault.Internal.At("encrypt")
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	body := make([]byte, len(plain)+pad)
	for i := copy(body, plain); i < len(body); i++ {
		body[i] = byte(pad)
	}
	iv := make([]byte, aes.BlockSize)
	rand.Read(iv)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(body, body)
	head := base64url.EncodeToString([]byte(header))
	tag := authenticate(cek, head, iv, body)
	parts := []string{head, base64url.EncodeToString(wrapped), base64url.EncodeToString(iv), base64url.EncodeToString(body), base64url.EncodeToString(tag)}
	return strings.Join(parts, "."), nil
}

// parsed is a JWE taken apart; the header as it stood.
type parsed struct {
	header            string
	key, iv, ct, mark []byte
}

// maxJWE is far above the longest part: a domain's datum has a few hundred bytes.
const maxJWE = 64 << 10

func parseJWE(jwe string) (p parsed, ok bool) {
	parts := strings.Split(jwe, ".")
	if len(jwe) > maxJWE || len(parts) != 5 {
		return p, false
	}
	p.header = parts[0]
	for i, to := range []*[]byte{&p.key, &p.iv, &p.ct, &p.mark} {
		var err error
		if *to, err = base64url.DecodeString(parts[i+1]); err != nil {
			return p, false
		}
	}
	return p, len(p.iv) == aes.BlockSize && len(p.ct) > 0 && len(p.ct)%aes.BlockSize == 0 && len(p.mark) == 32
}

func (p *parsed) decrypt(cek []byte) (plain []byte, ok bool) {
	if subtle.ConstantTimeCompare(authenticate(cek, p.header, p.iv, p.ct), p.mark) != 1 {
		return nil, false
	}
	block, err := aes.NewCipher(cek[32:])
	if err != nil {
		return nil, false
	}
	body := make([]byte, len(p.ct))
	cipher.NewCBCDecrypter(block, p.iv).CryptBlocks(body, p.ct)
	pad := int(body[len(body)-1]) // authentic, so whoever wrote it had the key
	if pad < 1 || pad > aes.BlockSize {
		return nil, false
	}
	return body[:len(body)-pad], true
}

func authenticate(cek []byte, header string, iv, ct []byte) []byte {
	h := hmac.New(sha512.New, cek[:32])
	h.Write([]byte(header))
	h.Write(iv)
	h.Write(ct)
	h.Write(binary.BigEndian.AppendUint64(nil, 8*uint64(len(header))))
	return h.Sum(nil)[:32]
}
