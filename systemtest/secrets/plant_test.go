// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
	"github.com/genbu-hsm/genbu/systemtest/memscan"
)

// planted is what the plant role hands to the test.
type planted struct {
	Secrets []secret
	Keys    int
	Uses    int      // operations that succeeded
	Unused  []string // mechanisms and uses that no key of the plant has done
	Signers []signer // token keys that the load role may sign with
	Slot    uint64
	PIN     secret
}

// signer is a key with a mechanism that signs 32 bytes.
type signer struct {
	Handle uint64
	Mech   client.Mechanism
}

// planter is the state of the plant role.
type planter struct {
	conn *client.Conn
	s    *client.Session
	dir  string
	out  planted

	keys   []*held
	mechs  []client.MechanismInfo
	marker []byte          // data that is signed and encrypted
	did    map[string]bool // mechanism and use
	target *held           // an extractable secret key, to be wrapped
	kek    *held           // an AES key that wraps
	user   []byte          // PIN
}

// held is a key in the core.
type held struct {
	name   string
	typ    key.Type
	class  key.Class
	handle uint64
	public uint64 // handle of the public half
	params client.Attribute
	value  []byte // of a secret key
	point  []byte
	bits   uint64
	did    map[string]int // uses
	conn   *client.Conn   // of its application
}

// plant is the role that plants and uses.
func plant(in *gob.Decoder, out *gob.Encoder) error {
	p := &planter{did: map[string]bool{}, marker: bytesOf(512)}
	if err := in.Decode(&p.dir); err != nil {
		return err
	}
	p.keep("data signed and encrypted", memscan.Bytes, p.marker[:64])
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"partition", p.partition}, {"import", p.importAll}, {"generate", p.generateAll}, {"use", p.useAll}, {"move", p.moveAll},
		{"derive", p.deriveSecrets}, {"fail", p.failAll}, {"fork", p.fork}, {"manage", p.manage}, {"abandon", p.abandon}, {"use again", p.useAgain},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	p.out.Unused = p.unused()
	if _, err := p.s.Login(client.User, operator, p.pin()); err == nil {
		return fmt.Errorf("the login was lost on the way, or two are allowed")
	}
	if err := p.s.Logout(); err != nil {
		return err
	}
	return out.Encode(p.out)
}

func (p *planter) keep(name string, kind memscan.Kind, v []byte) {
	p.out.Secrets = append(p.out.Secrets, masked(fmt.Sprintf("%s #%d", name, len(p.out.Secrets)), kind, v))
}

func (p *planter) keepParts(name string, parts []part) {
	for _, x := range parts {
		p.keep("key "+name+" "+x.name, x.kind, x.value)
	}
}

// newPIN draws one that is long enough to be looked for.
func (p *planter) newPIN(name string) []byte {
	pin := []byte(base32.StdEncoding.EncodeToString(bytesOf(20)))
	p.keep("pin "+name, memscan.Bytes, pin)
	return pin
}

func (p *planter) pin() []byte { return slices.Clone(p.user) } // the client zeroes what it is given

// operator owns the planted keys; what the first user of a partition makes belongs to all.
const operator = "planter"

// partition makes a partition whose PINs nobody has written down, and logs in there.
func (p *planter) partition() error {
	var access struct {
		Admin string `json:"admin_pin"`
	}
	text, err := os.ReadFile(filepath.Join(p.dir, "access.json"))
	if err == nil {
		err = json.Unmarshal(text, &access)
	}
	if err != nil {
		return err
	}
	if p.conn, err = client.Dial(filepath.Join(p.dir, "genbu.sock")); err != nil {
		return err
	}
	domain, err := p.conn.Open(0, true)
	if err != nil {
		return err
	}
	if _, err := domain.Login(client.Officer, "", []byte(access.Admin)); err != nil {
		return err
	}
	first := p.newPIN("operator, first")
	if _, p.out.Slot, err = p.conn.PartitionCreate("planted "+rand.Text()[:8], p.newPIN("officer"), p.newPIN("default user"), 0); err != nil {
		return err
	}
	err = errors.Join(p.conn.OperatorCreate(p.out.Slot, operator, client.CryptoUser, slices.Clone(first)),
		p.conn.OperatorCreate(p.out.Slot, "second", client.CryptoUser, p.newPIN("second")))
	if err != nil {
		return err
	}
	if p.s, err = p.conn.Open(p.out.Slot, true); err != nil {
		return err
	}
	if _, err := p.s.Login(client.User, operator, p.newPIN("wrong")); err == nil {
		return fmt.Errorf("a wrong pin was taken")
	}
	if _, err := p.s.Login(client.User, operator, slices.Clone(first)); err != nil {
		return err
	}
	p.user = p.newPIN("operator")
	if err := p.s.SetPIN(first, p.pin()); err != nil {
		return err
	}
	p.out.PIN = masked("pin operator", memscan.Bytes, p.user)
	p.mechs, err = p.conn.Mechanisms(p.out.Slot)
	return err
}

// usage names every use of a key type that its default leaves out.
func usage(typ key.Type, class key.Class) client.Template {
	on := func(list ...key.Attr) (t client.Template) {
		for _, a := range list {
			t = append(t, client.Bool(a, true))
		}
		return t
	}
	switch {
	case typ == key.TypeAES:
		return on(key.AttrEncrypt, key.AttrDecrypt, key.AttrSign, key.AttrVerify, key.AttrWrap, key.AttrUnwrap, key.AttrDerive)
	case class == key.ClassSecret && typ != key.TypeChaCha20 && typ != key.TypeDES3 && typ != key.TypeHKDF:
		return on(key.AttrSign, key.AttrVerify, key.AttrDerive)
	}
	return nil
}

func common(class key.Class, typ key.Type, label string, token bool) client.Template {
	return append(client.Template{client.ULong(key.AttrClass, class), client.ULong(key.AttrKeyType, typ), client.Bool(key.AttrToken, token),
		client.Text(key.AttrLabel, label)}, usage(typ, class)...)
}

// importAll brings in keys of every type, each as a token object and as a session object.
func (p *planter) importAll() error {
	values := secretValues()
	more, err := curveValues()
	if err != nil {
		return err
	}
	values = append(values, more...)
	for _, bits := range []int{2048, 4096} {
		v, err := rsaValue(bits)
		if err != nil {
			return err
		}
		values = append(values, v)
		// The standard asks for no more: the core computes the rest, which is the same.
		v.name, v.attrs, v.parts = v.name+" without factors", v.attrs[:3], nil
		values = append(values, v)
	}
	for _, v := range values {
		if err := p.importValue(v); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
	}
	return nil
}

func (p *planter) importValue(v value) error {
	p.keepParts("imported "+v.name, v.parts)
	for _, token := range []bool{true, false} {
		t := append(common(v.class, v.typ, v.name, token), client.Bool(key.AttrSensitive, true), client.Bool(key.AttrExtractable, true))
		o, err := p.s.Create(append(t, v.attrs...))
		if err != nil {
			return err
		}
		k := &held{name: v.name, typ: v.typ, class: v.class, handle: o.Handle, bits: o.Bits}
		if v.class == key.ClassSecret {
			k.value = v.attrs[0].Value
		}
		for _, a := range v.attrs {
			if a.Type == key.AttrECParams || a.Type == key.AttrParameterSet {
				k.params = a
			}
		}
		if v.class == key.ClassPrivate {
			if err := p.publicOf(k, token); err != nil {
				return err
			}
		}
		p.add(k)
	}
	return nil
}

// publicOf makes the public half of an imported private key out of what the core computed.
func (p *planter) publicOf(k *held, token bool) error {
	got, err := p.s.Get(k.handle, key.AttrPublicKeyInfo)
	if err != nil {
		return err
	}
	o, err := p.s.Create(append(common(key.ClassPublic, k.typ, k.name, token), client.Bytes(key.AttrPublicKeyInfo, got[0].Value)))
	if err != nil {
		return fmt.Errorf("public half: %w", err)
	}
	k.public = o.Handle
	return p.pointOf(k)
}

func (p *planter) pointOf(k *held) error {
	if k.typ != key.TypeEC && k.typ != key.TypeMontgomery {
		return nil
	}
	got, err := p.s.Get(k.public, key.AttrECPoint)
	if err != nil {
		return err
	}
	k.point = got[0].Value
	if k.typ == key.TypeEC { // DER OCTET STRING
		k.point = k.point[2:]
		if got[0].Value[1] == 0x81 {
			k.point = k.point[1:]
		}
	}
	return nil
}

func (p *planter) add(k *held) {
	k.did, k.conn = map[string]int{}, p.conn
	p.keys = append(p.keys, k)
	p.out.Keys++
	if k.typ == key.TypeGeneric && len(k.value) == 32 && p.target == nil {
		p.target = k
	}
	if k.typ == key.TypeAES && len(k.value) == 32 && p.kek == nil {
		p.kek = k
	}
}
