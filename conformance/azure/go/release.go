// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash"
	"net/http"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

// release: keys go out to an environment that an authority attests to, and to no other; Go's own cryptography opens them, and
// they do what the vault's did. GENBU_DOMAIN_CA is the file with the domain's CA.
func (c clients) release() {
	url := os.Getenv("AZURE_KEYVAULT_ATTESTATION_URL")
	if url == "" {
		return
	}
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	token := attest(url, &own.PublicKey, "")
	policy := fmt.Sprintf(`{"version":"1.0.0","anyOf":[{"authority":"%s/","allOf":[{"claim":"x-ms-attestation-type","equals":"sevsnpvm"},{"claim":"debug","exists":false}]}]}`, url)
	params := func(kty azkeys.KeyType) azkeys.CreateKeyParameters {
		return azkeys.CreateKeyParameters{Kty: &kty, KeyAttributes: &azkeys.KeyAttributes{Exportable: to(true)},
			ReleasePolicy: &azkeys.KeyReleasePolicy{EncodedPolicy: []byte(policy), ContentType: to("application/json; charset=utf-8")}}
	}
	for enc, h := range map[azkeys.KeyEncryptionAlgorithm]func() hash.Hash{azkeys.KeyEncryptionAlgorithmCKMRSAAESKEYWRAP: sha1.New,
		azkeys.KeyEncryptionAlgorithmRSAAESKEYWRAP256: sha256.New, azkeys.KeyEncryptionAlgorithmRSAAESKEYWRAP384: sha512.New384} {
		for where, client := range map[string]*azkeys.Client{"vault": c.vault, "hsm": c.hsm} {
			made, err := client.CreateKey(ctx, "released", params(azkeys.KeyTypeECHSM), nil)
			must(err)
			check(*made.Attributes.Exportable && string(made.ReleasePolicy.EncodedPolicy) == policy, "another policy came back")
			res, err := client.Release(ctx, "released", "", azkeys.ReleaseParameters{TargetAttestationToken: &token, Algorithm: &enc, Nonce: to("n-1")}, nil)
			must(err)
			der := opened(own, h, statement(*res.Value, *made.Key.KID, "n-1", string(enc)))
			k, err := x509.ParsePKCS8PrivateKey(der)
			must(err)
			digest := sha256.Sum256([]byte(where))
			sig, err := ecdsa.SignASN1(rand.Reader, k.(*ecdsa.PrivateKey), digest[:])
			must(err)
			public := k.(*ecdsa.PrivateKey).PublicKey
			check(public.X.Cmp(number(made.Key.X)) == 0 && ecdsa.VerifyASN1(&public, digest[:], sig), "another key was released")
		}
	}
	made, err := c.vault.CreateKey(ctx, "released-rsa", params(azkeys.KeyTypeRSAHSM), nil)
	must(err)
	res, err := c.vault.Release(ctx, "released-rsa", made.Key.KID.Version(), azkeys.ReleaseParameters{TargetAttestationToken: &token}, nil)
	must(err)
	k, err := x509.ParsePKCS8PrivateKey(opened(own, sha1.New, statement(*res.Value, *made.Key.KID, "", "CKM_RSA_AES_KEY_WRAP")))
	must(err)
	check(k.(*rsa.PrivateKey).PublicKey.Equal(publicRSA(made.Key)), "another key was released")
	secret, err := c.hsm.CreateKey(ctx, "released-oct", params(azkeys.KeyTypeOctHSM), nil)
	must(err)
	out, err := c.hsm.Release(ctx, "released-oct", "", azkeys.ReleaseParameters{TargetAttestationToken: &token, Algorithm: to(azkeys.KeyEncryptionAlgorithmRSAAESKEYWRAP256)}, nil)
	must(err)
	raw := opened(own, sha256.New, statement(*out.Value, *secret.Key.KID, "", "RSA_AES_KEY_WRAP_256"))
	iv := make([]byte, 16)
	sealed, err := c.hsm.Encrypt(ctx, "released-oct", "", azkeys.KeyOperationParameters{Algorithm: to(azkeys.EncryptionAlgorithmA256CBC), Value: bytes.Repeat([]byte{7}, 16), IV: iv}, nil)
	must(err)
	block, err := aes.NewCipher(raw)
	must(err)
	plain := make([]byte, 16)
	block.Decrypt(plain, sealed.Result)
	check(bytes.Equal(plain, bytes.Repeat([]byte{7}, 16)), "another secret key was released")

	c.releaseRefusals(url, policy, token, &own.PublicKey)
	c.attestation()
}

func (c clients) releaseRefusals(url, policy, token string, own *rsa.PublicKey) {
	try := func(key, token string) error {
		_, err := c.vault.Release(ctx, key, "", azkeys.ReleaseParameters{TargetAttestationToken: &token}, nil)
		return err
	}
	for _, wrong := range []string{attest(url, own, "debug=true"), attest(url, own, "x-ms-attestation-type=sgx"), attest(url, own, "exp=x"), attest(url, own, "iss=https://other"),
		token[:len(token)-8] + "AAAAAAAA"} {
		err := try("released", wrong)
		refused(err, 403, "Forbidden")
		check(strings.Contains(err.Error(), "ForbiddenByPolicy"), err.Error())
	}
	refused(try("released", "garbage"), 400, "BadParameter")
	refused(try("no-such-key", token), 404, "KeyNotFound")
	_, err := c.vault.CreateKey(ctx, "kept", azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeECHSM)}, nil)
	must(err)
	refused(try("kept", token), 403, "Forbidden")
	_, err = c.vault.CreateKey(ctx, "no-policy", azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeECHSM), KeyAttributes: &azkeys.KeyAttributes{Exportable: to(true)}}, nil)
	refused(err, 400, "BadParameter")

	// A policy can be changed until it is immutable; a policy that asks for more refuses from then on.
	stricter := strings.Replace(policy, `"sevsnpvm"`, `"none"`, 1)
	change := func(text string, immutable bool) error {
		_, err := c.vault.UpdateKey(ctx, "released", "", azkeys.UpdateKeyParameters{ReleasePolicy: &azkeys.KeyReleasePolicy{EncodedPolicy: []byte(text), Immutable: &immutable}}, nil)
		return err
	}
	must(change(stricter, false))
	refused(try("released", token), 403, "Forbidden")
	must(change(policy, true))
	must(try("released", token))
	refused(change(stricter, true), 403, "Forbidden")
	must(try("released", token))
	refused(change("{}", false), 403, "Forbidden")

	_, err = c.vault.UpdateKey(ctx, "released", "", azkeys.UpdateKeyParameters{KeyAttributes: &azkeys.KeyAttributes{Enabled: to(false)}}, nil)
	must(err)
	refused(try("released", token), 403, "Forbidden")
}

// attestation: the module says that the vault's key was made in it.
func (c clients) attestation() {
	made, err := c.hsm.CreateKey(ctx, "attested", azkeys.CreateKeyParameters{Kty: to(azkeys.KeyTypeECHSM)}, nil)
	must(err)
	res, err := c.hsm.GetKeyAttestation(ctx, "attested", "", nil)
	must(err)
	a := res.Attributes.Attestation
	claims := verified(string(a.PrivateKeyAttestation))
	origin, _ := claims["origin"].(map[string]any)
	key, _ := claims["key"].(map[string]any)
	check(origin["local"] == true && origin["extractable"] == false && key["kid"] == string(*made.Key.KID), "the attestation is of another key")
	check(verified(string(a.PublicKeyAttestation))["about"] == "public", "the second attestation is not of the public key")
	block, _ := pem.Decode(a.CertificatePEMFile)
	check(block != nil && block.Type == "CERTIFICATE", "there is no certificate")
}

// attest asks the authority for a token.
func attest(url string, k *rsa.PublicKey, more string) string {
	body, err := json.Marshal(publicJWK(k))
	must(err)
	res, err := http.Post(url+"/attest?"+more, "application/json", bytes.NewReader(body))
	must(err)
	defer res.Body.Close()
	var out struct{ Token string }
	must(json.NewDecoder(res.Body).Decode(&out))
	return out.Token
}

// verified checks a statement with the domain's CA, and answers its claims.
func verified(jws string) (claims map[string]any) {
	parts := strings.Split(jws, ".")
	equal("parts of the statement", len(parts), 3)
	var header struct {
		Alg string
		X5c [][]byte
	}
	must(json.Unmarshal(decoded(parts[0]), &header))
	equal("algorithm of the statement", header.Alg, "RS256")
	ca, err := os.ReadFile(os.Getenv("GENBU_DOMAIN_CA"))
	must(err)
	roots := x509.NewCertPool()
	check(roots.AppendCertsFromPEM(ca), "GENBU_DOMAIN_CA has no certificate")
	leaf, err := x509.ParseCertificate(header.X5c[0])
	must(err)
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	must(err)
	check(len(leaf.URIs) == 1 && strings.HasSuffix(leaf.URIs[0].String(), "/statements"), "the certificate is another one")
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	must(rsa.VerifyPKCS1v15(leaf.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], decoded(parts[2])))
	must(json.Unmarshal(decoded(parts[1]), &claims))
	return claims
}

// statement checks what was released, and answers the wrapped key.
func statement(jws string, kid azkeys.ID, nonce, enc string) []byte {
	text, err := json.Marshal(verified(jws))
	must(err)
	var claims struct {
		Request  struct{ Enc, Kid, Nonce string }
		Response struct {
			Key struct {
				Key struct {
					Kid    string
					KeyHSM string `json:"key_hsm"`
				}
			}
		}
	}
	must(json.Unmarshal(text, &claims))
	equal("kid", claims.Response.Key.Key.Kid, string(kid))
	equal("request", claims.Request, struct{ Enc, Kid, Nonce string }{enc, string(kid), nonce})
	var blob struct {
		Header     struct{ Kid, Enc string }
		Ciphertext string
	}
	must(json.Unmarshal(decoded(claims.Response.Key.Key.KeyHSM), &blob))
	equal("environment's key", blob.Header.Kid, "TpmEphemeralEncryptionKey")
	return decoded(blob.Ciphertext)
}

// opened undoes CKM_RSA_AES_KEY_WRAP (PKCS #11 3.0 section 2.1.21): OAEP, and RFC 5649 with the key that was in it.
func opened(own *rsa.PrivateKey, h func() hash.Hash, wrapped []byte) []byte {
	kek, err := rsa.DecryptOAEP(h(), nil, own, wrapped[:own.Size()], nil)
	must(err)
	block, err := aes.NewCipher(kek)
	must(err)
	in := wrapped[own.Size():]
	n := len(in)/8 - 1
	a, r := bytes.Clone(in[:8]), bytes.Clone(in[8:])
	for j := 5; j >= 0; j-- {
		for i := n; i >= 1; i-- {
			var b [16]byte
			binary.BigEndian.PutUint64(b[:], binary.BigEndian.Uint64(a)^uint64(n*j+i))
			copy(b[8:], r[8*i-8:])
			block.Decrypt(b[:], b[:])
			copy(a, b[:8])
			copy(r[8*i-8:8*i], b[8:])
		}
	}
	check(bytes.Equal(a[:4], []byte{0xA6, 0x59, 0x59, 0xA6}), "the wrapped key does not open")
	return r[:binary.BigEndian.Uint32(a[4:])]
}

func decoded(text string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(text)
	must(err)
	return b
}
