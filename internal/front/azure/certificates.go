// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// A certificate is three objects of one name: the X.509 certificate, its key, and a secret in which the certificate lies as a
// file, with its private key where the policy lets it out. All three have the version id of the key.

// certificateBundle is a certificate as it is answered; items of lists have no content.
type certificateBundle struct {
	ID          string            `json:"id"`
	KeyID       string            `json:"kid,omitempty"`
	SecretID    string            `json:"sid,omitempty"`
	Thumbprint  string            `json:"x5t,omitempty"` // base64url of SHA-1
	Content     string            `json:"cer,omitempty"` // base64 of DER
	ContentType string            `json:"contentType,omitempty"`
	Attributes  attributes        `json:"attributes"`
	Tags        map[string]string `json:"tags,omitempty"`
	Policy      *policyAnswer     `json:"policy,omitempty"`
	Subject     string            `json:"subject,omitempty"`           // of items in lists
	Order       bool              `json:"preserveCertOrder,omitempty"` // of the chain; it is never another one here
	deletion
}

var certificateTypes = append([]key.Attr{key.AttrValue}, commonTypes...)

func (c *call) certificateBundle(n client.Named, deleted bool) *certificateBundle {
	d := readNote(n.Value(key.AttrDoor))
	der := n.Value(key.AttrValue).Value
	sum := sha1.Sum(der)
	b := &certificateBundle{ID: c.id("certificates", n.Name, n.Version), Thumbprint: encode64(sum[:]), Content: base64.StdEncoding.EncodeToString(der),
		Attributes: c.certificateAttributes(n), Tags: d.Tags}
	if d.Certificate != nil {
		b.KeyID, b.SecretID = c.id("keys", n.Name, keyVersion(n)), c.id("secrets", n.Name, n.Version)
		b.ContentType, b.Order = d.Certificate.Policy.ContentType, true
		b.Policy = c.policyAnswer(n.Name, d.Certificate.Policy, b.Attributes)
	}
	if deleted {
		b.deletion = c.deletion(n)
	}
	return b
}

// certificateAttributes has the times of the certificate itself.
func (c *call) certificateAttributes(n client.Named) attributes {
	a := c.attributes(n)
	if leaf, err := x509.ParseCertificate(n.Value(key.AttrValue).Value); err == nil {
		a.NotBefore, a.Expires = leaf.NotBefore.Unix(), leaf.NotAfter.Unix()
	}
	return a
}

// certificate finds the version of the path, or the current one.
func (c *call) certificate(version string) (client.Named, error) {
	return c.session.Name(key.GroupCertificates, c.name, version, false, certificateTypes...)
}

func (c *call) answerCertificate(status int, version string) error {
	n, err := c.certificate(version)
	if err != nil {
		return err
	}
	return c.answer(status, c.certificateBundle(n, false))
}

// certificateGet is GetCertificate.
func certificateGet(c *call) error { return c.answerCertificate(http.StatusOK, c.version) }

// certificateUpdate is UpdateCertificate: tags, whether it is enabled, and the policy. What enables a certificate enables its
// key and its secret; a key that other versions use stays as it is.
func certificateUpdate(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	w := readWish(o)
	p, hasPolicy := readPolicy(o)
	if err := o.end(); err != nil {
		return err
	}
	n, err := c.certificate(c.version)
	if err != nil {
		return err
	}
	if w.notBefore != nil || w.expires != nil {
		return badParameter("Properties 'attributes.nbf' and 'attributes.exp' are the certificate's own and cannot be changed.")
	}
	d := readNote(n.Value(key.AttrDoor))
	if hasPolicy {
		if err := p.change(&d); err != nil {
			return err
		}
	}
	if w.hasTags {
		d.Tags = w.tags
	}
	t := w.template()
	if len(t) > 0 && d.Certificate != nil {
		for _, g := range []key.Group{key.GroupKeys, key.GroupSecrets} {
			if g == key.GroupKeys && (d.Certificate.Policy.Reuse || d.Certificate.KeyVersion != "") {
				continue
			}
			part, err := c.session.Name(g, c.name, n.Version, false)
			if fault.Of(err) == fault.ObjectUnknown {
				continue
			}
			if err == nil {
				err = c.session.Set(part.Handle, t)
			}
			if err != nil {
				return err
			}
		}
	}
	if hasPolicy || w.hasTags {
		t = append(t, client.Bytes(key.AttrDoor, d.bytes()))
	}
	if len(t) > 0 {
		if err := c.session.Set(n.Handle, t); err != nil {
			return err
		}
	}
	if hasPolicy {
		c.watch(n.Version)
	}
	return c.answerCertificate(http.StatusOK, n.Version)
}

// parts are the groups of a certificate in the order in which they are deleted and brought back: what is refused leaves the
// certificate as it was, as far as it can.
var parts = []key.Group{key.GroupKeys, key.GroupSecrets, key.GroupCertificates}

// onParts does something to each part that there is. The certificate itself must be there.
func (c *call) onParts(deleted bool, do func(g key.Group) error) error {
	n, err := c.session.Name(key.GroupCertificates, c.name, "", deleted, key.AttrDoor)
	if err != nil {
		return err
	}
	for _, g := range parts {
		if g != key.GroupCertificates && readNote(n.Value(key.AttrDoor)).Certificate == nil {
			continue // a certificate of PKCS #11: whoever made it decides about its key
		}
		if err := do(g); err != nil && (g == key.GroupCertificates || fault.Of(err) != fault.ObjectUnknown) {
			return err
		}
	}
	return nil
}

// certificateDelete is DeleteCertificate.
func certificateDelete(c *call) error {
	before, err := c.certificate("")
	if err != nil {
		return err
	}
	if err := c.onParts(false, func(g key.Group) error { return c.session.DeleteName(g, c.name) }); err != nil {
		return err
	}
	n, err := c.session.Name(key.GroupCertificates, c.name, "", true, certificateTypes...)
	if err != nil {
		n = before
	}
	return c.answer(http.StatusOK, c.certificateBundle(n, true))
}

// certificateGetDeleted is GetDeletedCertificate.
func certificateGetDeleted(c *call) error {
	n, err := c.session.Name(key.GroupCertificates, c.name, "", true, certificateTypes...)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.certificateBundle(n, true))
}

// certificateRecover is RecoverDeletedCertificate.
func certificateRecover(c *call) error {
	if err := c.onParts(true, func(g key.Group) error { return c.session.RecoverName(g, c.name) }); err != nil {
		return err
	}
	return c.answerCertificate(http.StatusOK, "")
}

// certificatePurge is PurgeDeletedCertificate.
func certificatePurge(c *call) error {
	if err := c.onParts(true, func(g key.Group) error { return c.session.PurgeName(g, c.name) }); err != nil {
		return err
	}
	return c.none()
}

// certificateBackup is BackupCertificate: the sealed backups of its parts, one beside the other.
func certificateBackup(c *call) error {
	blobs := map[key.Group][]byte{}
	err := c.onParts(false, func(g key.Group) (err error) {
		blobs[g], err = c.session.BackupName(g, c.name)
		return err
	})
	if err != nil {
		return err
	}
	text, err := json.Marshal(blobs)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, map[string]string{"value": encode64(text)})
}

// certificateRestore is RestoreCertificate. The core opens each part or refuses it.
func certificateRestore(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	text := o.bytes("value")
	if text == nil {
		o.fail("value", "is required")
	}
	if err := o.end(); err != nil {
		return err
	}
	var blobs map[key.Group][]byte
	if json.Unmarshal(text, &blobs) != nil || len(blobs) == 0 || blobs[key.GroupCertificates] == nil {
		return badParameter("The backup is not one of a certificate.")
	}
	for _, g := range parts {
		if blobs[g] == nil {
			continue
		}
		name, err := c.session.RestoreName(g, blobs[g])
		if fault.Of(err) == fault.RecordInvalid {
			return badParameter("The backup is not one of this security domain, or it was changed.")
		}
		if err != nil {
			return err
		}
		c.name = name
	}
	return c.answerCertificate(http.StatusOK, "")
}

func (c *call) certificateItem(version, deleted bool) func(n client.Named) any {
	return func(n client.Named) any {
		b := c.certificateBundle(n, deleted)
		b.KeyID, b.SecretID, b.Content, b.ContentType, b.Policy, b.Order = "", "", "", "", nil, false
		if !version {
			b.ID = c.id("certificates", n.Name, "")
		}
		if leaf, err := x509.ParseCertificate(n.Value(key.AttrValue).Value); err == nil {
			b.Subject = leaf.Subject.String()
		}
		return b
	}
}

// certificateList, certificateVersions and certificateListDeleted are GetCertificates, GetCertificateVersions and
// GetDeletedCertificates.
func certificateList(c *call) error {
	if pending, err := c.query.flag("includePending"); err != nil {
		return err
	} else if pending {
		return c.listPending()
	}
	return c.list(client.List{Group: key.GroupCertificates}, certificateTypes, c.certificateItem(false, false))
}

func certificateVersions(c *call) error {
	return c.list(client.List{Group: key.GroupCertificates, Name: c.name}, certificateTypes, c.certificateItem(true, false))
}

func certificateListDeleted(c *call) error {
	return c.list(client.List{Group: key.GroupCertificates, Deleted: true}, certificateTypes, c.certificateItem(false, true))
}
