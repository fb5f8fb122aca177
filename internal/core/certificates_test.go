// SPDX-License-Identifier: Apache-2.0

package core

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

const certificatesOfficer = "a4417e6f-fecd-4de8-b567-7b0420556985"

// certifier is a key of the core that signs certificates.
type certifier struct {
	s      *client.Session
	k      client.Named
	of     uint64
	public crypto.PublicKey
}

func (c *certifier) Public() crypto.PublicKey { return c.public }

func (c *certifier) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("a digest")
}

func (c *certifier) SignMessage(_ io.Reader, tbs []byte, _ crypto.SignerOpts) ([]byte, error) {
	out, err := c.s.Certify(c.k.Handle, c.k.Name, c.of, tbs)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(out[:len(out)/2]))
		b.AddASN1BigInt(new(big.Int).SetBytes(out[len(out)/2:]))
	})
	return b.Bytes()
}

func (w *world) certifier(s *client.Session, k client.Named, of uint64) *certifier {
	w.t.Helper()
	v, err := w.session(w.vault).Get(k.Handle, key.AttrPublicKeyInfo)
	w.must(err)
	public, err := x509.ParsePKIXPublicKey(v[0].Value)
	w.must(err)
	return &certifier{s, k, of, public}
}

func requested(c *certifier) error {
	_, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: c.k.Name}}, c)
	return err
}

// issued signs a certificate for a public key by a key, which checks the signature as well.
func issued(by *certifier, public crypto.PublicKey, ca bool) error {
	parent := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true, PublicKey: by.public}
	t := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
		IsCA: ca, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, public, by)
	if err != nil {
		return err
	}
	_, err = x509.ParseCertificate(der)
	return err
}

func partKey(name string, out bool) client.KeySpec {
	k := ecKey(name)
	k.Part, k.Extractable = key.PartCertificate, out
	return k
}

func partSecret(name string) client.Template {
	t := secret(name, "")[:5]
	return append(t, client.ULong(key.AttrPart, uint64(key.PartCertificate)))
}

func TestTheRightToMakeCertificatesIsNoRightToUseTheirKeys(t *testing.T) {
	w := newWorld(t)
	all := w.session(w.vault)
	plain := w.create(all, ecKey("plain"))
	id, pass := w.identity("officer")
	w.assign(w.vault, "/", certificatesOfficer, id)
	s := w.as(w.vault, id, pass)

	// What it takes to make a certificate.
	www := w.create(s, partKey("www", true))
	ca := w.create(s, partKey("ca", false))
	own, authority := w.certifier(s, www, 0), w.certifier(s, ca, 0)
	w.must(requested(own))
	w.must(issued(own, own.public, false))
	w.must(issued(authority, authority.public, true)) // self-signed
	issuing := w.certifier(s, ca, www.Handle)
	w.must(issued(issuing, own.public, false))
	o, err := s.CertFile(www.Handle, "www", client.FilePEM, [][]byte{{0x30, 0}}, partSecret("www"))
	w.must(err)
	w.must(s.Set(www.Handle, client.Template{client.Text(key.AttrDoor, "{}"), client.ULong(key.AttrState, uint64(key.StateSuspended))}))
	w.must(s.Set(www.Handle, client.Template{client.ULong(key.AttrState, uint64(key.StateActive))}))
	_, err = s.Name(key.GroupKeys, "www", "", false, key.AttrPublicKeyInfo, key.AttrDoor)
	w.must(err)

	// What it does not take.
	value := func(s *client.Session, handle uint64) error {
		v, err := s.Get(handle, key.AttrValue)
		if err == nil && v[0].Status != client.Given {
			err = fault.AttributeSensitive
		}
		return err
	}
	kek, err := all.Create(client.Template{client.ULong(key.AttrClass, key.ClassSecret), client.ULong(key.AttrKeyType, key.TypeAES), client.Bool(key.AttrToken, false),
		client.Bool(key.AttrWrap, true), client.Bytes(key.AttrValue, make([]byte, 32))})
	w.must(err)
	theirs, err := s.Create(client.Template{client.ULong(key.AttrClass, key.ClassSecret), client.ULong(key.AttrKeyType, key.TypeAES), client.Bool(key.AttrToken, false),
		client.Bool(key.AttrWrap, true), client.Bytes(key.AttrValue, make([]byte, 32))})
	w.must(err)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	w.must(err)
	digest := make([]byte, 32)
	for name, c := range map[string]struct {
		do      func(s *client.Session, kek uint64) error
		want    fault.Code
		control fault.Code // what the vault's administrator is told, who may do everything
	}{
		"sign": {func(s *client.Session, _ uint64) error {
			_, err := s.Operate(client.Operation{Op: key.OpSign, Mech: client.Mech(key.MechECDSA), Key: www.Handle, Name: "www", Data: digest})
			return err
		}, fault.Denied, fault.OK},
		"sign over PKCS #11": {func(s *client.Session, _ uint64) error {
			_, err := s.Sign(client.Mech(key.MechECDSA), www.Handle, digest)
			return err
		}, fault.Denied, fault.OK},
		"certify a digest": {func(s *client.Session, _ uint64) error { _, err := s.Certify(www.Handle, "www", 0, digest); return err }, fault.ArgumentsBad, fault.ArgumentsBad},
		"take the key out": {func(s *client.Session, kek uint64) error {
			_, err := s.Wrap(client.GCM(make([]byte, 12), nil, 128), kek, www.Handle)
			return err
		}, fault.Denied, fault.OK},
		"read the secret": {func(s *client.Session, _ uint64) error { return value(s, o.Handle) }, fault.AttributeSensitive, fault.OK},
		"keep the key in a secret that is no part": {func(s *client.Session, _ uint64) error {
			_, err := s.CertFile(www.Handle, "www", client.FilePEM, [][]byte{{0x30, 0}}, secret("mine", "")[:5])
			return err
		}, fault.Denied, fault.OK},
		"keep it in another certificate's": {func(s *client.Session, _ uint64) error {
			_, err := s.CertFile(www.Handle, "www", client.FilePEM, [][]byte{{0x30, 0}}, partSecret("another"))
			return err
		}, fault.Denied, fault.OK},
		"keep a key that stays": {func(s *client.Session, _ uint64) error {
			_, err := s.CertFile(ca.Handle, "ca", client.FilePEM, [][]byte{{0x30, 0}}, partSecret("ca"))
			return err
		}, fault.KeyUnextractable, fault.KeyUnextractable},
		"certify a stranger": {func(s *client.Session, _ uint64) error {
			return issued(w.certifier(s, ca, www.Handle), stranger.Public(), false)
		}, fault.ArgumentsBad, fault.ArgumentsBad},
		"make another a CA": {func(s *client.Session, _ uint64) error {
			return issued(w.certifier(s, ca, www.Handle), own.public, true)
		}, fault.Denied, fault.OK},
		"request with another's key": {func(s *client.Session, _ uint64) error {
			return requested(&certifier{s, ca, www.Handle, own.public})
		}, fault.ArgumentsBad, fault.ArgumentsBad},
		"certify with a key that is no part": {func(s *client.Session, _ uint64) error { return requested(w.certifier(s, plain, 0)) }, fault.ObjectUnknown, fault.OK},
		"certify for one that is no part": {func(s *client.Session, _ uint64) error {
			return issued(w.certifier(s, ca, plain.Handle), w.certifier(s, plain, 0).public, false)
		}, fault.ObjectUnknown, fault.OK},
		"change what the key is for": {func(s *client.Session, _ uint64) error {
			return s.Set(www.Handle, client.Template{client.ULong(key.AttrKeyOps, key.OpSign|key.OpVerify)})
		}, fault.Denied, fault.OK},
		"make it no part": {func(s *client.Session, _ uint64) error {
			return s.Set(www.Handle, client.Template{client.ULong(key.AttrPart, uint64(key.PartSettings))})
		}, fault.Denied, fault.AttributeReadOnly},
		"make the plain one a part": {func(s *client.Session, _ uint64) error {
			return s.Set(plain.Handle, client.Template{client.ULong(key.AttrPart, uint64(key.PartCertificate))})
		}, fault.ObjectUnknown, fault.AttributeReadOnly},
		"make a key":                   {func(s *client.Session, _ uint64) error { _, err := s.CreateKey(ecKey("new")); return err }, fault.Denied, fault.OK},
		"make a secret":                {func(s *client.Session, _ uint64) error { _, err := s.Create(secret("new", "x")); return err }, fault.Denied, fault.OK},
		"put a part before plain ones": {func(s *client.Session, _ uint64) error { _, err := s.CreateKey(partKey("plain", false)); return err }, fault.Denied, fault.OK},
		"list keys": {func(s *client.Session, _ uint64) error {
			_, _, err := s.Names(client.List{Group: key.GroupKeys, Most: 9})
			return err
		}, fault.Denied, fault.OK},
		"delete a key that is no part": {func(s *client.Session, _ uint64) error { return s.DeleteName(key.GroupKeys, "new") }, fault.ObjectUnknown, fault.OK},
	} {
		w.want(name, c.do(s, theirs.Handle), c.want)
		if name == "delete a key that is no part" {
			continue // what the administrator did above decides whether there is one
		}
		w.want(name+", by who may", c.do(all, kek.Handle), c.control)
	}

	// A right for one name is none for another, and issuing needs one more.
	id, pass = w.identity("one")
	w.assign(w.vault, "/certificates/www", w.role(w.vault, keyVaults+"certificates/read", keyVaults+"certificates/create/action"), id)
	one := w.as(w.vault, id, pass)
	w.must(requested(w.certifier(one, www, 0)))
	w.want("the CA's key", requested(w.certifier(one, ca, 0)), fault.ObjectUnknown)
	_, err = one.CreateKey(partKey("other", false))
	w.want("another name", err, fault.Denied)
	w.assign(w.vault, "/certificates/ca", w.role(w.vault, keyVaults+"certificates/read"), id)
	w.want("the CA's signature, without certificatecas/read", issued(w.certifier(one, ca, www.Handle), own.public, false), fault.Denied)
	w.assign(w.vault, "/certificates/ca", w.role(w.vault, keyVaults+"certificatecas/read"), id)
	w.must(issued(w.certifier(one, ca, www.Handle), own.public, false))

	// Deleting, recovering, backing up and purging are done to the parts.
	for _, g := range []key.Group{key.GroupKeys, key.GroupSecrets} {
		blob, err := s.BackupName(g, "www")
		w.must(err)
		w.must(s.DeleteName(g, "www"))
		w.must(s.RecoverName(g, "www"))
		w.must(s.DeleteName(g, "www"))
		w.must(s.PurgeName(g, "www"))
		_, err = s.RestoreName(g, blob)
		w.must(err)
		w.want("by one who may not", one.DeleteName(g, "www"), fault.Denied)
	}
	blob, err := all.BackupName(key.GroupKeys, "plain")
	w.must(err)
	w.must(all.DeleteName(key.GroupKeys, "plain"))
	w.must(all.PurgeName(key.GroupKeys, "plain"))
	_, err = s.RestoreName(key.GroupKeys, blob)
	w.want("restore what is no part", err, fault.Denied)
	if v, err := all.Get(o.Handle, key.AttrValue); err == nil && strings.Contains(string(v[0].Value), "PRIVATE") {
		t.Error("a purged secret is there")
	}
}
