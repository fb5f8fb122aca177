// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/opaque"
	"github.com/genbu-hsm/genbu/internal/pki"
	"github.com/genbu-hsm/genbu/key"
)

// certificateNote is what the note of a certificate says beside its tags; of a key that waits for its certificate, what the
// certificate is to be.
type certificateNote struct {
	Policy   certificatePolicy `json:"policy"`
	CSR      []byte            `json:"csr,omitempty"`
	Request  string            `json:"request,omitempty"` // id of the operation that made it; empty when that was deleted
	Pending  string            `json:"pending,omitempty"` // of a key: one of the states below
	Why      string            `json:"why,omitempty"`     // of one that failed
	Disabled bool              `json:"disabled,omitempty"`

	// KeyVersion is the key's version id where it is not the certificate's: one that was used before.
	KeyVersion string `json:"keyVersion,omitempty"`
}

// keyVersion is the version id of a certificate's key.
func keyVersion(n client.Named) string {
	if d := readNote(n.Value(key.AttrDoor)); d.Certificate != nil && d.Certificate.KeyVersion != "" {
		return d.Certificate.KeyVersion
	}
	return n.Version
}

// States of a key that waits for its certificate.
const (
	pendingMerge     = "inProgress"
	pendingCancelled = "cancelled"
	pendingFailed    = "failed"
)

// maker makes versions of one certificate, for a client or by its policy.
type maker struct {
	session *client.Session
	name    string
}

// pending is a key that waits for its certificate.
type pending struct {
	client.Named
	note note
}

// waiting answers the key that waits, if the current one does.
func (m maker) waiting() (p pending, ok bool, err error) {
	p.Named, err = m.session.Name(key.GroupKeys, m.name, "", false, keyTypes...)
	if fault.Of(err) == fault.ObjectUnknown {
		return p, false, nil
	}
	p.note = readNote(p.Value(key.AttrDoor))
	return p, err == nil && p.note.Certificate != nil && p.note.Certificate.Pending != "", err
}

// free makes sure that a version can be made: there is no key of the name that belongs to nobody's certificate, and no other
// version is under way.
func (m maker) free() error {
	p, ok, err := m.waiting()
	if err != nil {
		return err
	}
	if ok && p.note.Certificate.Pending == pendingMerge {
		return conflict("CertificateOperationInProgress", "There is already a pending operation for certificate %s; merge it, or delete it first.", m.name)
	}
	if p.Handle != 0 && !p.note.Managed {
		return conflict("", "There is a key %s that belongs to no certificate.", m.name)
	}
	if s, err := m.session.Name(key.GroupSecrets, m.name, "", false, key.AttrDoor); err == nil && !readNote(s.Value(key.AttrDoor)).Managed {
		return conflict("", "There is a secret %s that belongs to no certificate.", m.name)
	}
	return nil
}

// begin makes the key of a new version, and the request for its certificate.
func (m maker) begin(d note) (p pending, err error) {
	profile, err := d.Certificate.Policy.profile()
	if err != nil {
		return p, err
	}
	if err := m.free(); err != nil {
		return p, err
	}
	d.Managed, d.Software = true, !strings.HasSuffix(d.Certificate.Policy.Kty, "-HSM")
	d.Certificate.Pending = pendingMerge
	made, err := m.key(d)
	if err != nil {
		return p, err
	}
	if p.Named, err = m.session.Name(key.GroupKeys, m.name, made.Version, false, keyTypes...); err != nil {
		return p, err
	}
	p.note = d
	k, err := m.signer(p.Named)
	if err == nil {
		d.Certificate.CSR, err = profile.Request(k)
	}
	if err != nil {
		return p, m.fail(p, err)
	}
	return p, m.mark(p)
}

// key makes the key, or takes the one before where the policy says so.
func (m maker) key(d note) (client.Named, error) {
	p := d.Certificate.Policy
	if p.Reuse {
		if before, err := m.session.Name(key.GroupCertificates, m.name, "", false, key.AttrDoor); err == nil {
			k, err := m.session.Name(key.GroupKeys, m.name, keyVersion(before), false)
			d.Certificate.KeyVersion = k.Version
			return k, err
		}
	}
	spec := client.KeySpec{Name: m.name, Type: key.TypeRSA, Bits: int(p.Size), Ops: opsRSA, Extractable: p.Exportable, Part: key.PartCertificate, Door: d.bytes()}
	if strings.HasPrefix(p.Kty, "EC") {
		spec.Type, spec.Ops, spec.Curve = key.TypeEC, opsEC, curveNamed(p.Curve).params
	}
	return m.session.CreateKey(spec)
}

// mark writes the note of a key that waits.
func (m maker) mark(p pending) error {
	return m.session.Set(p.Handle, client.Template{client.Bytes(key.AttrDoor, p.note.bytes())})
}

// fail notes on the key why it gets no certificate, and answers that.
func (m maker) fail(p pending, why error) error {
	p.note.Certificate.Pending, p.note.Certificate.Why = pendingFailed, refusal(why, aCertificate).message
	m.mark(p) // at worst the operation stays in progress, until it is deleted
	return why
}

// finish makes certificate and secret of a chain whose first is for the waiting key.
func (m maker) finish(p pending, chain []*x509.Certificate) error {
	if !bytes.Equal(chain[0].RawSubjectPublicKeyInfo, p.Value(key.AttrPublicKeyInfo).Value) {
		return badParameter("The public key of the certificate is not that of the pending one.")
	}
	d := p.note
	d.Certificate.Pending, d.Certificate.Why = "", ""
	version, err := hex.DecodeString(p.Version)
	if err != nil {
		return err
	}
	reused := d.Certificate.KeyVersion != ""
	if reused {
		rand.Read(version)
	}
	state := client.Template{}
	if d.Certificate.Disabled {
		state = client.Template{client.ULong(key.AttrState, uint64(key.StateSuspended))}
	}
	times := client.Template{client.ULong(key.AttrNotBefore, uint64(chain[0].NotBefore.Unix())), client.ULong(key.AttrExpires, uint64(chain[0].NotAfter.Unix()))}
	if err := m.secret(p.Handle, chain, d, append(times, client.Bytes(key.AttrVersion, version)), state); err != nil {
		return err
	}
	id, err := m.session.Get(p.Handle, key.AttrID)
	if err != nil {
		return err
	}
	// Private, since of public objects no role decides who sees them.
	t := client.Template{client.ULong(key.AttrClass, key.ClassCertificate), client.ULong(key.AttrCertificateType, key.CertX509), client.Bool(key.AttrToken, true),
		client.Bool(key.AttrPrivate, true), client.Text(key.AttrLabel, m.name), client.Bytes(key.AttrID, id[0].Value), client.Bytes(key.AttrValue, chain[0].Raw),
		client.Bytes(key.AttrVersion, version), client.Bytes(key.AttrDoor, d.bytes())}
	if _, err := m.session.Create(append(t, state...)); err != nil {
		return err
	}
	of := note{Tags: d.Tags, Managed: true, Software: d.Software}
	if reused {
		state = nil // whether the key is enabled is its own first certificate's to say
	}
	return m.session.Set(p.Handle, append(append(times, client.Bytes(key.AttrDoor, of.bytes())), state...))
}

// secret keeps the certificate as a file. Where the private key goes in as well, the core makes the file, and the host does
// not see it.
func (m maker) secret(private uint64, chain []*x509.Certificate, d note, more, state client.Template) error {
	policy := d.Certificate.Policy
	of := note{Tags: d.Tags, Managed: true, ContentType: policy.ContentType}
	t := client.Template{client.ULong(key.AttrClass, key.ClassData), client.Bool(key.AttrToken, true), client.Bool(key.AttrPrivate, true),
		client.Text(key.AttrLabel, m.name), client.Text(key.AttrApplication, key.SecretApplication), client.ULong(key.AttrPart, uint64(key.PartCertificate)),
		client.Bytes(key.AttrDoor, of.bytes())}
	t = append(append(t, more...), state...)
	tooLong := badParameter("The certificate and those above it are longer than 25 KiB.")
	if policy.Exportable {
		format, size := client.FilePEM, maxPrivate
		if policy.ContentType == pfxType {
			format = client.FilePFX
		}
		ders := make([][]byte, len(chain))
		for i, c := range chain {
			ders[i] = c.Raw
			size += base64.StdEncoding.EncodedLen(len(c.Raw))
		}
		if size > maxSecret {
			return tooLong
		}
		_, err := m.session.CertFile(private, m.name, format, ders, t)
		return err
	}
	b := pki.Bundle{Chain: chain}
	file := b.PEM()
	if policy.ContentType == pfxType {
		der, err := b.PFX()
		if err != nil {
			return err
		}
		file = opaque.New(base64Of(der.ExposeToCodec()))
	}
	if file.Len() > maxSecret {
		return tooLong
	}
	_, err := m.session.Create(append(t, client.Bytes(key.AttrValue, file.ExposeToCodec())))
	return err
}

// signer is a version of a key as crypto/x509 wants it.
func (m maker) signer(n client.Named) (crypto.Signer, error) {
	der := n.Value(key.AttrPublicKeyInfo).Value
	p, ok := readPublic(der)
	public, err := x509.ParsePKIXPublicKey(der)
	if !ok || err != nil {
		return nil, notSupported("There are no certificates for keys of this type.")
	}
	f := facts{handle: n.Handle, typ: key.TypeRSA, curve: p.curve}
	if p.curve != nil {
		f.typ = key.TypeEC
	}
	return &keySigner{m.session, n.Name, f, public, 0}, nil
}
