// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

const (
	opsRSA = key.OpEncrypt | key.OpDecrypt | key.OpSign | key.OpVerify | key.OpWrap | key.OpUnwrap
	opsEC  = key.OpSign | key.OpVerify
	opsOct = key.OpEncrypt | key.OpDecrypt | key.OpWrap | key.OpUnwrap
)

// kind is what kty says.
type kind struct {
	typ      key.Type
	software bool // without -HSM
}

func (c *call) readKind(o object) (k kind) {
	text := o.must("kty")
	base, hsm := strings.CutSuffix(text, "-HSM")
	k.software = !hsm
	switch base {
	case "RSA":
		k.typ = key.TypeRSA
	case "EC":
		k.typ = key.TypeEC
	case "oct":
		k.typ = key.TypeAES
		if c.host.kind != KindManagedHSM {
			o.fail("kty", "is oct, which managed HSMs have and vaults have not")
		}
	default:
		k.typ = key.TypeUnavailable
		if text != "" {
			o.fail("kty", "is not known")
		}
	}
	return k
}

// keyCreate is CreateKey: a key, or a new version of the key that has the name.
func keyCreate(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	k := c.readKind(o)
	spec := client.KeySpec{Name: c.name, Type: k.typ}
	size, exponent, crv := o.number("key_size"), o.number("public_exponent"), o.text("crv")
	switch k.typ {
	case key.TypeRSA:
		spec.Bits, spec.Ops = int(or(size, 2048)), opsRSA
		if spec.Bits != 2048 && spec.Bits != 3072 && spec.Bits != 4096 {
			o.fail("key_size", "is not 2048, 3072 or 4096")
		}
		if e := or(exponent, 0); e != 0 && e != 65537 { // Java says 0 for none
			o.fail("public_exponent", "is not 65537")
		}
	case key.TypeEC:
		spec.Ops = opsEC
		cv := curveNamed(crv)
		if crv == "" {
			cv = curveOfSize(or(size, 256))
		}
		if cv == nil {
			o.fail("crv", "is not known")
			break
		}
		spec.Curve = cv.params
	default:
		spec.Bits, spec.Ops = int(or(size, 256)), opsOct
		if spec.Bits != 128 && spec.Bits != 192 && spec.Bits != 256 {
			o.fail("key_size", "is not 128, 192 or 256")
		}
	}
	if crv != "" && k.typ != key.TypeEC {
		o.fail("crv", "is for EC keys")
	}
	n := note{Software: k.software}
	if err := c.readSpec(o, &spec, &n); err != nil {
		return err
	}
	if k.typ == key.TypeAES && spec.Ops&(key.OpSign|key.OpVerify) != 0 {
		if spec.Ops&opsOct != 0 {
			return badParameter("Property 'key_ops' has sign or verify beside encrypt, decrypt, wrapKey or unwrapKey: an oct key does one or the other.")
		}
		spec.Type = key.TypeGeneric // an HMAC key
	}
	if err := c.inherit(&n); err != nil {
		return err
	}
	spec.Door = n.bytes()
	made, err := c.session.CreateKey(spec)
	if err != nil {
		return c.taken(err)
	}
	return c.answerKey(made.Version)
}

// curveOfSize is for clients that give EC keys a size.
func curveOfSize(bits int64) *curve {
	switch bits {
	case 256:
		return curveNamed("P-256")
	case 384:
		return curveNamed("P-384")
	case 521:
		return curveNamed("P-521")
	}
	return nil
}

// readSpec reads what creating and importing have in common, and ends the body.
func (c *call) readSpec(o object, spec *client.KeySpec, n *note) error {
	spec.Ops, _ = readOps(o, spec.Ops)
	w := readWish(o)
	policy, hasPolicy := readRelease(o)
	spec.Exportable = or(w.exportable, false)
	switch {
	case hasPolicy && !spec.Exportable:
		o.fail("release_policy", "needs attributes.exportable to be true")
	case spec.Exportable && !hasPolicy:
		o.fail("attributes.exportable", "needs a release_policy")
	}
	spec.Release, spec.Immutable = policy.data, policy.immutable
	spec.Disabled = !or(w.enabled, true)
	spec.NotBefore, spec.Expires = uint64(or(w.notBefore, 0)), uint64(or(w.expires, 0))
	n.Tags = w.tags
	return o.end()
}

// inherit takes over what belongs to the name and not to the version: the rotation policy of the version before, which
// may also say when the new one expires.
func (c *call) inherit(n *note) error {
	before, err := c.session.Name(key.GroupKeys, c.name, "", false, key.AttrDoor)
	if fault.Of(err) == fault.ObjectUnknown || fault.Of(err) == fault.Denied { // there is none, or none that the caller may read
		return nil
	}
	d := readNote(before.Value(key.AttrDoor))
	n.Rotation = d.Rotation
	if err == nil && d.Managed {
		return c.managed()
	}
	return err
}

// managed refuses what is a certificate's to do.
func (c *call) managed() error {
	return &apiError{http.StatusForbidden, "Forbidden", "OperationNotAllowed", c.op.noun.title + " " + c.name + " belongs to a certificate: the certificate is made anew, or deleted.", nil}
}

// taken explains why a name cannot be had.
func (c *call) taken(err error) error {
	if fault.Of(err) == fault.NameDeleted {
		return conflict("ObjectIsDeletedButRecoverable", "%s %s is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the %s can only be recovered or purged.",
			c.op.noun.title, c.name, strings.ToLower(c.op.noun.title))
	}
	return err
}

// policy is a release policy that a client gives.
type policy struct {
	data      []byte
	immutable bool
}

// readRelease reads release_policy. The core judges what the policy says when a key is to be released; here it must be JSON.
func readRelease(o object) (p policy, ok bool) {
	r, ok := o.object("release_policy")
	if !ok {
		return p, false
	}
	r.text("contentType")
	p.data, p.immutable = r.bytes("data"), or(r.flag("immutable"), false)
	if v, err := parse(p.data); err != nil {
		r.fail("data", "is not JSON")
	} else if _, isObject := v.(map[string]any); !isObject {
		r.fail("data", "is not a JSON object")
	}
	r.end()
	return p, true
}

// keyRotate is RotateKey: a new version that is like the current one.
func keyRotate(c *call) error {
	if text, err := c.read(); err != nil {
		return err
	} else if o, err := readObject(text); err != nil {
		return err
	} else if err := o.end(); err != nil {
		return err
	}
	n, err := c.key("")
	if err != nil {
		return err
	}
	if readNote(n.Value(key.AttrDoor)).Managed {
		return c.managed()
	}
	made, err := rotate(c.session, n, time.Now())
	if err != nil {
		return err
	}
	return c.answerKey(made.Version)
}

// rotate makes the next version of the current one, which expires when the rotation policy says so.
func rotate(s *client.Session, current client.Named, now time.Time) (client.Named, error) {
	spec, err := successor(current, now)
	if err != nil {
		return client.Named{}, err
	}
	return s.CreateKey(spec)
}

// successor is the spec of a version's next one.
func successor(n client.Named, now time.Time) (client.KeySpec, error) {
	spec := client.KeySpec{Name: n.Name, Type: key.Type(n.Value(key.AttrKeyType).ULong()), Ops: key.Ops(n.Value(key.AttrKeyOps).ULong())}
	p, ok := readPublic(n.Value(key.AttrPublicKeyInfo).Value)
	switch {
	case ok && p.curve != nil:
		spec.Curve = p.curve.params
	case ok:
		spec.Bits = 8 * len(p.n)
	case spec.Type == key.TypeAES || spec.Type == key.TypeGeneric:
		spec.Bits = 8 * int(n.Value(key.AttrValueLen).ULong())
	default:
		return spec, notSupported("A key of this type cannot be rotated.")
	}
	flags := n.Value(key.AttrReleaseFlags).ULong()
	spec.Exportable, spec.Immutable = flags&client.ReleaseExportable != 0, flags&client.ReleaseImmutable != 0
	spec.Release = n.Value(key.AttrRelease).Value
	d := readNote(n.Value(key.AttrDoor))
	if d.Rotation != nil && d.Rotation.Expiry != "" {
		if after, ok := parseDuration(d.Rotation.Expiry); ok {
			spec.Expires = uint64(after.from(now).Unix())
		}
	}
	spec.Door = d.bytes()
	return spec, nil
}
