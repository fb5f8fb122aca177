// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// keyBundle is a key as it is answered; deletion is empty for one that is there.
type keyBundle struct {
	Key        *jwk              `json:"key"`
	Attributes attributes        `json:"attributes"`
	Tags       map[string]string `json:"tags,omitempty"`
	Managed    bool              `json:"managed,omitempty"`
	Release    *releasePolicy    `json:"release_policy,omitempty"`
	deletion
}

// releasePolicy says to whom a key may be released.
type releasePolicy struct {
	ContentType string `json:"contentType"`
	Data        string `json:"data"` // base64url of JSON
	Immutable   bool   `json:"immutable"`
}

// releaseContent is the only content type that there is.
const releaseContent = "application/json; charset=utf-8"

func (c *call) keyBundle(n client.Named, deleted bool) *keyBundle {
	d := readNote(n.Value(key.AttrDoor))
	b := &keyBundle{Key: c.jwk(n, d.Software), Attributes: c.attributes(n), Tags: d.Tags, Managed: d.Managed}
	flags := n.Value(key.AttrReleaseFlags).ULong()
	exportable := flags&client.ReleaseExportable != 0
	b.Attributes.Exportable = &exportable
	if policy := n.Value(key.AttrRelease).Value; len(policy) > 0 {
		b.Release = &releasePolicy{releaseContent, encode64(policy), flags&client.ReleaseImmutable != 0}
	}
	if deleted {
		b.deletion = c.deletion(n)
	}
	return b
}

// key finds the version of the path, or the current one, with all that a bundle needs.
func (c *call) key(version string) (client.Named, error) {
	return c.session.Name(key.GroupKeys, c.name, version, false, keyTypes...)
}

// answerKey answers a version as it is now.
func (c *call) answerKey(version string) error {
	n, err := c.key(version)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.keyBundle(n, false))
}

// keyGet is GetKey.
func keyGet(c *call) error { return c.answerKey(c.version) }

// keyUpdate is UpdateKey: it changes what the client names and leaves the rest.
func keyUpdate(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	w := readWish(o)
	ops, hasOps := readOps(o, 0)
	policy, hasPolicy := readRelease(o)
	if err := o.end(); err != nil {
		return err
	}
	n, err := c.key(c.version)
	if err != nil {
		return err
	}
	t := w.template()
	if hasOps {
		t = append(t, client.ULong(key.AttrKeyOps, uint64(ops)))
	}
	if w.hasTags {
		d := readNote(n.Value(key.AttrDoor))
		d.Tags = w.tags
		t = append(t, client.Bytes(key.AttrDoor, d.bytes()))
	}
	flags := n.Value(key.AttrReleaseFlags).ULong()
	if w.exportable != nil && *w.exportable != (flags&client.ReleaseExportable != 0) {
		return badParameter("Property 'attributes.exportable' cannot be changed.")
	}
	if hasPolicy {
		if policy.immutable {
			flags |= client.ReleaseImmutable
		}
		t = append(t, client.Bytes(key.AttrRelease, policy.data), client.ULong(key.AttrReleaseFlags, flags))
	}
	if len(t) > 0 {
		if err := c.session.Set(n.Handle, t); err != nil {
			return err
		}
	}
	return c.answerKey(n.Version)
}

// keyDelete is DeleteKey. Who may delete and may not look at what is deleted gets the answer without its dates.
func keyDelete(c *call) error {
	before, err := c.key("")
	if err != nil {
		return err
	}
	if readNote(before.Value(key.AttrDoor)).Managed {
		return c.managed()
	}
	if err := c.session.DeleteName(key.GroupKeys, c.name); err != nil {
		return err
	}
	n, err := c.session.Name(key.GroupKeys, c.name, "", true, keyTypes...)
	if err != nil {
		n = before
	}
	return c.answer(http.StatusOK, c.keyBundle(n, true))
}

// keyGetDeleted is GetDeletedKey.
func keyGetDeleted(c *call) error {
	n, err := c.session.Name(key.GroupKeys, c.name, "", true, keyTypes...)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.keyBundle(n, true))
}

// keyRecover is RecoverDeletedKey.
func keyRecover(c *call) error {
	if err := c.session.RecoverName(key.GroupKeys, c.name); err != nil {
		return err
	}
	return c.answerKey("")
}

// keyPurge is PurgeDeletedKey.
func keyPurge(c *call) error {
	if err := c.session.PurgeName(key.GroupKeys, c.name); err != nil {
		return err
	}
	return c.none()
}

// keyBackup is BackupKey.
func keyBackup(c *call) error { return c.backup(key.GroupKeys) }

// keyRestore is RestoreKey.
func keyRestore(c *call) error {
	if err := c.restore(key.GroupKeys); err != nil {
		return err
	}
	return c.answerKey("")
}

func (c *call) backup(g key.Group) error {
	blob, err := c.session.BackupName(g, c.name)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, map[string]string{"value": encode64(blob)})
}

// restore makes a name of a backup again and sets the call's name to it.
func (c *call) restore(g key.Group) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	blob := o.bytes("value")
	if blob == nil {
		o.fail("value", "is required")
	}
	if err := o.end(); err != nil {
		return err
	}
	c.name, err = c.session.RestoreName(g, blob)
	if fault.Of(err) == fault.RecordInvalid {
		return badParameter("The backup is not one of this security domain, or it was changed.")
	}
	return err
}

// randomBytes is GetRandomBytes, which Managed HSM has and vaults have not.
func randomBytes(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	n := o.number("count")
	if n == nil || *n < 1 || *n > maxRandom {
		o.fail("count", "is not from 1 to 128")
	}
	if err := o.end(); err != nil {
		return err
	}
	if c.host.kind != KindManagedHSM {
		return notSupported("Random bytes are given by managed HSMs only.")
	}
	b, err := c.session.Random(int(*n))
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, map[string]string{"value": encode64(b)})
}
