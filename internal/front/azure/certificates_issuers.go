// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// record is what belongs to a vault and to no certificate of it: a secret without a name, so that no list shows it. Who may
// set secrets may change it.
type record struct {
	Contacts []contact          `json:"contacts,omitempty"`
	Issuers  map[string]*issuer `json:"issuers,omitempty"`

	handle uint64 // 0: there is none yet
}

// recordLabel has spaces in it, which no name has.
const recordLabel = "genbu certificate settings"

type contact struct {
	Email string `json:"email,omitempty"`
	Name  string `json:"name,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// issuer is a CA from which certificates are had.
type issuer struct {
	Provider     string  `json:"provider"`
	Account      string  `json:"account,omitempty"` // of the provider Genbu: the name of the CA's certificate
	Organization string  `json:"organization,omitempty"`
	Admins       []admin `json:"admins,omitempty"`
	Disabled     bool    `json:"disabled,omitempty"`
	Created      int64   `json:"created"`
	Updated      int64   `json:"updated"`
}

type admin struct {
	First string `json:"first_name,omitempty"`
	Last  string `json:"last_name,omitempty"`
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

func (m maker) record() (r record, err error) {
	found, _, err := m.session.Find(client.Template{client.ULong(key.AttrClass, key.ClassData), client.Text(key.AttrLabel, recordLabel),
		client.Text(key.AttrApplication, key.SecretApplication)}, 1)
	m.session.FindEnd()
	if err != nil || len(found) == 0 {
		return r, err
	}
	v, err := m.session.Get(found[0].Handle, key.AttrDoor)
	if err != nil {
		return r, err
	}
	if v[0].Status != client.Given || json.Unmarshal(v[0].Value, &r) != nil {
		return r, fault.Denied.At("read the vault's issuers and contacts")
	}
	r.handle = found[0].Handle
	return r, nil
}

func (m maker) keep(r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if len(text) > maxDoor {
		return badParameter("The vault's issuers and contacts are longer than 16 KiB.")
	}
	if r.handle != 0 {
		return m.session.Set(r.handle, client.Template{client.Bytes(key.AttrDoor, text)})
	}
	_, err = m.session.Create(client.Template{client.ULong(key.AttrClass, key.ClassData), client.Bool(key.AttrToken, true), client.Bool(key.AttrPrivate, true),
		client.Text(key.AttrLabel, recordLabel), client.Text(key.AttrApplication, key.SecretApplication), client.Bytes(key.AttrValue, []byte("-")), client.Bytes(key.AttrDoor, text), client.ULong(key.AttrPart, uint64(key.PartSettings))})
	return err
}

func (c *call) contacts(list []contact) map[string]any {
	return map[string]any{"id": c.host.base() + "/certificates/contacts", "contacts": list}
}

// contactsGet, contactsSet and contactsDelete are GetCertificateContacts, SetCertificateContacts and DeleteCertificateContacts.
func contactsGet(c *call) error {
	r, err := c.maker().record()
	if err == nil && len(r.Contacts) == 0 {
		err = fault.ObjectUnknown.At("find contacts")
	}
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.contacts(r.Contacts))
}

func contactsSet(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	o.skip("id")
	var list []contact
	for _, i := range o.objects("contacts") {
		list = append(list, contact{i.must("email"), i.text("name"), i.text("phone")})
		i.end()
	}
	if len(list) == 0 {
		o.fail("contacts", "is required")
	}
	if err := o.end(); err != nil {
		return err
	}
	c.door.records.Lock()
	defer c.door.records.Unlock()
	r, err := c.maker().record()
	if err != nil {
		return err
	}
	r.Contacts = list
	if err := c.maker().keep(r); err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.contacts(list))
}

func contactsDelete(c *call) error {
	c.door.records.Lock()
	defer c.door.records.Unlock()
	r, err := c.maker().record()
	if err == nil && len(r.Contacts) == 0 {
		err = fault.ObjectUnknown.At("find contacts")
	}
	if err != nil {
		return err
	}
	list := r.Contacts
	r.Contacts = nil
	if err := c.maker().keep(r); err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.contacts(list))
}

func (c *call) issuerAnswer(name string, i *issuer) map[string]any {
	out := map[string]any{"id": c.id("certificates/issuers", name, ""), "provider": i.Provider,
		"attributes": map[string]any{"enabled": !i.Disabled, "created": i.Created, "updated": i.Updated}}
	if i.Account != "" {
		out["credentials"] = map[string]string{"account_id": i.Account}
	}
	if i.Organization != "" || len(i.Admins) > 0 {
		out["org_details"] = map[string]any{"id": i.Organization, "admin_details": i.Admins}
	}
	return out
}

// issuerGet is GetCertificateIssuer.
func issuerGet(c *call) error {
	i, _, err := c.issuer()
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.issuerAnswer(c.name, i))
}

func (c *call) issuer() (*issuer, record, error) {
	r, err := c.maker().record()
	if err == nil && r.Issuers[c.name] == nil {
		err = fault.ObjectUnknown.At("find issuer")
	}
	return r.Issuers[c.name], r, err
}

// issuerList is GetCertificateIssuers. All of them fit on one page.
func issuerList(c *call) error {
	if _, err := c.query.page(); err != nil {
		return err
	}
	r, err := c.maker().record()
	if err != nil {
		return err
	}
	names := []string{}
	for name := range r.Issuers {
		names = append(names, name)
	}
	slices.Sort(names)
	p := page{Value: []any{}}
	for _, name := range names {
		p.Value = append(p.Value, map[string]string{"id": c.id("certificates/issuers", name, ""), "provider": r.Issuers[name].Provider})
	}
	return c.answer(http.StatusOK, p)
}

// read changes what the body names.
func (i *issuer) read(o object) {
	o.skip("id")
	if o.has("provider") {
		i.Provider = o.text("provider")
	}
	if k, ok := o.object("credentials"); ok {
		i.Account = k.text("account_id")
		if k.text("pwd") != "" {
			k.fail("pwd", "has no use: nothing is ordered from elsewhere, and it would only be kept")
		}
		k.end()
	}
	if g, ok := o.object("org_details"); ok {
		i.Organization, i.Admins = g.text("id"), nil
		for _, a := range g.objects("admin_details") {
			i.Admins = append(i.Admins, admin{a.text("first_name"), a.text("last_name"), a.text("email"), a.text("phone")})
			a.end()
		}
		g.end()
	}
	if a, ok := o.object("attributes"); ok {
		i.Disabled = !or(a.flag("enabled"), !i.Disabled)
		a.skip("created", "updated")
		a.end()
	}
}

// issuerSet is SetCertificateIssuer.
func issuerSet(c *call) error {
	if slices.Contains([]string{selfIssuer, unknownIssuer, genbuIssuer}, c.name) {
		return badParameter("The issuer name %s has a meaning of its own.", c.name)
	}
	return c.putIssuer(func(r *record) (*issuer, error) {
		i := &issuer{Created: time.Now().Unix()}
		if before := r.Issuers[c.name]; before != nil {
			i.Created = before.Created
		}
		return i, nil
	})
}

// issuerUpdate is UpdateCertificateIssuer.
func issuerUpdate(c *call) error {
	return c.putIssuer(func(r *record) (*issuer, error) {
		if i := r.Issuers[c.name]; i != nil {
			return i, nil
		}
		return nil, fault.ObjectUnknown.At("find issuer")
	})
}

func (c *call) putIssuer(begin func(r *record) (*issuer, error)) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	c.door.records.Lock()
	defer c.door.records.Unlock()
	r, err := c.maker().record()
	if err != nil {
		return err
	}
	i, err := begin(&r)
	if err != nil {
		return err
	}
	i.read(o)
	if i.Provider == "" {
		o.fail("provider", "is required")
	}
	if err := o.end(); err != nil {
		return err
	}
	i.Updated = time.Now().Unix()
	if r.Issuers == nil {
		r.Issuers = map[string]*issuer{}
	}
	r.Issuers[c.name] = i
	if err := c.maker().keep(r); err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.issuerAnswer(c.name, i))
}

// issuerDelete is DeleteCertificateIssuer.
func issuerDelete(c *call) error {
	c.door.records.Lock()
	defer c.door.records.Unlock()
	i, r, err := c.issuer()
	if err != nil {
		return err
	}
	delete(r.Issuers, c.name)
	if err := c.maker().keep(r); err != nil {
		return err
	}
	return c.answer(http.StatusOK, c.issuerAnswer(c.name, i))
}
