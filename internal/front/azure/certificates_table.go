// SPDX-License-Identifier: Apache-2.0

package azure

// certificateOperations are the rows of the table that are about certificates. Names that mean something else than a
// certificate stand first.
func certificateOperations() []operation {
	return []operation{
		{"GET", "certificates", aCertificate, certificateList, nil},
		{"POST", "certificates/restore", aCertificate, certificateRestore, nil},
		{"GET", "certificates/contacts", theContacts, contactsGet, nil},
		{"PUT", "certificates/contacts", theContacts, contactsSet, nil},
		{"DELETE", "certificates/contacts", theContacts, contactsDelete, nil},
		{"GET", "certificates/issuers", anIssuer, issuerList, nil},
		{"GET", "certificates/issuers/{n}", anIssuer, issuerGet, nil},
		{"PUT", "certificates/issuers/{n}", anIssuer, issuerSet, nil},
		{"PATCH", "certificates/issuers/{n}", anIssuer, issuerUpdate, nil},
		{"DELETE", "certificates/issuers/{n}", anIssuer, issuerDelete, nil},
		{"POST", "certificates/{n}/create", aCertificate, certificateCreate, nil},
		{"POST", "certificates/{n}/import", aCertificate, certificateImport, nil},
		{"GET", "certificates/{n}/pending", aCertificate, operationGet, nil},
		{"PATCH", "certificates/{n}/pending", aCertificate, operationUpdate, nil},
		{"DELETE", "certificates/{n}/pending", aCertificate, operationDelete, nil},
		{"POST", "certificates/{n}/pending/merge", aCertificate, certificateMerge, nil},
		{"GET", "certificates/{n}/policy", aCertificate, policyGet, nil},
		{"PATCH", "certificates/{n}/policy", aCertificate, policyUpdate, nil},
		{"GET", "certificates/{n}/versions", aCertificate, certificateVersions, nil},
		{"POST", "certificates/{n}/backup", aCertificate, certificateBackup, nil},
		{"DELETE", "certificates/{n}", aCertificate, certificateDelete, nil},
		{"GET", "certificates/{n}/{v}", aCertificate, certificateGet, nil},
		{"PATCH", "certificates/{n}/{v}", aCertificate, certificateUpdate, nil},
		{"GET", "deletedcertificates", aCertificate, certificateListDeleted, nil},
		{"GET", "deletedcertificates/{n}", aCertificate, certificateGetDeleted, nil},
		{"DELETE", "deletedcertificates/{n}", aCertificate, certificatePurge, nil},
		{"POST", "deletedcertificates/{n}/recover", aCertificate, certificateRecover, nil},
	}
}
