// SPDX-License-Identifier: Apache-2.0

package azure

// policyAnswer is a policy as it is answered.
type policyAnswer struct {
	ID         string            `json:"id"`
	Key        keyProps          `json:"key_props"`
	Secret     secretProps       `json:"secret_props"`
	X509       x509Props         `json:"x509_props"`
	Actions    []certificateWhen `json:"lifetime_actions"`
	Issuer     policyIssuer      `json:"issuer"`
	Attributes policyAttributes  `json:"attributes"`
}

type keyProps struct {
	Exportable bool   `json:"exportable"`
	Kty        string `json:"kty"`
	Size       int64  `json:"key_size,omitempty"`
	Reuse      bool   `json:"reuse_key"`
	Curve      string `json:"crv,omitempty"`
}

type secretProps struct {
	ContentType string `json:"contentType"`
}

type x509Props struct {
	Subject     string       `json:"subject"`
	SANs        *sans        `json:"sans,omitempty"`
	Usages      []string     `json:"ekus,omitempty"`
	KeyUsage    []string     `json:"key_usage,omitempty"`
	Months      int64        `json:"validity_months"`
	Constraints *constraints `json:"basic_constraints,omitempty"`
}

type sans struct {
	DNS    []string `json:"dns_names,omitempty"`
	Emails []string `json:"emails,omitempty"`
	UPNs   []string `json:"upns,omitempty"`
	URIs   []string `json:"uris,omitempty"`
	IPs    []string `json:"ipAddresses,omitempty"`
}

type constraints struct {
	CA      bool   `json:"ca"`
	PathLen *int64 `json:"path_len_constraint,omitempty"`
}

type certificateWhen struct {
	Trigger struct {
		Percentage int64 `json:"lifetime_percentage,omitempty"`
		Days       int64 `json:"days_before_expiry,omitempty"`
	} `json:"trigger"`
	Action struct {
		Type string `json:"action_type"`
	} `json:"action"`
}

type policyIssuer struct {
	Name string `json:"name"`
	Type string `json:"cty,omitempty"`

	Transparency *bool `json:"cert_transparency,omitempty"` // false, where the client said so
}

type policyAttributes struct {
	Enabled bool  `json:"enabled"`
	Created int64 `json:"created"`
	Updated int64 `json:"updated"`
}

func (c *call) policyAnswer(name string, p certificatePolicy, a attributes) *policyAnswer {
	out := &policyAnswer{ID: c.id("certificates", name, "policy"), Key: keyProps{p.Exportable, p.Kty, p.Size, p.Reuse, p.Curve}, Secret: secretProps{p.ContentType},
		X509:    x509Props{Subject: p.Subject, Usages: p.Usages, KeyUsage: p.KeyUsage, Months: p.Months},
		Actions: []certificateWhen{}, Issuer: policyIssuer{p.Issuer, p.IssuerType, p.Unlogged}, Attributes: policyAttributes{a.Enabled, p.Created, p.Updated}}
	if p.alternatives() > 0 {
		out.X509.SANs = &sans{p.DNS, p.Emails, p.UPNs, p.URIs, p.IPs}
	}
	if p.CA {
		out.X509.Constraints = &constraints{true, p.PathLen}
	}
	if p.Percentage != 0 || p.DaysBefore != 0 {
		w := certificateWhen{}
		w.Trigger.Percentage, w.Trigger.Days, w.Action.Type = p.Percentage, p.DaysBefore, "AutoRenew"
		if p.Email {
			w.Action.Type = "EmailContacts"
		}
		out.Actions = append(out.Actions, w)
	}
	return out
}

// operationAnswer is a certificate operation: how far the making of a version is.
type operationAnswer struct {
	ID        string          `json:"id"`
	Issuer    policyIssuer    `json:"issuer"`
	CSR       []byte          `json:"csr"` // base64, as encoding/json writes bytes
	Cancelled bool            `json:"cancellation_requested"`
	Status    string          `json:"status"`
	Details   string          `json:"status_details,omitempty"`
	Error     *operationFault `json:"error,omitempty"`
	Target    string          `json:"target,omitempty"`
	Request   string          `json:"request_id"`
	Order     bool            `json:"preserveCertOrder"` // never another here
}

type operationFault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}
