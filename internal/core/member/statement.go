// SPDX-License-Identifier: Apache-2.0

package member

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/ssp"
	"github.com/genbu-hsm/genbu/internal/ssp/access"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

const (
	// StatementPath is where the key for statements rests; it is made when the first one is asked for.
	StatementPath = prefix + "w"

	// StatementLife is how long a certificate for statements lasts. People keep statements, and look at them later.
	StatementLife = 2 * 365 * day

	statementBits = 3072
)

// oidDocumentSigning (RFC 9336) says that a statement's certificate is good for no connection.
var oidDocumentSigning = asn1OID{1, 3, 6, 1, 5, 5, 7, 3, 36}

// StatementKey signs what the domain says to strangers who know its CA: that a key was released, that a key was made here.
// RSA, since what reads Azure's releases takes RS256. Its private half stays in secret memory.
type StatementKey struct {
	private ssp.Bytes
	public  *rsa.PublicKey
	spki    []byte
}

// NewStatementKey draws a key, which has signed and verified once before it is answered. That takes a second or more.
func NewStatementKey() (k *StatementKey, err error) {
	ssp.Do(func() {
		var private *rsa.PrivateKey
		if private, err = rsa.GenerateKey(rand.Reader, statementBits); err != nil {
			err = fault.Internal.At("draw statement key")
			return
		}
		w := wire.Writer{B: make([]byte, 0, 2048)} // never outgrown, so no half of the key is left behind
		for _, i := range []*big.Int{private.N, private.D, private.Primes[0], private.Primes[1]} {
			w.Bytes(i.Bytes())
		}
		w.U32(uint32(private.E))
		k, err = statementKey(w.B)
	})
	return k, err
}

// EncodeStatementKey is the plaintext of r/<domain>/w; called inside ssp.Do, as is DecodeStatementKey.
func EncodeStatementKey(k *StatementKey) []byte {
	w := wire.Writer{B: make([]byte, 0, 2048)}
	w.U8(recordVersion)
	putSecret(&w, k.private)
	return w.B
}

// DecodeStatementKey reads what EncodeStatementKey wrote.
func DecodeStatementKey(b []byte) (*StatementKey, error) {
	r := wire.NewReader(b)
	if r.U8() != recordVersion {
		return nil, fault.RecordInvalid.At("read statement key")
	}
	return statementKey(r.Rest())
}

// statementKey takes a key's numbers. Called inside ssp.Do.
func statementKey(numbers []byte) (*StatementKey, error) {
	private, err := readStatementKey(numbers)
	if err != nil {
		return nil, err
	}
	k := &StatementKey{public: &rsa.PublicKey{N: new(big.Int).SetBytes(private.N.Bytes()), E: private.E}}
	e := big.NewInt(int64(k.public.E)).Bytes()
	if k.spki, err = wrap.SPKI(mech.Material{Type: key.TypeRSA, Public: wrap.EncodeRSAPublic(k.public.N.Bytes(), e)}); err != nil {
		return nil, fault.RecordInvalid.At("read statement key")
	}
	if k.private, err = ssp.Alloc(len(numbers)); err != nil {
		return nil, err
	}
	k.private.Use(access.Token{}, func(p []byte) { copy(p, numbers) })
	digest := make([]byte, 32)
	signature, err := k.sign(digest)
	if err != nil || rsa.VerifyPKCS1v15(k.public, crypto.SHA256, digest, signature) != nil {
		k.Free()
		return nil, fault.PairwiseFailed.At("try statement key")
	}
	return k, nil
}

func readStatementKey(numbers []byte) (*rsa.PrivateKey, error) {
	r := wire.NewReader(numbers)
	number := func() *big.Int { return new(big.Int).SetBytes(r.Bytes()) }
	k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: number()}, D: number(), Primes: []*big.Int{number(), number()}}
	k.E = int(r.U32())
	if r.End() != nil {
		return nil, fault.RecordInvalid.At("read statement key")
	}
	k.Precompute()
	if k.Validate() != nil {
		return nil, fault.RecordInvalid.At("check statement key")
	}
	return k, nil
}

// Sign signs a text (RSASSA-PKCS1-v1_5 with SHA-256).
func (k *StatementKey) Sign(text []byte) (signature []byte, err error) {
	digest := sha256.Sum256(text)
	ssp.Do(func() {
		var made []byte
		if made, err = k.sign(digest[:]); err == nil {
			signature = made
		}
	})
	return append([]byte(nil), signature...), err
}

func (k *StatementKey) sign(digest []byte) (signature []byte, err error) {
	k.private.Use(access.Token{}, func(p []byte) {
		var private *rsa.PrivateKey
		if private, err = readStatementKey(p); err == nil {
			signature, err = rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest)
		}
	})
	if err != nil {
		return nil, fault.Internal.At("sign statement")
	}
	return signature, nil
}

// SPKI is the SubjectPublicKeyInfo, DER.
func (k *StatementKey) SPKI() []byte { return k.spki }

// Free forgets the key.
func (k *StatementKey) Free() { k.private.Free() }

// StatementURI names the domain as the one who says something.
func StatementURI(domain key.ID) string { return "genbu://" + domain.String() + "/statements" }

// IssueStatement makes the certificate of the key for statements. It is no node's and no agent's, and of no use in TLS.
func IssueStatement(ca *SigningKey, domain key.ID, k *StatementKey, now int64) ([]byte, error) {
	return certificate{issuer: caName(domain), subject: "statements of " + domain.String(), from: now - skew, until: now + StatementLife, spki: k.SPKI(),
		uri: StatementURI(domain), purpose: oidDocumentSigning, issuerSPKI: ca.SPKI()}.sign(ca)
}
