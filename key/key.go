// SPDX-License-Identifier: Apache-2.0

// Package key says what a key is from outside: its id, class, type, usage and the numbers by which PKCS #11 3.2 names
// attributes and mechanisms. It holds no key material.
//
// The numbers are the ones of the OASIS header, because they are the widest vocabulary among our doors; every other
// door translates its own words into these. Host and core share this package.
package key

import "encoding/hex"

// ID is the random name of one object. It is drawn by the core, never reused and never changed.
type ID [16]byte

// String is the id as it appears in store paths, logs and CKA_UNIQUE_ID: 32 lower-case hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// IsZero tells whether the id is the zero value, which names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Handle is the PKCS #11 object handle of a token object: the first 62 bits of its id, so that it is the same on every
// node and after every restart. Session objects carry SessionHandle, which no token object can have.
func (id ID) Handle() uint64 {
	var h uint64
	for _, b := range id[:8] {
		h = h<<8 | uint64(b)
	}
	return h >> 2
}

// SessionHandle marks the handle of a session object; the remaining bits number it within its application.
const SessionHandle uint64 = 1 << 62

// ParseID reads what String printed.
func ParseID(s string) (ID, bool) {
	var id ID
	if len(s) != 2*len(id) {
		return ID{}, false
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, false
	}
	return id, true
}
