// SPDX-License-Identifier: Apache-2.0

package certificate

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	stdasn1 "encoding/asn1"
	"encoding/base64"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/fault"
)

// The functions of this file are called inside ssp.Do: what they answer has a private key in it.

const pemLine = 64

// PEM is the private key and its certificates, as RFC 7468 has them.
func PEM(pkcs8 []byte, chain [][]byte) []byte {
	size := 2*len(pkcs8) + 128
	for _, der := range chain {
		size += 2*len(der) + 128
	}
	out := block(make([]byte, 0, size), "PRIVATE KEY", pkcs8) // never outgrown, so no half of the key is left behind
	for _, der := range chain {
		out = block(out, "CERTIFICATE", der)
	}
	return out
}

func block(out []byte, kind string, der []byte) []byte {
	out = append(append(append(out, "-----BEGIN "...), kind...), "-----\n"...)
	for len(der) > 0 {
		n := min(len(der), pemLine/4*3)
		out = append(base64.StdEncoding.AppendEncode(out, der[:n]), '\n')
		der = der[n:]
	}
	return append(append(append(out, "-----END "...), kind...), "-----\n"...)
}

// Object identifiers of PKCS #7, PKCS #5, PKCS #9 and PKCS #12.
var (
	oidData         = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncrypted    = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidPBES2        = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2       = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMACSHA256   = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidSHA256       = stdasn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidAES256CBC    = stdasn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	oidKeyBag       = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2} // shrouded
	oidCertBag      = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509         = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidLocalKeyID   = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 21}
	contextSpecific = asn1.Tag(0).ContextSpecific().Constructed()
)

// iterations: the password is empty, as Key Vault's is, so they hold nobody up.
const (
	iterations = 2048
	saltLen    = 16
)

// PFX is the same as PKCS #12 (RFC 7292), under the empty password: PBES2 with AES-256 and PBKDF2, and a MAC with SHA-256.
func PFX(pkcs8 []byte, chain [][]byte) ([]byte, error) {
	if len(chain) == 0 {
		return nil, fault.ArgumentsBad.At("make a file of no certificate")
	}
	id := sha1.Sum(chain[0]) // ties the key to its certificate
	var certs, keys cryptobyte.Builder
	certs.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for i, der := range chain {
			bag(b, oidCertBag, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidX509)
					b.AddASN1(contextSpecific, func(b *cryptobyte.Builder) { b.AddASN1OctetString(der) })
				})
			}, id[:], i == 0)
		}
	})
	plain, err := certs.Bytes()
	if err != nil {
		return nil, fault.Internal.At("write certificates")
	}
	shrouded, keyAlgorithm, err := encrypt(pkcs8)
	if err != nil {
		return nil, err
	}
	keys.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		bag(b, oidKeyBag, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(keyAlgorithm)
				b.AddASN1OctetString(shrouded)
			})
		}, id[:], true)
	})
	sealed, certAlgorithm, err := encrypt(plain)
	if err != nil {
		return nil, err
	}
	var safe cryptobyte.Builder // AuthenticatedSafe
	safe.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidEncrypted)
			b.AddASN1(contextSpecific, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1Int64(0)
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(oidData)
						b.AddBytes(certAlgorithm)
						b.AddASN1(asn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(sealed) })
					})
				})
			})
		})
		content, _ := keys.Bytes() // errors show when the whole is built
		data(b, content)
	})
	content, err := safe.Bytes()
	if err != nil {
		return nil, fault.Internal.At("write key")
	}
	return pfx(content)
}

// pfx is the outermost shell: version 3, the content and its MAC.
func pfx(content []byte) ([]byte, error) {
	salt := make([]byte, saltLen)
	rand.Read(salt)
	h := hmac.New(sha256.New, macKey(salt))
	h.Write(content)
	sum := h.Sum(nil)
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(3)
		data(b, content)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidSHA256)
					b.AddASN1NULL()
				})
				b.AddASN1OctetString(sum)
			})
			b.AddASN1OctetString(salt)
			b.AddASN1Int64(iterations)
		})
	})
	out, err := b.Bytes()
	if err != nil {
		return nil, fault.Internal.At("write file of a certificate")
	}
	return out, nil
}

func data(b *cryptobyte.Builder, content []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidData)
		b.AddASN1(contextSpecific, func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
	})
}

// bag is a SafeBag; the key and its own certificate have the id that joins them.
func bag(b *cryptobyte.Builder, kind stdasn1.ObjectIdentifier, value func(b *cryptobyte.Builder), id []byte, joined bool) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(kind)
		b.AddASN1(contextSpecific, value)
		if !joined {
			return
		}
		b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidLocalKeyID)
				b.AddASN1(asn1.SET, func(b *cryptobyte.Builder) { b.AddASN1OctetString(id) })
			})
		})
	})
}

// encrypt is PBES2 (RFC 8018) under the empty password; algorithm is what says how.
func encrypt(plain []byte) (sealed, algorithm []byte, err error) {
	salt, iv := make([]byte, saltLen), make([]byte, aes.BlockSize)
	rand.Read(salt)
	rand.Read(iv)
	k, err := pbkdf2.Key(sha256.New, "", salt, iterations, 32)
	if err != nil {
		return nil, nil, fault.Internal.At("derive key of a file")
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, nil, fault.Internal.At("encrypt file")
	}
	n := aes.BlockSize - len(plain)%aes.BlockSize
	sealed = make([]byte, len(plain)+n)
	copy(sealed, plain)
	for i := len(plain); i < len(sealed); i++ {
		sealed[i] = byte(n)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(sealed, sealed)
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidPBES2)
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidPBKDF2)
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1OctetString(salt)
					b.AddASN1Int64(iterations)
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1ObjectIdentifier(oidHMACSHA256)
						b.AddASN1NULL()
					})
				})
			})
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidAES256CBC)
				b.AddASN1OctetString(iv)
			})
		})
	})
	algorithm, err = b.Bytes()
	if err != nil {
		return nil, nil, fault.Internal.At("write algorithm of a file")
	}
	return sealed, algorithm, nil
}

// macKey is the key derivation of RFC 7292 appendix B for a MAC key under the empty password, which there has two zero bytes. SHA-256 gives as
// much as is wanted in one round.
func macKey(salt []byte) []byte {
	const purpose, block = 3, 64
	in := make([]byte, 0, 3*block)
	for range block {
		in = append(in, purpose)
	}
	for len(in) < 2*block {
		in = append(in, salt[:min(len(salt), 2*block-len(in))]...)
	}
	in = append(in, make([]byte, block)...)
	sum := sha256.Sum256(in)
	for range iterations - 1 {
		sum = sha256.Sum256(sum[:])
	}
	return sum[:]
}
