// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azcertificates"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

func policy(issuer string, exportable bool) *azcertificates.CertificatePolicy {
	return &azcertificates.CertificatePolicy{
		IssuerParameters: &azcertificates.IssuerParameters{Name: &issuer},
		KeyProperties:    &azcertificates.KeyProperties{KeyType: to(azcertificates.KeyTypeEC), Curve: to(azcertificates.CurveNameP256), Exportable: &exportable, ReuseKey: to(false)},
		SecretProperties: &azcertificates.SecretProperties{ContentType: to("application/x-pem-file")},
		X509CertificateProperties: &azcertificates.X509CertificateProperties{Subject: to("CN=www.example, O=Example"), ValidityInMonths: to(int32(12)),
			SubjectAlternativeNames: &azcertificates.SubjectAlternativeNames{DNSNames: []*string{to("www.example")}}},
	}
}

func (c clients) createCertificate(name string, p *azcertificates.CertificatePolicy) azcertificates.CreateCertificateResponse {
	op, err := c.certificates.CreateCertificate(ctx, name, azcertificates.CreateCertificateParameters{CertificatePolicy: p, Tags: map[string]*string{"a": to("b")}}, nil)
	must(err)
	return op
}

func (c clients) getCertificate(name string) (azcertificates.GetCertificateResponse, *x509.Certificate) {
	got, err := c.certificates.GetCertificate(ctx, name, "", nil)
	must(err)
	leaf, err := x509.ParseCertificate(got.CER)
	must(err)
	return got, leaf
}

// certificateLife: a certificate by itself, of the vault's CA, of another CA, and one that is brought in.
func (c clients) certificateLife() {
	c.createCertificate("self", policy("Self", false))
	op, err := c.certificates.GetCertificateOperation(ctx, "self", nil)
	must(err)
	equal("status", *op.Status, "completed")
	got, leaf := c.getCertificate("self")
	must(leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature))
	equal("version of the key", got.KID.Version(), got.ID.Version())
	equal("version of the secret", got.SID.Version(), got.ID.Version())
	key, err := c.vault.GetKey(ctx, got.KID.Name(), got.KID.Version(), nil)
	must(err)
	check(*key.Managed, "the key is not managed")
	digest := sha256.Sum256([]byte("signed with the certificate's key"))
	sig, err := c.vault.Sign(ctx, "self", got.KID.Version(), azkeys.SignParameters{Algorithm: to(azkeys.SignatureAlgorithmES256), Value: digest[:]}, nil)
	must(err)
	check(ecdsa.Verify(leaf.PublicKey.(*ecdsa.PublicKey), digest[:], number(sig.Result[:32]), number(sig.Result[32:])), "the certificate's key signs otherwise")
	secret, err := c.secrets.GetSecret(ctx, "self", "", nil)
	must(err)
	check(!bytes.Contains([]byte(*secret.Value), []byte("PRIVATE KEY")), "a key that may not leave is in the secret")
	_, err = c.vault.DeleteKey(ctx, "self", nil)
	refused(err, 403, "Forbidden")

	c.createCertificate("server", policy("Genbu", true))
	c.serve()

	c.merge()
	c.importCertificate()

	p, err := c.certificates.GetCertificatePolicy(ctx, "self", nil)
	must(err)
	equal("subject", *p.X509CertificateProperties.Subject, "CN=www.example, O=Example")
	_, err = c.certificates.UpdateCertificatePolicy(ctx, "self", azcertificates.CertificatePolicy{X509CertificateProperties: &azcertificates.X509CertificateProperties{
		Subject: to("CN=other.example")}, KeyProperties: &azcertificates.KeyProperties{KeyType: to(azcertificates.KeyTypeEC), Exportable: to(false), ReuseKey: to(true)}}, nil)
	must(err)
	_, err = c.certificates.CreateCertificate(ctx, "self", azcertificates.CreateCertificateParameters{}, nil)
	must(err)
	second, renewed := c.getCertificate("self")
	equal("new subject", renewed.Subject.CommonName, "other.example")
	check(second.ID.Version() != got.ID.Version() && renewed.PublicKey.(*ecdsa.PublicKey).Equal(leaf.PublicKey), "the key was not used again")
	equal("version of the key", second.KID.Version(), got.KID.Version())
	versions := 0
	for pager := c.certificates.NewListCertificatePropertiesVersionsPager("self", nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		must(err)
		versions += len(page.Value)
	}
	equal("versions", versions, 2)
	updated, err := c.certificates.UpdateCertificate(ctx, "self", got.ID.Version(), azcertificates.UpdateCertificateParameters{
		CertificateAttributes: &azcertificates.CertificateAttributes{Enabled: to(false)}, Tags: map[string]*string{"c": to("d")}}, nil)
	must(err)
	check(!*updated.Attributes.Enabled && *updated.Tags["c"] == "d", "not updated")
	_, err = c.secrets.GetSecret(ctx, "self", got.SID.Version(), nil)
	refused(err, 403, "Forbidden")

	c.certificateDeletion()
	c.issuers()
}

// serve: Go's TLS serves with what the secret holds, and a client trusts the vault's CA.
func (c clients) serve() {
	secret, err := c.secrets.GetSecret(ctx, "server", "", nil)
	must(err)
	pair, err := tls.X509KeyPair([]byte(*secret.Value), []byte(*secret.Value))
	must(err)
	_, ca := c.getCertificate("Genbu-CA")
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	a, b := net.Pipe()
	go tls.Server(a, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake()
	must(tls.Client(b, &tls.Config{RootCAs: roots, ServerName: "www.example"}).Handshake())
}

// merge: somebody else signs the request.
func (c clients) merge() {
	op := c.createCertificate("merged", policy("Unknown", false))
	equal("status", *op.Status, "inProgress")
	csr, err := x509.ParseCertificateRequest(op.CSR)
	must(err)
	must(csr.CheckSignature())
	ca, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(7), Subject: csr.Subject, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)},
		&x509.Certificate{Subject: pkix.Name{CommonName: "Elsewhere"}}, csr.PublicKey, ca)
	must(err)
	_, err = c.certificates.MergeCertificate(ctx, "merged", azcertificates.MergeCertificateParameters{X509Certificates: [][]byte{der}}, nil)
	must(err)
	_, leaf := c.getCertificate("merged")
	check(bytes.Equal(leaf.Raw, der), "another certificate was merged")
	done, err := c.certificates.GetCertificateOperation(ctx, "merged", nil)
	must(err)
	equal("status", *done.Status, "completed")
	c.createCertificate("cancelled", policy("Unknown", false))
	_, err = c.certificates.UpdateCertificateOperation(ctx, "cancelled", azcertificates.UpdateCertificateOperationParameter{CancellationRequested: to(true)}, nil)
	must(err)
	_, err = c.certificates.DeleteCertificateOperation(ctx, "cancelled", nil)
	must(err)
	_, err = c.certificates.GetCertificateOperation(ctx, "cancelled", nil)
	refused(err, 404, "PendingCertificateNotFound")
}

// importCertificate: PEM comes in, and the same key is in the secret.
func (c clients) importCertificate() {
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(err)
	t := &x509.Certificate{SerialNumber: big.NewInt(8), Subject: pkix.Name{CommonName: "imported"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, t, t, k.Public(), k)
	must(err)
	private, err := x509.MarshalPKCS8PrivateKey(k)
	must(err)
	file := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	_, err = c.certificates.ImportCertificate(ctx, "imported", azcertificates.ImportCertificateParameters{Base64EncodedCertificate: &file}, nil)
	must(err)
	secret, err := c.secrets.GetSecret(ctx, "imported", "", nil)
	must(err)
	pair, err := tls.X509KeyPair([]byte(*secret.Value), []byte(*secret.Value))
	must(err)
	check(pair.PrivateKey.(*ecdsa.PrivateKey).Equal(k), "another key came back")
	broken := base64.StdEncoding.EncodeToString([]byte("no file"))
	_, err = c.certificates.ImportCertificate(ctx, "broken", azcertificates.ImportCertificateParameters{Base64EncodedCertificate: &broken}, nil)
	refused(err, 400, "BadParameter")
}

func (c clients) certificateDeletion() {
	backup, err := c.certificates.BackupCertificate(ctx, "server", nil)
	must(err)
	_, err = c.certificates.DeleteCertificate(ctx, "server", nil)
	must(err)
	_, err = c.certificates.GetCertificate(ctx, "server", "", nil)
	refused(err, 404, "CertificateNotFound")
	_, err = c.certificates.GetDeletedCertificate(ctx, "server", nil)
	must(err)
	_, err = c.certificates.RecoverDeletedCertificate(ctx, "server", nil)
	must(err)
	c.serve()
	_, err = c.certificates.RestoreCertificate(ctx, azcertificates.RestoreCertificateParameters{CertificateBackup: backup.Value}, nil)
	refused(err, 409, "Conflict")
	_, err = c.certificates.DeleteCertificate(ctx, "server", nil)
	must(err)
	_, err = c.certificates.PurgeDeletedCertificate(ctx, "server", nil)
	must(err)
	_, err = c.certificates.RestoreCertificate(ctx, azcertificates.RestoreCertificateParameters{CertificateBackup: backup.Value}, nil)
	must(err)
	c.serve()
}

func (c clients) issuers() {
	_, err := c.certificates.SetIssuer(ctx, "own", azcertificates.SetIssuerParameters{Provider: to("Genbu"), Credentials: &azcertificates.IssuerCredentials{AccountID: to("Genbu-CA")},
		OrganizationDetails: &azcertificates.OrganizationDetails{AdminContacts: []*azcertificates.AdministratorContact{{Email: to("admin@example")}}}}, nil)
	must(err)
	i, err := c.certificates.GetIssuer(ctx, "own", nil)
	must(err)
	equal("provider", *i.Provider, "Genbu")
	c.createCertificate("of-own", policy("own", false))
	_, err = c.certificates.UpdateIssuer(ctx, "own", azcertificates.UpdateIssuerParameters{Attributes: &azcertificates.IssuerAttributes{Enabled: to(false)}}, nil)
	must(err)
	_, err = c.certificates.CreateCertificate(ctx, "not", azcertificates.CreateCertificateParameters{CertificatePolicy: policy("own", false)}, nil)
	refused(err, 400, "BadParameter")
	_, err = c.certificates.DeleteIssuer(ctx, "own", nil)
	must(err)
	_, err = c.certificates.SetContacts(ctx, azcertificates.Contacts{ContactList: []*azcertificates.Contact{{Email: to("a@example")}}}, nil)
	must(err)
	list, err := c.certificates.GetContacts(ctx, nil)
	must(err)
	equal("contacts", len(list.ContactList), 1)
	_, err = c.certificates.DeleteContacts(ctx, nil)
	must(err)
}
