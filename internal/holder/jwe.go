// SPDX-License-Identifier: Apache-2.0

package holder

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"
)

// jwe is a compact JWE (RFC 7516 section 7.1) with A256CBC-HS512 (RFC 7518 section 5.2.5), taken apart.
type jwe struct {
	header           string // as it stood
	key, iv, ct, tag []byte
}

// parse takes a JWE apart and holds its header to what the file's form wants in this place.
func parse(text, alg string) (*jwe, error) {
	bad := errors.New("it is no compact JWE with A256CBC-HS512")
	parts := strings.Split(text, ".")
	if len(parts) != 5 {
		return nil, bad
	}
	j := &jwe{header: parts[0]}
	for i, to := range []*[]byte{&j.key, &j.iv, &j.ct, &j.tag} {
		var err error
		if *to, err = base64url.DecodeString(parts[i+1]); err != nil {
			return nil, bad
		}
	}
	var h struct{ Alg, Enc string }
	head, err := base64url.DecodeString(j.header)
	if err != nil || json.Unmarshal(head, &h) != nil || h.Enc != "A256CBC-HS512" ||
		len(j.iv) != aes.BlockSize || len(j.ct) == 0 || len(j.ct)%aes.BlockSize != 0 || len(j.tag) != 32 {
		return nil, bad
	}
	if h.Alg != alg {
		return nil, errors.New("its algorithm is not " + alg)
	}
	return j, nil
}

// seal encrypts plain to an RSA key.
func seal(to *rsa.PublicKey, plain []byte) (string, error) {
	cek := make([]byte, 64)
	defer clear(cek)
	rand.Read(cek)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, to, cek, nil)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(cek[32:])
	if err != nil {
		return "", err
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	body := make([]byte, len(plain)+pad)
	for i := copy(body, plain); i < len(body); i++ {
		body[i] = byte(pad)
	}
	iv := make([]byte, aes.BlockSize)
	rand.Read(iv)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(body, body)
	j := jwe{header: base64url.EncodeToString([]byte(`{"alg":"RSA-OAEP-256","kid":"not used","enc":"A256CBC-HS512"}`)), iv: iv, ct: body}
	list := []string{j.header}
	for _, part := range [][]byte{wrapped, iv, body, j.mac(cek)} {
		list = append(list, base64url.EncodeToString(part))
	}
	return strings.Join(list, "."), nil
}

// errOther says that a JWE is not for this key, or damaged: RSA-OAEP does not tell which.
var errOther = errors.New("not for this key, or damaged")

// open decrypts with an RSA key.
func (j *jwe) open(k *rsa.PrivateKey) ([]byte, error) {
	cek, err := rsa.DecryptOAEP(sha256.New(), nil, k, j.key, nil)
	if err != nil || len(cek) != 64 {
		return nil, errOther
	}
	defer clear(cek)
	if !hmac.Equal(j.mac(cek), j.tag) {
		return nil, errors.New("it is damaged")
	}
	block, err := aes.NewCipher(cek[32:])
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(j.ct))
	cipher.NewCBCDecrypter(block, j.iv).CryptBlocks(plain, j.ct)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > aes.BlockSize {
		clear(plain)
		return nil, errors.New("it is damaged")
	}
	return plain[:len(plain)-pad], nil
}

func (j *jwe) mac(cek []byte) []byte {
	h := hmac.New(sha512.New, cek[:32])
	h.Write([]byte(j.header))
	h.Write(j.iv)
	h.Write(j.ct)
	h.Write(binary.BigEndian.AppendUint64(nil, 8*uint64(len(j.header))))
	return h.Sum(nil)[:32]
}
