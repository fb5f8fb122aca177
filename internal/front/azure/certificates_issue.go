// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"crypto/x509"
	"errors"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/pki"
	"github.com/genbu-hsm/genbu/key"
)

// Issuers that need not be configured.
const (
	selfIssuer    = "Self"    // the certificate's own key
	unknownIssuer = "Unknown" // somebody outside, whose certificate is merged
	genbuIssuer   = "Genbu"   // the vault's CA; also the provider of issuers that are configured
)

// defaultCA is the certificate of the CA behind genbuIssuer. It is made when it is first needed; who wants another makes a
// certificate of that name before, or configures an issuer.
const defaultCA = "Genbu-CA"

// issuer answers the name of the CA's certificate behind an issuer; empty for Self and Unknown.
func (m maker) issuer(name string) (ca string, err error) {
	switch name {
	case selfIssuer, unknownIssuer:
		return "", nil
	case genbuIssuer:
		return defaultCA, nil
	}
	r, err := m.record()
	if err != nil {
		return "", err
	}
	i, ok := r.Issuers[name]
	switch {
	case !ok:
		return "", badParameter("There is no issuer %s: use Self, Unknown, Genbu, or set one.", name)
	case i.Disabled:
		return "", badParameter("The issuer %s is disabled.", name)
	case !strings.EqualFold(i.Provider, genbuIssuer):
		return "", notSupported("Nothing is ordered from the provider %s of issuer %s; use Unknown, and merge its certificate.", clip(i.Provider), name)
	case i.Account == "":
		return defaultCA, nil
	}
	return i.Account, nil
}

// issue signs the certificate of a waiting key, by itself where ca is empty, and finishes it. The caller's right to sign
// with the CA's key is what lets it issue.
func (m maker) issue(p pending, ca string, now time.Time) error {
	profile, err := p.note.Certificate.Policy.profile()
	if err != nil {
		return err
	}
	k, err := m.signer(p.Named)
	if err != nil {
		return err
	}
	var der []byte
	var above []*x509.Certificate
	if ca == "" {
		der, err = profile.SelfSigned(k, now)
	} else {
		var authority *x509.Certificate
		of := maker{m.session, ca}
		var by *keySigner
		if authority, by, err = of.authority(now); err != nil {
			return err
		}
		above = append(above, authority)
		by.of = p.Handle
		der, err = profile.Issue(authority, by, k.Public(), now)
	}
	if errors.Is(err, pki.ErrNotCA) {
		return badParameter("The certificate %s is not one of a CA, or it is not valid now.", ca)
	}
	if err != nil {
		return err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	return m.finish(p, append([]*x509.Certificate{leaf}, above...))
}

// authority answers the CA's certificate and key.
func (m maker) authority(now time.Time) (*x509.Certificate, *keySigner, error) {
	n, err := m.session.Name(key.GroupCertificates, m.name, "", false, certificateTypes...)
	if fault.Of(err) == fault.ObjectUnknown && m.name == defaultCA {
		if err := m.found(now); err != nil {
			return nil, nil, err
		}
		n, err = m.session.Name(key.GroupCertificates, m.name, "", false, certificateTypes...)
	}
	if fault.Of(err) == fault.ObjectUnknown {
		return nil, nil, badParameter("There is no certificate %s of a CA.", m.name)
	}
	if err != nil {
		return nil, nil, err
	}
	leaf, err := x509.ParseCertificate(n.Value(key.AttrValue).Value)
	if err != nil {
		return nil, nil, badParameter("The certificate %s cannot be read.", m.name)
	}
	k, err := m.session.Name(key.GroupKeys, m.name, keyVersion(n), false, keyTypes...)
	if fault.Of(err) == fault.ObjectUnknown { // a certificate of PKCS #11
		k, err = m.session.Name(key.GroupKeys, m.name, "", false, keyTypes...)
	}
	if err != nil {
		return nil, nil, err
	}
	s, err := m.signer(k)
	if err != nil {
		return nil, nil, err
	}
	return leaf, s.(*keySigner), nil
}

// found makes the vault's own CA: P-384, ten years, a key that never leaves the core, not renewed by itself.
func (m maker) found(now time.Time) error {
	p := defaultPolicy()
	none := int64(0)
	p.Kty, p.Size, p.Curve, p.Exportable, p.ContentType = "EC-HSM", 0, "P-384", false, pemType
	p.Subject, p.Months, p.CA, p.PathLen, p.Usages, p.KeyUsage, p.Percentage = "CN=Genbu CA", 120, true, &none, nil, []string{"keyCertSign", "cRLSign"}, 0
	made, err := m.begin(newNote(p, wish{}))
	if err != nil {
		return err
	}
	if err := m.issue(made, "", now); err != nil {
		return m.fail(made, err)
	}
	return nil
}

// watch tells the rotator when a version is to be renewed.
func (c *call) watch(version string) {
	n, err := c.certificate(version)
	if err != nil {
		return // the next scan finds it
	}
	if at, ok := renewal(n); ok {
		c.door.rotator.noteIn(c.vault.Slot, c.name, key.GroupCertificates, at)
	}
	c.door.rotator.expect(c.vault.Slot, key.GroupCertificates, n)
}

// renewal is when a certificate's policy wants it renewed.
func renewal(n client.Named) (time.Time, bool) {
	d := readNote(n.Value(key.AttrDoor))
	leaf, err := x509.ParseCertificate(n.Value(key.AttrValue).Value)
	if err != nil || d.Certificate == nil || n.Value(key.AttrState).ULong() != uint64(key.StateActive) {
		return time.Time{}, false
	}
	return d.Certificate.Policy.due(leaf.NotBefore, leaf.NotAfter)
}

// renewAgain is how long after a renewal that failed the next is tried: each makes a key.
const renewAgain = 6 * time.Hour

// renew makes the next version of a certificate when the current one is due.
func (r *rotator) renew(s *client.Session, k rotatee, now time.Time) error {
	n, err := s.Name(key.GroupCertificates, k.name, "", false, certificateTypes...)
	if err != nil {
		return err
	}
	at, ok := renewal(n)
	if !ok {
		return nil
	}
	if at.After(now) {
		r.noteIn(k.slot, k.name, k.group, at)
		return nil
	}
	m := maker{s, k.name}
	p, waits, err := m.waiting()
	if err != nil {
		return err
	}
	if made := time.Unix(0, int64(p.Value(key.AttrCreated).ULong())); waits && now.Before(made.Add(renewAgain)) {
		r.noteIn(k.slot, k.name, k.group, made.Add(renewAgain)) // it failed before, or somebody is at it
		return nil
	}
	d := readNote(n.Value(key.AttrDoor))
	ca, err := m.issuer(d.Certificate.Policy.Issuer)
	if err != nil {
		return err
	}
	made, err := m.begin(newNote(d.Certificate.Policy, wish{tags: d.Tags}))
	if err != nil {
		return err
	}
	if err := m.issue(made, ca, now); err != nil {
		return m.fail(made, err)
	}
	r.door.Log.Info("certificate renewed by its policy", "door", "azure", "slot", k.slot, "version", made.Version)
	if n, err = s.Name(key.GroupCertificates, k.name, "", false, certificateTypes...); err == nil {
		if at, ok := renewal(n); ok {
			r.noteIn(k.slot, k.name, k.group, at)
		}
	}
	return nil
}

// scanCertificates notes when the certificates of a vault are due, as far as the rotator may see them.
func (r *rotator) scanCertificates(v Vault, s *client.Session) error {
	l := client.List{Group: key.GroupCertificates, Most: scanPage}
	for {
		list, after, err := s.Names(l, certificateTypes...)
		if fault.Of(err) == fault.Denied { // nobody let the rotator renew certificates
			return nil
		}
		if err != nil {
			return err
		}
		for _, n := range list {
			if at, ok := renewal(n); ok {
				r.noteIn(v.Slot, n.Name, l.Group, at)
			}
			r.expect(v.Slot, l.Group, n)
		}
		if l.After = after; len(after) == 0 {
			return nil
		}
	}
}
