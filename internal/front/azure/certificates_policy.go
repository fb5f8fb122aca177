// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"crypto/x509"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/pki"
	"github.com/genbu-hsm/genbu/key"
)

// certificatePolicy is how the next version of a certificate is made, as the note of the current one keeps it.
type certificatePolicy struct {
	Kty         string   `json:"kty"`
	Size        int64    `json:"size,omitempty"`
	Curve       string   `json:"crv,omitempty"`
	Exportable  bool     `json:"exportable,omitempty"`
	Reuse       bool     `json:"reuse,omitempty"`
	ContentType string   `json:"contentType"`
	Subject     string   `json:"subject,omitempty"`
	DNS         []string `json:"dns,omitempty"`
	Emails      []string `json:"emails,omitempty"`
	UPNs        []string `json:"upns,omitempty"`
	URIs        []string `json:"uris,omitempty"`
	Unlogged    *bool    `json:"unlogged,omitempty"` // cert_transparency as it was said: false
	IPs         []string `json:"ips,omitempty"`
	Usages      []string `json:"ekus,omitempty"`
	KeyUsage    []string `json:"usage,omitempty"`
	Months      int64    `json:"months"`
	CA          bool     `json:"ca,omitempty"`
	PathLen     *int64   `json:"pathLen,omitempty"`
	Issuer      string   `json:"issuer"`
	IssuerType  string   `json:"cty,omitempty"`
	Percentage  int64    `json:"percentage,omitempty"` // of the lifetime, after which it is renewed
	DaysBefore  int64    `json:"daysBefore,omitempty"` // before the expiry
	Email       bool     `json:"email,omitempty"`      // contacts are to be told instead; kept and shown, nobody is told
	Created     int64    `json:"created,omitempty"`
	Updated     int64    `json:"updated,omitempty"`
}

// Content types of a certificate's secret.
const (
	pfxType = "application/x-pkcs12"
	pemType = "application/x-pem-file"
)

// usageNames are the bits of RFC 5280 section 4.2.1.3 in their order, which is that of Go's constants.
var usageNames = []string{"digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"}

// defaultUsages are Key Vault's: a server's and a client's.
var defaultUsages = []string{"1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"}

// readPolicy reads the member policy into one with Key Vault's defaults; given says which parts of it were there.
func readPolicy(o object) (p policyWish, ok bool) {
	inner, ok := o.object("policy")
	if !ok {
		p.certificatePolicy = defaultPolicy()
		return p, false
	}
	p = readPolicyBody(inner)
	inner.end()
	return p, true
}

// policyWish is a policy that a client gives, and which of its parts it gives.
type policyWish struct {
	certificatePolicy
	keyProps, secretProps, x509Props, issuer, actions bool
}

func defaultPolicy() certificatePolicy {
	return certificatePolicy{Kty: "RSA", Size: 2048, Exportable: true, ContentType: pfxType, Usages: defaultUsages, KeyUsage: []string{usageNames[0], usageNames[2]},
		Months: 12, Issuer: "Self", Percentage: 80}
}

func readPolicyBody(o object) (p policyWish) {
	p.certificatePolicy = defaultPolicy()
	o.skip("id")
	if a, ok := o.object("attributes"); ok {
		a.skip("enabled", "created", "updated", "nbf", "exp", "recoveryLevel", "recoverableDays")
		a.end()
	}
	var k, s, x, i object
	if k, p.keyProps = o.object("key_props"); p.keyProps {
		p.readKey(k)
	}
	if s, p.secretProps = o.object("secret_props"); p.secretProps {
		if p.ContentType = s.must("contentType"); p.ContentType != pfxType && p.ContentType != pemType {
			s.fail("contentType", "is not "+pfxType+" or "+pemType)
		}
		s.end()
	}
	if x, p.x509Props = o.object("x509_props"); p.x509Props {
		p.readX509(x)
	}
	if i, p.issuer = o.object("issuer"); p.issuer {
		p.Issuer, p.IssuerType = i.must("name"), i.text("cty")
		if p.Unlogged = i.flag("cert_transparency"); or(p.Unlogged, false) {
			i.fail("cert_transparency", "cannot be true: there is no log of certificates here")
		}
		for _, known := range []string{selfIssuer, unknownIssuer} { // which some clients write small
			if strings.EqualFold(p.Issuer, known) {
				p.Issuer = known
			}
		}
		if !key.ValidName(p.Issuer) {
			i.fail("name", "is not valid")
		}
		i.end()
	}
	if p.actions = o.has("lifetime_actions"); p.actions {
		p.Percentage = 0
		for _, a := range o.objects("lifetime_actions") {
			p.readLifetime(a)
		}
	}
	return p
}

func (p *policyWish) readKey(k object) {
	p.Exportable, p.Reuse = or(k.flag("exportable"), true), or(k.flag("reuse_key"), false)
	size, curve := k.number("key_size"), k.text("crv")
	if kty := k.text("kty"); kty != "" {
		p.Kty = kty
	}
	switch base := strings.TrimSuffix(p.Kty, "-HSM"); base {
	case "RSA":
		if p.Size = or(size, 2048); p.Size != 2048 && p.Size != 3072 && p.Size != 4096 {
			k.fail("key_size", "is not 2048, 3072 or 4096")
		}
		if curve != "" {
			k.fail("crv", "is for EC keys")
		}
	case "EC":
		p.Size = 0
		cv := curveNamed(curve)
		if curve == "" {
			cv = curveOfSize(or(size, 256))
		}
		if cv == nil || cv.name == "P-256K" {
			k.fail("crv", "is not P-256, P-384 or P-521")
			break
		}
		p.Curve = cv.name
	default:
		k.fail("kty", "is not RSA, RSA-HSM, EC or EC-HSM")
	}
	if p.Exportable && strings.HasSuffix(p.Kty, "-HSM") {
		k.fail("exportable", "cannot be true for a key of type "+p.Kty)
	}
	k.end()
}

func (p *policyWish) readX509(x object) {
	p.Subject = x.text("subject")
	if s, ok := x.object("sans"); ok {
		p.DNS, p.Emails, p.UPNs, p.URIs, p.IPs = s.list("dns_names"), s.list("emails"), s.list("upns"), s.list("uris"), s.list("ipAddresses")
		s.end()
	}
	if list := x.list("ekus"); len(list) > 0 {
		p.Usages = list
	}
	if list := x.list("key_usage"); len(list) > 0 {
		p.KeyUsage = list
		for _, u := range list {
			if !slices.Contains(usageNames, u) {
				x.fail("key_usage", "has a member that is not known")
			}
		}
	}
	if months := x.number("validity_months"); months != nil {
		if p.Months = *months; p.Months < 1 || p.Months > 1200 {
			x.fail("validity_months", "is not from 1 to 1200")
		}
	}
	if b, ok := x.object("basic_constraints"); ok {
		p.CA, p.PathLen = or(b.flag("ca"), false), b.number("path_len_constraint")
		if p.PathLen != nil && (*p.PathLen < 0 || *p.PathLen > 16) {
			b.fail("path_len_constraint", "is not from 0 to 16")
		}
		b.end()
	}
	if p.alternatives() > maxAlternatives {
		x.fail("sans", "has too many names")
	}
	x.end()
}

func (p *policyWish) readLifetime(a object) {
	trigger, _ := a.object("trigger")
	percentage, days := trigger.number("lifetime_percentage"), trigger.number("days_before_expiry")
	switch {
	case (percentage == nil) == (days == nil):
		a.fail("trigger", "has either lifetime_percentage or days_before_expiry")
	case percentage != nil && (*percentage < 1 || *percentage > 99):
		trigger.fail("lifetime_percentage", "is not from 1 to 99")
	case days != nil && (*days < 1 || *days > 36500):
		trigger.fail("days_before_expiry", "is not a number of days")
	}
	if p.Percentage != 0 || p.DaysBefore != 0 {
		a.fail("action", "is there twice")
	}
	p.Percentage, p.DaysBefore = or(percentage, 0), or(days, 0)
	what, _ := a.object("action")
	switch kind := what.must("action_type"); {
	case strings.EqualFold(kind, "EmailContacts"):
		p.Email = true
	case !strings.EqualFold(kind, "AutoRenew"):
		what.fail("action_type", "is not AutoRenew or EmailContacts")
	}
	trigger.end()
	what.end()
	a.end()
}

// alternatives counts the alternative names.
func (p certificatePolicy) alternatives() int {
	return len(p.DNS) + len(p.Emails) + len(p.UPNs) + len(p.URIs) + len(p.IPs)
}

// profile is the policy in the words of X.509.
func (p certificatePolicy) profile() (pki.Profile, error) {
	out := pki.Profile{DNS: p.DNS, Emails: p.Emails, UPNs: p.UPNs, URIs: p.URIs, IPs: p.IPs, Usages: p.Usages, Months: int(p.Months), CA: p.CA, PathLen: int(or(p.PathLen, -1))}
	if p.Subject == "" && p.alternatives() == 0 {
		return out, badParameter("Property 'policy.x509_props.subject' or an alternative name is required.")
	}
	var err error
	if out.Subject, err = pki.ParseName(p.Subject); err != nil {
		return out, badParameter("Property 'policy.x509_props.subject' is %s.", err)
	}
	for _, u := range p.KeyUsage {
		out.KeyUsage |= x509.KeyUsage(1) << slices.Index(usageNames, u)
	}
	if p.CA {
		out.Usages = nil // a CA that may issue for every use
	}
	if err := out.Check(); err != nil {
		return out, badParameter("Property 'policy.x509_props': %s.", err)
	}
	return out, nil
}

// readImportPolicy reads the policy of a certificate that is there already: what it says of its key and names is read off it.
func readImportPolicy(o object) (p policyWish, given bool) {
	p, given = readPolicy(o)
	if !p.keyProps {
		p.Exportable = true
	}
	if !p.issuer {
		p.Issuer = unknownIssuer
	}
	if !p.actions {
		p.Percentage = 0
	}
	return p, given
}

// of makes the policy that of a certificate and its key.
func (p *policyWish) of(leaf *x509.Certificate, spec client.KeySpec) {
	hsm := strings.HasSuffix(p.Kty, "-HSM")
	p.Kty, p.Size, p.Curve = "RSA", int64(spec.Bits), ""
	if spec.Type == key.TypeEC {
		p.Kty, p.Size = "EC", 0
		for _, cv := range curves {
			if string(cv.params) == string(spec.Curve) {
				p.Curve = cv.name
			}
		}
	}
	if hsm {
		p.Kty += "-HSM"
	}
	if p.Subject == "" {
		p.Subject = leaf.Subject.String()
	}
	if p.alternatives() == 0 {
		p.DNS, p.Emails = leaf.DNSNames, leaf.EmailAddresses
		for _, u := range leaf.URIs {
			p.URIs = append(p.URIs, u.String())
		}
		for _, ip := range leaf.IPAddresses {
			p.IPs = append(p.IPs, ip.String())
		}
		left := maxAlternatives
		for _, list := range []*[]string{&p.DNS, &p.Emails, &p.URIs, &p.IPs} {
			*list = (*list)[:min(len(*list), left)]
			left -= len(*list)
		}
	}
	if !p.x509Props {
		p.CA = leaf.IsCA
		p.Months = max(1, int64(leaf.NotAfter.Sub(leaf.NotBefore)/(30*24*time.Hour)))
	}
}

// due is when the policy wants a certificate renewed; false for never. It is not in the first half of its life nor in its first
// hour, so that one whose life a CA cuts short is not renewed over and over.
func (p certificatePolicy) due(notBefore, notAfter time.Time) (at time.Time, ok bool) {
	life := notAfter.Sub(notBefore)
	switch {
	case p.Email || p.Issuer == unknownIssuer:
		return at, false
	case p.Percentage > 0:
		at = notBefore.Add(life / 100 * time.Duration(p.Percentage))
	case p.DaysBefore > 0:
		at = notAfter.AddDate(0, 0, -int(p.DaysBefore))
	default:
		return at, false
	}
	for _, floor := range []time.Duration{life / 2, time.Hour} {
		if first := notBefore.Add(floor); at.Before(first) {
			at = first
		}
	}
	return at, true
}

// change puts what a client gives of a policy into a note and leaves the rest.
func (p policyWish) change(d *note) error {
	if d.Certificate == nil {
		return notSupported("A certificate that was not made through this protocol has no policy.")
	}
	q := &d.Certificate.Policy
	if p.keyProps {
		q.Kty, q.Size, q.Curve, q.Exportable, q.Reuse = p.Kty, p.Size, p.Curve, p.Exportable, p.Reuse
	}
	if p.secretProps {
		q.ContentType = p.ContentType
	}
	if p.x509Props {
		q.Subject, q.DNS, q.Emails, q.UPNs, q.URIs, q.IPs, q.Usages, q.KeyUsage, q.Months, q.CA, q.PathLen = p.Subject, p.DNS, p.Emails, p.UPNs, p.URIs, p.IPs, p.Usages, p.KeyUsage, p.Months, p.CA, p.PathLen
	}
	if p.issuer {
		q.Issuer, q.IssuerType, q.Unlogged = p.Issuer, p.IssuerType, p.Unlogged
	}
	if p.actions {
		q.Percentage, q.DaysBefore, q.Email = p.Percentage, p.DaysBefore, p.Email
	}
	q.Updated = time.Now().Unix()
	_, err := q.profile()
	return err
}

// policyGet is GetCertificatePolicy.
func policyGet(c *call) error {
	n, err := c.certificate("")
	if err != nil {
		return err
	}
	d := readNote(n.Value(key.AttrDoor))
	if d.Certificate == nil {
		return notSupported("A certificate that was not made through this protocol has no policy.")
	}
	return c.answer(http.StatusOK, c.policyAnswer(n.Name, d.Certificate.Policy, c.attributes(n)))
}

// policyUpdate is UpdateCertificatePolicy.
func policyUpdate(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	p := readPolicyBody(o)
	if err := o.end(); err != nil {
		return err
	}
	n, err := c.certificate("")
	if err != nil {
		return err
	}
	d := readNote(n.Value(key.AttrDoor))
	if err := p.change(&d); err != nil {
		return err
	}
	if err := c.session.Set(n.Handle, client.Template{client.Bytes(key.AttrDoor, d.bytes())}); err != nil {
		return err
	}
	c.watch(n.Version)
	return c.answer(http.StatusOK, c.policyAnswer(n.Name, d.Certificate.Policy, c.attributes(n)))
}
