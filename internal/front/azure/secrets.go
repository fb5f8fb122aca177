// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// secretBundle is a secret as it is answered; items of lists have no value.
type secretBundle struct {
	Value       *string           `json:"value,omitempty"`
	ID          string            `json:"id"`
	ContentType string            `json:"contentType,omitempty"`
	Attributes  attributes        `json:"attributes"`
	Tags        map[string]string `json:"tags,omitempty"`
	KeyID       string            `json:"kid,omitempty"`
	Managed     bool              `json:"managed,omitempty"`
	deletion
}

// secretTypes are what GetSecret asks for.
var secretTypes = append([]key.Attr{key.AttrValue}, commonTypes...)

func (c *call) secretBundle(n client.Named, version, deleted bool) *secretBundle {
	d := readNote(n.Value(key.AttrDoor))
	b := &secretBundle{ID: c.id("secrets", n.Name, ""), ContentType: d.ContentType, Attributes: c.attributes(n), Tags: d.Tags, Managed: d.Managed}
	if version {
		b.ID = c.id("secrets", n.Name, n.Version)
	}
	if d.Managed {
		b.KeyID = c.id("keys", n.Name, n.Version)
	}
	if deleted {
		b.deletion = c.deletion(n)
	}
	return b
}

// secretSet is SetSecret: a secret, or a new version of the one that has the name.
func secretSet(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	if !o.has("value") {
		o.fail("value", "is required")
	}
	value := o.text("value")
	if len(value) > maxSecret {
		o.fail("value", "is longer than 25 KiB")
	}
	d := note{ContentType: o.text("contentType")}
	if len(d.ContentType) > 255 {
		o.fail("contentType", "is longer than 255 characters")
	}
	w := readWish(o)
	if err := o.end(); err != nil {
		return err
	}
	d.Tags = w.tags
	if before, err := c.session.Name(key.GroupSecrets, c.name, "", false, key.AttrDoor); err == nil && readNote(before.Value(key.AttrDoor)).Managed {
		return c.managed()
	}
	raw := []byte(value)
	defer clear(raw)
	t := client.Template{client.ULong(key.AttrClass, key.ClassData), client.Bool(key.AttrToken, true), client.Bool(key.AttrPrivate, true),
		client.Text(key.AttrLabel, c.name), client.Text(key.AttrApplication, key.SecretApplication), client.Bytes(key.AttrValue, raw),
		client.Bytes(key.AttrDoor, d.bytes())}
	made, err := c.session.Create(append(t, w.template()...))
	if err != nil {
		return c.taken(err)
	}
	id, err := c.session.Get(made.Handle, key.AttrUniqueID)
	if err != nil {
		return err
	}
	n, err := c.session.Name(key.GroupSecrets, c.name, string(id[0].Value), false, commonTypes...)
	if err != nil {
		return err
	}
	b := c.secretBundle(n, true, false)
	b.Value = &value
	return c.answer(http.StatusOK, b)
}

// secretGet is GetSecret.
func secretGet(c *call) error {
	n, err := c.session.Name(key.GroupSecrets, c.name, c.version, false, secretTypes...)
	if err != nil {
		return err
	}
	b := c.secretBundle(n, true, false)
	for _, v := range n.Values {
		if v.Type != key.AttrValue {
			continue
		}
		if v.Status != client.Given {
			if !b.Attributes.Enabled {
				return fault.KeyDisabled.At("read the value of a secret that is not enabled")
			}
			return &apiError{forbidden.status, forbidden.code, forbidden.inner, "The caller is not authorized to read the value of this secret.", nil}
		}
		defer clear(v.Value)
		value := string(v.Value)
		b.Value = &value
	}
	return c.answer(http.StatusOK, b)
}

// secretUpdate is UpdateSecret: everything but the value.
func secretUpdate(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	hasType := o.has("contentType")
	contentType := o.text("contentType")
	w := readWish(o)
	if err := o.end(); err != nil {
		return err
	}
	n, err := c.session.Name(key.GroupSecrets, c.name, c.version, false, commonTypes...)
	if err != nil {
		return err
	}
	t := w.template()
	d := readNote(n.Value(key.AttrDoor))
	if hasType {
		d.ContentType = contentType
	}
	if w.hasTags {
		d.Tags = w.tags
	}
	if hasType || w.hasTags {
		t = append(t, client.Bytes(key.AttrDoor, d.bytes()))
	}
	if len(t) > 0 {
		if err := c.session.Set(n.Handle, t); err != nil {
			return err
		}
	}
	if n, err = c.session.Name(key.GroupSecrets, c.name, n.Version, false, commonTypes...); err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.secretBundle(n, true, false))
}

// secretDelete is DeleteSecret.
func secretDelete(c *call) error {
	before, err := c.session.Name(key.GroupSecrets, c.name, "", false, commonTypes...)
	if err != nil {
		return err
	}
	if readNote(before.Value(key.AttrDoor)).Managed {
		return c.managed()
	}
	if err := c.session.DeleteName(key.GroupSecrets, c.name); err != nil {
		return err
	}
	n, err := c.session.Name(key.GroupSecrets, c.name, "", true, commonTypes...)
	if err != nil {
		n = before
	}
	return c.answer(http.StatusOK, c.secretBundle(n, true, true))
}

// secretGetDeleted is GetDeletedSecret.
func secretGetDeleted(c *call) error {
	n, err := c.session.Name(key.GroupSecrets, c.name, "", true, commonTypes...)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.secretBundle(n, true, true))
}

// secretRecover is RecoverDeletedSecret.
func secretRecover(c *call) error {
	if err := c.session.RecoverName(key.GroupSecrets, c.name); err != nil {
		return err
	}
	return c.answerSecret()
}

func (c *call) answerSecret() error {
	n, err := c.session.Name(key.GroupSecrets, c.name, "", false, commonTypes...)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.secretBundle(n, true, false))
}

// secretPurge is PurgeDeletedSecret.
func secretPurge(c *call) error {
	if err := c.session.PurgeName(key.GroupSecrets, c.name); err != nil {
		return err
	}
	return c.none()
}

// secretBackup and secretRestore are BackupSecret and RestoreSecret.
func secretBackup(c *call) error { return c.backup(key.GroupSecrets) }

func secretRestore(c *call) error {
	if err := c.restore(key.GroupSecrets); err != nil {
		return err
	}
	return c.answerSecret()
}

// secretList, secretVersions and secretListDeleted are GetSecrets, GetSecretVersions and GetDeletedSecrets.
func secretList(c *call) error {
	return c.list(client.List{Group: key.GroupSecrets}, commonTypes, func(n client.Named) any { return c.secretBundle(n, false, false) })
}

func secretVersions(c *call) error {
	return c.list(client.List{Group: key.GroupSecrets, Name: c.name}, commonTypes, func(n client.Named) any { return c.secretBundle(n, true, false) })
}

func secretListDeleted(c *call) error {
	return c.list(client.List{Group: key.GroupSecrets, Deleted: true}, commonTypes, func(n client.Named) any { return c.secretBundle(n, false, true) })
}
