// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/http"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/holder"
)

// The security domain of a managed HSM. The core makes its parts and opens what holders bring; here is the JSON around them. The
// operations are long-running ones for clients, and over when they are answered: old clients take the file from the first answer, and new
// ones do so once the pending operation, of which they are told, says that it has succeeded.

var aDomain = noun{title: "Security domain", notFound: "NotFound"}

func domainOperations() []operation {
	return []operation{
		{"POST", "securitydomain/download", aDomain, domainDownload, nil},
		{"GET", "securitydomain/download/pending", aDomain, domainDownloadPending, nil},
		{"GET", "securitydomain/upload", aDomain, domainTransferKey, nil},
		{"POST", "securitydomain/upload", aDomain, domainUpload, nil},
		{"GET", "securitydomain/upload/pending", aDomain, domainUploadPending, nil},
	}
}

// domainStatus is SecurityDomainOperationStatus. Success is the word that the service says here, and az waits for.
type domainStatus struct {
	Status  string `json:"status"`
	Details string `json:"status_details"`
}

const (
	domainSuccess = "Success"
	pollAfter     = "1" // seconds; clients that are not told wait for half a minute
)

// onlyManaged refuses what vaults have not.
func (c *call) onlyManaged() error {
	if c.host.kind != KindManagedHSM {
		return &apiError{http.StatusNotFound, "NotFound", "", "A security domain is a resource of managed HSMs.", nil}
	}
	return nil
}

// pending says where a client may ask how an operation is.
func (c *call) pending(path string) {
	c.w.Header().Set("Azure-AsyncOperation", c.host.base()+"/"+path+"/pending?api-version="+c.query.apiVersion())
	c.w.Header().Set("Retry-After", pollAfter)
}

// domainDownload is SecurityDomain_Download.
func domainDownload(c *call) error {
	if err := c.onlyManaged(); err != nil {
		return err
	}
	o, err := c.body()
	if err != nil {
		return err
	}
	certificates, quorum := readHolders(o)
	if err := o.end(); err != nil {
		return err
	}
	shares, data, err := c.conn.HSMDomainDownload(c.vault.Slot, quorum, certificates)
	switch fault.Of(err) {
	case fault.OK:
	case fault.ArgumentsBad:
		return &apiError{http.StatusBadRequest, "BadParameter", "", "The security domain is for 2 to 10 certificates of different keys, of which 'required', 2 or more, open it.", err}
	case fault.KeySize, fault.PublicKeyInvalid:
		return &apiError{http.StatusBadRequest, "BadParameter", "", "A certificate is not of an RSA key of 2048 to 4096 bits.", err}
	default:
		return err
	}
	text, err := domainFile(quorum, shares, data)
	if err != nil {
		return err
	}
	c.pending("securitydomain/download")
	return c.answer(http.StatusAccepted, map[string]string{"value": string(text)})
}

func domainFile(quorum int, shares []client.DomainShare, data []client.DomainDatum) ([]byte, error) {
	var s []holder.Share
	for _, share := range shares {
		s = append(s, holder.Share{JWE: share.JWE, Thumbprint: holder.PrintText(share.Thumbprint)})
	}
	var d []holder.Datum
	for _, datum := range data {
		d = append(d, holder.Datum{JWE: datum.JWE, Tag: datum.Tag})
	}
	return holder.New(quorum, s, d).JSON()
}

// readHolders reads CertificateInfo: the certificates (DER), and how many of their holders are needed.
func readHolders(o object) (certificates [][]byte, quorum int) {
	for _, j := range o.objects("certificates") {
		if inner, wrapped := j.object("value"); wrapped { // as earlier models have it
			certificates = append(certificates, readHolder(inner))
			inner.end()
		} else {
			certificates = append(certificates, readHolder(j))
		}
		j.end()
	}
	if len(certificates) == 0 {
		o.fail("certificates", "is required")
	}
	switch n := o.number("required"); {
	case n == nil:
		o.fail("required", "is required")
	case *n < 2 || *n > int64(len(certificates)):
		o.fail("required", "is not 2 or more, and at most the number of certificates")
	default:
		quorum = int(*n)
	}
	return certificates, quorum
}

// readHolder reads a JSON web key of a holder: its certificate, with which all else that it says must agree.
func readHolder(j object) []byte {
	chain := j.list("x5c")
	if len(chain) == 0 {
		j.fail("x5c", "is required")
		return nil
	}
	der, err := decodeEither(chain[0])
	certificate, bad := x509.ParseCertificate(der)
	if err != nil || bad != nil {
		j.fail("x5c", "is not a certificate")
		return nil
	}
	public, ok := certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		j.fail("x5c", "is not a certificate of an RSA key")
		return nil
	}
	j.skip("kid", "key_ops")
	for name, want := range map[string]string{"kty": "RSA", "alg": "RSA-OAEP-256", "use": "enc"} {
		if have := j.text(name); have != "" && have != want {
			j.fail(name, "is not "+want)
		}
	}
	sum, old := sha256.Sum256(der), sha1.Sum(der)
	for name, want := range map[string][]byte{"x5t#S256": sum[:], "x5t": old[:], "n": public.N.Bytes(), "e": big.NewInt(int64(public.E)).Bytes()} {
		if have := j.bytes(name); len(have) > 0 && !bytes.Equal(bytes.TrimLeft(have, "\x00"), bytes.TrimLeft(want, "\x00")) {
			j.fail(name, "is not that of the certificate in x5c")
		}
	}
	return der
}

// decodeEither reads base64 of a certificate: standard, as RFC 7517 section 4.7 has it, or base64url.
func decodeEither(s string) ([]byte, error) {
	if b, err := base64.StdEncoding.DecodeString(s); err == nil {
		return b, nil
	}
	return decode64(s)
}

// domainDownloadPending is SecurityDomain_DownloadPending. An HSM is active from the moment it is made.
func domainDownloadPending(c *call) error {
	if err := c.onlyManaged(); err != nil {
		return err
	}
	if _, err := c.conn.HSMDomainState(c.vault.Slot, client.OfDownload); err != nil {
		return err
	}
	return c.answer(http.StatusOK, domainStatus{domainSuccess, "The managed HSM is active."})
}
