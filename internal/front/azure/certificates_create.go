// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/opaque"
	"github.com/genbu-hsm/genbu/internal/pki"
	"github.com/genbu-hsm/genbu/key"
)

func (c *call) maker() maker { return maker{c.session, c.name} }

// newNote is the note of a version to be made.
func newNote(p certificatePolicy, w wish) note {
	id := make([]byte, 16)
	rand.Read(id)
	p.Updated = time.Now().Unix()
	p.Created = p.Updated
	return note{Tags: w.tags, Certificate: &certificateNote{Policy: p, Request: hex.EncodeToString(id), Disabled: !or(w.enabled, true)}}
}

// certificateCreate is CreateCertificate: a key and a request; the certificate at once, unless somebody else has to sign it.
func certificateCreate(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	p, given := readPolicy(o)
	w := readWish(o)
	o.flag("preserveCertOrder") // there is no other order here than the one that is given
	if given && !p.x509Props {
		o.fail("policy.x509_props", "is required")
	}
	if err := o.end(); err != nil {
		return err
	}
	if !given { // the next version by the policy that there is
		n, err := c.certificate("")
		if fault.Of(err) == fault.ObjectUnknown {
			return badParameter("Property 'policy' is required for a new certificate.")
		}
		if err != nil {
			return err
		}
		d := readNote(n.Value(key.AttrDoor))
		if d.Certificate == nil {
			return badParameter("Property 'policy' is required: this certificate has none.")
		}
		p.certificatePolicy = d.Certificate.Policy
	}
	// Whether there is such an issuer is found out before anything is made.
	ca, err := c.maker().issuer(p.Issuer)
	if err != nil {
		return err
	}
	m := c.maker()
	made, err := m.begin(newNote(p.certificatePolicy, w))
	if err != nil {
		return c.taken(err)
	}
	if p.Issuer != unknownIssuer {
		if err := m.issue(made, ca, time.Now()); err != nil {
			return m.fail(made, err)
		}
		c.watch("")
	}
	c.w.Header().Set("Location", c.id("certificates", c.name, "pending")+"?api-version="+c.query.apiVersion()+"&request_id="+made.note.Certificate.Request)
	op, err := c.operation()
	if err != nil {
		return err
	}
	// As Key Vault says at first. The Python SDK fetches no certificate when it hears at once that it is there.
	op.Status, op.Target = pendingMerge, ""
	if op.Details == "" {
		op.Details = "Pending certificate created. Certificate request is in progress."
	}
	return c.answer(http.StatusAccepted, op)
}

// operation answers the certificate operation of the name.
func (c *call) operation() (*operationAnswer, error) {
	p, ok, err := c.maker().waiting()
	if err != nil {
		return nil, err
	}
	out := &operationAnswer{ID: c.id("certificates", c.name, "pending"), Status: "completed", Target: c.id("certificates", c.name, ""), Order: true}
	d := p.note
	if ok {
		out.Status, out.Target = d.Certificate.Pending, ""
		switch out.Status {
		case pendingMerge:
			out.Details = "Pending certificate created. Please Perform Merge to complete the request."
		case pendingCancelled:
			out.Cancelled = true
		case pendingFailed:
			out.Error = &operationFault{"Failed", d.Certificate.Why}
		}
	} else {
		n, err := c.certificate("")
		if err != nil && fault.Of(err) != fault.ObjectUnknown {
			return nil, err
		}
		if d = readNote(n.Value(key.AttrDoor)); err != nil || d.Certificate == nil || d.Certificate.Request == "" {
			return nil, &apiError{http.StatusNotFound, "PendingCertificateNotFound", "", "Pending certificate not found: " + c.name + ".", nil}
		}
	}
	out.CSR, out.Request = d.Certificate.CSR, d.Certificate.Request
	out.Issuer = policyIssuer{d.Certificate.Policy.Issuer, d.Certificate.Policy.IssuerType, d.Certificate.Policy.Unlogged}
	return out, nil
}

// operationGet is GetCertificateOperation.
func operationGet(c *call) error {
	op, err := c.operation()
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, op)
}

// operationUpdate is UpdateCertificateOperation: it can be cancelled.
func operationUpdate(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	cancel := o.flag("cancellation_requested")
	if cancel == nil || !*cancel {
		o.fail("cancellation_requested", "is not true")
	}
	if err := o.end(); err != nil {
		return err
	}
	p, ok, err := c.maker().waiting()
	if err != nil {
		return err
	}
	if !ok || p.note.Certificate.Pending != pendingMerge {
		if _, err := c.operation(); err != nil {
			return err
		}
		return conflict("", "The operation is not in progress, and cannot be cancelled.")
	}
	p.note.Certificate.Pending = pendingCancelled
	if err := c.maker().mark(p); err != nil {
		return err
	}
	return operationGet(c)
}

// operationDelete is DeleteCertificateOperation. The key that waited stays as a version without a
// certificate, disabled, unless it has another.
func operationDelete(c *call) error {
	op, err := c.operation()
	if err != nil {
		return err
	}
	p, ok, err := c.maker().waiting()
	if err != nil {
		return err
	}
	handle, d, t := p.Handle, p.note, client.Template{}
	if ok {
		if d.Certificate.KeyVersion == "" {
			t = append(t, client.ULong(key.AttrState, uint64(key.StateSuspended)))
		}
		d.Certificate = nil
	} else {
		n, err := c.certificate("")
		if err != nil {
			return err
		}
		handle, d = n.Handle, readNote(n.Value(key.AttrDoor))
		d.Certificate.Request, d.Certificate.CSR = "", nil
	}
	if err := c.session.Set(handle, append(t, client.Bytes(key.AttrDoor, d.bytes()))); err != nil {
		return err
	}
	return c.answer(http.StatusOK, op)
}

// certificateMerge is MergeCertificate: the certificate that somebody made of the request.
func certificateMerge(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	list := o.list("x5c")
	w := readWish(o)
	if len(list) == 0 || len(list) > 16 {
		o.fail("x5c", "is not a list of 1 to 16 certificates")
	}
	if err := o.end(); err != nil {
		return err
	}
	var chain []*x509.Certificate
	for _, text := range list {
		der, err := base64.StdEncoding.DecodeString(text)
		leaf, errParse := x509.ParseCertificate(der)
		if err != nil || errParse != nil {
			return badParameter("Property 'x5c' has a member that is not the base64 of a certificate.")
		}
		chain = append(chain, leaf)
	}
	p, ok, err := c.maker().waiting()
	if err != nil {
		return err
	}
	if !ok || p.note.Certificate.Pending != pendingMerge {
		return &apiError{http.StatusNotFound, "PendingCertificateNotFound", "", "Pending certificate not found: " + c.name + ".", nil}
	}
	if w.hasTags {
		p.note.Tags = w.tags
	}
	if w.enabled != nil {
		p.note.Certificate.Disabled = !*w.enabled
	}
	if err := c.maker().finish(p, chain); err != nil {
		return err
	}
	c.watch("")
	return c.answerCertificate(http.StatusCreated, "")
}

// certificateImport is ImportCertificate: PKCS #12 as base64, or PEM, with its private key.
func certificateImport(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	text := opaque.New([]byte(o.must("value")))
	password := opaque.New([]byte(o.text("pwd")))
	defer text.Clear()
	defer password.Clear()
	o.flag("preserveCertOrder")
	w := readWish(o)
	p, given := readImportPolicy(o)
	if err := o.end(); err != nil {
		return err
	}
	b, content, err := readFile(text, password)
	if err != nil {
		return badParameter("Property 'value': %s.", err)
	}
	defer b.Key.Clear()
	if b.Key.Len() == 0 {
		return badParameter("Property 'value' has no private key in it.")
	}
	if !given || !p.secretProps {
		p.ContentType = content
	}
	m := c.maker()
	if err := m.free(); err != nil {
		return err
	}
	var spec client.KeySpec
	mat, err := imported(b, &spec)
	if err != nil {
		return err
	}
	defer mat.clear()
	p.of(b.Chain[0], spec)
	d := newNote(p.certificatePolicy, w)
	d.Managed, d.Software, d.Certificate.Pending = true, !strings.HasSuffix(p.Kty, "-HSM"), pendingMerge
	d.Certificate.Request = "" // an import is no operation
	spec.Name, spec.Extractable, spec.Part, spec.Door = c.name, p.Exportable, key.PartCertificate, d.bytes()
	made, err := c.session.ImportKey(spec, mat.secret, mat.public)
	if err != nil {
		return c.taken(err)
	}
	waiting := pending{note: d}
	if waiting.Named, err = c.session.Name(key.GroupKeys, c.name, made.Version, false, keyTypes...); err != nil {
		return err
	}
	if err := m.finish(waiting, b.Chain); err != nil {
		return m.fail(waiting, err)
	}
	c.watch(made.Version)
	return c.answerCertificate(http.StatusOK, made.Version)
}

// readFile finds out which kind of file it is.
func readFile(text, password opaque.Bytes) (b pki.Bundle, content string, err error) {
	raw := text.ExposeToCodec()
	if strings.Contains(string(raw[:min(len(raw), 4096)]), "-----BEGIN ") {
		b, err = pki.ReadPEM(raw)
		return b, pemType, err
	}
	der := make([]byte, base64.StdEncoding.DecodedLen(len(raw)))
	n, err := base64.StdEncoding.Decode(der, raw)
	if err != nil {
		return b, "", pki.ErrFile
	}
	defer clear(der)
	b, err = pki.ReadPFX(der[:n], password)
	return b, pfxType, err
}
