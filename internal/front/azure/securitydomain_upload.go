// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/holder"
)

// transferJWK is the transfer key; clients take its certificate.
type transferJWK struct {
	ID         string   `json:"kid"`
	Kty        string   `json:"kty"`
	Ops        []string `json:"key_ops"`
	Alg        string   `json:"alg"`
	N          string   `json:"n"`
	E          string   `json:"e"`
	Chain      []string `json:"x5c"`
	Thumbprint string   `json:"x5t"`
	SHA256     string   `json:"x5t#S256"`
}

// domainTransferKey is SecurityDomain_TransferKey. The key is JSON within a JSON string, as clients read it.
func domainTransferKey(c *call) error {
	if err := c.onlyManaged(); err != nil {
		return err
	}
	der, _, err := c.conn.HSMDomainTransfer(c.vault.Slot)
	if err != nil && fault.Of(err) != fault.InForceLater {
		return err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	public, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return fault.Internal.At("read transfer key")
	}
	sum, old := sha256.Sum256(der), sha1.Sum(der)
	text, err := json.Marshal(transferJWK{encode64(sum[:]), "RSA", []string{"encrypt", "wrapKey"}, "RSA-OAEP-256", encode64(public.N.Bytes()),
		encode64(big.NewInt(int64(public.E)).Bytes()), []string{base64.StdEncoding.EncodeToString(der)}, encode64(old[:]), encode64(sum[:])})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, map[string]string{"key_format": "jwk", "transfer_key": string(text)})
}

// domainUpload is SecurityDomain_Upload.
func domainUpload(c *call) error {
	if err := c.onlyManaged(); err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	value := o.must("value")
	if err := o.end(); err != nil {
		return err
	}
	blob, err := holder.ReadBlob([]byte(value))
	if err != nil {
		return badParameter("Property 'value' is no security domain for an upload: %s.", clip(err.Error()))
	}
	u, err := upload(blob)
	if err != nil {
		return badParameter("Property 'value' is no security domain for an upload: %s.", clip(err.Error()))
	}
	_, err = c.conn.HSMDomainUpload(c.vault.Slot, u)
	switch fault.Of(err) {
	case fault.OK:
	case fault.PartitionNotEmpty:
		return &apiError{http.StatusConflict, "Conflict", "ManagedHSMNotEmpty", "The managed HSM has keys, or deleted ones that can be recovered. A security domain is uploaded before there are any.", err}
	case fault.ShareBad, fault.SharesMissing:
		return &apiError{http.StatusBadRequest, "BadParameter", "", "The security domain is damaged, or was not made for the transfer key that this managed HSM has now: an upload spends it, and it lasts a day.", err}
	case fault.DomainOther:
		return &apiError{http.StatusBadRequest, "BadParameter", "", "The security domain is not that of a managed HSM.", err}
	default:
		return err
	}
	c.pending("securitydomain/upload")
	return c.answer(http.StatusAccepted, domainStatus{domainSuccess, "The security domain was uploaded."})
}

// upload is what the core is given of a blob.
func upload(blob *holder.RestoreBlob) (*client.DomainUpload, error) {
	u := &client.DomainUpload{}
	if blob.WrappedKey != nil {
		u.Master = blob.WrappedKey.JWE
	} else {
		u.Quorum = blob.WrappedShares.Required
		for _, s := range blob.WrappedShares.Shares {
			print, err := s.Print()
			if err != nil {
				return nil, err
			}
			u.Wrapped = append(u.Wrapped, client.DomainShare{Thumbprint: print, JWE: s.JWE})
		}
	}
	for _, d := range blob.EncData.Data {
		u.Data = append(u.Data, client.DomainDatum{Tag: d.Tag, JWE: d.JWE})
	}
	return u, nil
}

// domainUploadPending is SecurityDomain_UploadPending.
func domainUploadPending(c *call) error {
	if err := c.onlyManaged(); err != nil {
		return err
	}
	d, err := c.conn.HSMDomainState(c.vault.Slot, client.OfUpload)
	if err != nil {
		return err
	}
	details := "The managed HSM is active, with the security domain that it was made with."
	if d.Uploaded > 0 {
		details = "The managed HSM is active, with a security domain that was uploaded."
	}
	return c.answer(http.StatusOK, domainStatus{domainSuccess, details})
}
