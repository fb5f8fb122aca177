// SPDX-License-Identifier: Apache-2.0

package core

import (
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/internal/core/jose"
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/policy"
	"github.com/genbu-hsm/genbu/internal/core/wrap"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// settingAttestation, with an authority's URL behind it, is the setting of a partition that pins the authority's key set.
// The core has no network, and a key set that the host fetched would let a captured host attest to itself.
const settingAttestation = "attestation:"

const (
	maxAuthorities = 8
	maxKeySet      = 16 << 10
)

// Attest checks an attestation token against a release policy and answers the environment's key.
func (o *objects) Attest(release []byte, text string) (to mech.Material, kid string, err error) {
	token, err := jose.Parse(text)
	if err != nil {
		return to, "", attestation(err)
	}
	rights := o.tenant.rights()
	pinned := func(authority string) []jose.Key {
		set := rights.setting(settingAttestation + strings.TrimSuffix(authority, "/"))
		if set == "" {
			return nil
		}
		keys, _ := jose.ParseSet([]byte(set)) // checked when it was set
		return keys
	}
	if err := policy.Attested(release, token, pinned, o.core.Now()); err != nil {
		return to, "", attestation(err)
	}
	return transportKey(token)
}

// attestation has a fault of the environment's token not taken for one of the caller's own.
func attestation(err error) error {
	why := err.Error()
	switch fault.Of(err) {
	case fault.TokenInvalid, fault.TokenExpired:
		return fault.AttestationInvalid.At(why)
	case fault.Denied:
		return fault.AttestationRefused.At(why)
	}
	return err
}

// Address is where the web doors have the partition. A plain one they have not: its keys go by the ids of the records.
func (o *objects) Address() string {
	i := o.tenant.settings()
	resource := ""
	if home, err := o.core.tenant(0); err == nil {
		switch {
		case i.flags&flagVault != 0:
			resource = home.rights().setting(settingVault)
		case i.flags&flagManaged != 0:
			resource = home.rights().setting(settingManaged)
		}
	}
	if host, ok := strings.CutPrefix(resource, "https://"); ok {
		return "https://" + i.label + "." + host
	}
	return "genbu://" + o.core.domain.String() + "/partition/" + o.tenant.id.String()
}

// transportKey finds the RSA key that an attested environment wants keys wrapped to, as Azure Attestation puts it.
func transportKey(token *jose.Token) (to mech.Material, kid string, err error) {
	for _, v := range token.Claims.Get("x-ms-runtime").Get("keys").Items {
		if ops := v.Get("key_ops"); ops.Kind == jose.Array && !slices.ContainsFunc(ops.Items, func(op jose.Value) bool {
			return op.String() == "encrypt" || op.String() == "wrapKey"
		}) {
			continue
		}
		if k, ok := jose.ParseKey(v); ok && k.RSA != nil {
			public := wrap.EncodeRSAPublic(k.RSA.N.Bytes(), bigEndian(k.RSA.E))
			return mech.Material{Type: key.TypeRSA, Public: public}, k.ID, nil
		}
	}
	return to, "", fault.AttestationInvalid.At("find the transport key of an attestation token")
}

func bigEndian(e int) (b []byte) {
	for ; e > 0; e >>= 8 {
		b = append([]byte{byte(e)}, b...)
	}
	return b
}

// pin changes the settings of a partition that rest beside its roles.
func (m *manager) pin(t *tenant, list []setting) error {
	for _, s := range list {
		authority := s.name[len(settingAttestation):]
		if !strings.HasPrefix(authority, "https://") || strings.HasSuffix(authority, "/") || len(s.name) > maxSetting || len(s.value) > maxKeySet {
			return fault.ArgumentsBad.At("read attestation authority: an https URL without a slash at its end, and its key set")
		}
		if s.value != "" {
			if _, err := jose.ParseSet([]byte(s.value)); err != nil {
				return err
			}
		}
	}
	return m.changeAccess(t, "attestation authorities", func(a *charter) error {
		for _, s := range list {
			a.settings = slices.DeleteFunc(a.settings, func(o setting) bool { return o.name == s.name })
			if s.value != "" {
				a.settings = append(a.settings, s)
			}
		}
		authorities := slices.DeleteFunc(slices.Clone(a.settings), func(o setting) bool { return !strings.HasPrefix(o.name, settingAttestation) })
		if len(authorities) > maxAuthorities {
			return fault.QuotaExceeded.At("pin attestation authority")
		}
		return nil
	})
}
