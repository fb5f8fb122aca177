// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// attributes is what answers say of a key or secret beside its content.
type attributes struct {
	Enabled         bool   `json:"enabled"`
	NotBefore       int64  `json:"nbf,omitempty"`
	Expires         int64  `json:"exp,omitempty"`
	Created         int64  `json:"created"`
	Updated         int64  `json:"updated"`
	RecoveryLevel   string `json:"recoveryLevel"`
	RecoverableDays int    `json:"recoverableDays,omitempty"`
	Exportable      *bool  `json:"exportable,omitempty"`

	Attestation *attestation `json:"attestation,omitempty"` // where it was asked for
}

// note is the one attribute of an object that only this door understands (CKA_GENBU_DOOR).
type note struct {
	Tags        map[string]string `json:"tags,omitempty"`
	ContentType string            `json:"contentType,omitempty"`
	Managed     bool              `json:"managed,omitempty"`
	Software    bool              `json:"software,omitempty"` // the client asked for RSA or EC and not for RSA-HSM or EC-HSM
	Rotation    *rotation         `json:"rotation,omitempty"`
	Certificate *certificateNote  `json:"certificate,omitempty"`
}

func readNote(v client.Value) (n note) {
	json.Unmarshal(v.Value, &n) // what another door may have put there says nothing to this one
	return n
}

func (n note) bytes() []byte {
	text, _ := json.Marshal(n)
	return text
}

// commonTypes are the attributes behind attributes and note.
var commonTypes = []key.Attr{key.AttrState, key.AttrNotBefore, key.AttrExpires, key.AttrCreated, key.AttrUpdated, key.AttrDoor,
	key.AttrDeleted, key.AttrPurge}

func (c *call) attributes(n client.Named) attributes {
	level, days := c.vault.recovery()
	return attributes{
		Enabled:         n.Value(key.AttrState).ULong() == uint64(key.StateActive),
		NotBefore:       int64(n.Value(key.AttrNotBefore).ULong()),
		Expires:         int64(n.Value(key.AttrExpires).ULong()),
		Created:         int64(n.Value(key.AttrCreated).ULong() / uint64(time.Second)),
		Updated:         int64(n.Value(key.AttrUpdated).ULong() / uint64(time.Second)),
		RecoveryLevel:   level,
		RecoverableDays: days,
	}
}

// recovery says in Azure's words what becomes of a deleted object.
func (v Vault) recovery() (level string, days int) {
	level = "Recoverable"
	if v.RetentionDays > 0 && v.RetentionDays < 90 {
		level = "CustomizedRecoverable"
	}
	if !v.PurgeProtection {
		level += "+Purgeable"
	}
	if v.RetentionDays == 0 {
		level = "Purgeable"
	}
	return level, v.RetentionDays
}

// deletion is what is said of a deleted object.
type deletion struct {
	RecoveryID string `json:"recoveryId,omitempty"`
	Deleted    int64  `json:"deletedDate,omitempty"`
	Purge      int64  `json:"scheduledPurgeDate,omitempty"`
}

func (c *call) deletion(n client.Named) deletion {
	return deletion{c.id(c.op.noun.deleted, n.Name, ""), int64(n.Value(key.AttrDeleted).ULong()), int64(n.Value(key.AttrPurge).ULong())}
}

// wish is what a client wants an object's attributes to be; nil where it says nothing.
type wish struct {
	enabled            *bool
	notBefore, expires *int64
	exportable         *bool
	tags               map[string]string
	hasTags            bool
}

// readWish reads the members attributes and tags of a body. What the service itself sets comes back from clients that read
// an object before they change it.
func readWish(o object) (w wish) {
	if a, ok := o.object("attributes"); ok {
		w.enabled, w.notBefore, w.expires, w.exportable = a.flag("enabled"), a.number("nbf"), a.number("exp"), a.flag("exportable")
		a.skip("created", "updated", "recoveryLevel", "recoverableDays", "hsmPlatform", "attestation")
		for name, n := range map[string]*int64{"nbf": w.notBefore, "exp": w.expires} {
			if n != nil && (*n < 0 || *n > 1<<38) {
				a.fail(name, "is not a time in seconds since 1970")
			}
		}
		if w.notBefore != nil && w.expires != nil && *w.expires > 0 && *w.notBefore >= *w.expires {
			a.fail("exp", "is not later than nbf")
		}
		a.end()
	}
	w.tags = readTags(o)
	w.hasTags = w.tags != nil
	return w
}

// readTags reads the member tags; nil when it is absent.
func readTags(o object) map[string]string {
	t, ok := o.object("tags")
	if !ok {
		return nil
	}
	tags := map[string]string{}
	if len(t.members) > maxTags {
		o.fail("tags", "has too many members")
	}
	for name := range t.members {
		if len(name) > maxTagName || len(tags) > maxTags {
			o.fail("tags", "has a name that is too long")
			break
		}
		v := t.text(name)
		if len(v) > maxTagValue {
			t.fail(clip(name), "is too long")
		}
		tags[name] = v
	}
	return tags
}

// template is what Set is told of a wish.
func (w wish) template() client.Template {
	var t client.Template
	if w.enabled != nil {
		state := key.StateActive
		if !*w.enabled {
			state = key.StateSuspended
		}
		t = append(t, client.ULong(key.AttrState, uint64(state)))
	}
	if w.notBefore != nil {
		t = append(t, client.ULong(key.AttrNotBefore, uint64(*w.notBefore)))
	}
	if w.expires != nil {
		t = append(t, client.ULong(key.AttrExpires, uint64(*w.expires)))
	}
	return t
}

func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
