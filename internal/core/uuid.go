// SPDX-License-Identifier: Apache-2.0

package core

import (
	"strings"

	"github.com/genbu-hsm/genbu/key"
)

// uuid is an id in the form that Azure's clients know: client ids, tenants, principals, roles.
func uuid(id key.ID) string {
	s := id.String()
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// parseUUID reads one, in capitals too.
func parseUUID(s string) (key.ID, bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return key.ID{}, false
	}
	return key.ParseID(strings.ToLower(strings.ReplaceAll(s, "-", "")))
}
