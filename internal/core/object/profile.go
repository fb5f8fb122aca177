// SPDX-License-Identifier: Apache-2.0

package object

import "github.com/genbu-hsm/genbu/key"

// Profiles answers the CKO_PROFILE objects of every token: what of the PKCS #11 profiles the module claims. They are
// built in: the same on every token, public, never changed, copied or destroyed, and in no record.
func Profiles() []*Object {
	claims := []key.Profile{key.ProfileBaseline, key.ProfileExtended, key.ProfileAuthentication, key.ProfileCertificates}
	list := make([]*Object, 0, len(claims))
	for _, p := range claims {
		list = append(list, &Object{
			ID:    key.ID{'C', 'K', 'P', 0, 0, 0, 0, byte(p) << 2, 'g', 'e', 'n', 'b', 'u', 0, 0, byte(p)},
			class: key.ClassProfile, sub: uint64(p), scope: inProfile, bools: bitToken,
		})
	}
	return list
}
