// SPDX-License-Identifier: Apache-2.0

// Package access holds the token that reading a secret takes. It does nothing else: a package that reads secret bytes
// must import it, so the list of importers is the list of readers, and a test holds that list (SECURITY.md shows it).
package access

// Token is passed to ssp.Bytes.Use as access.Token{}.
type Token struct{}
