// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/front/pkcs11"
)

const faultsHead = `/* SPDX-License-Identifier: Apache-2.0
 *
 * Code generated from internal/fault and internal/front/pkcs11 by go generate ./pkcs11/...; DO NOT EDIT.
 *
 *   FAULT(number on the wire, CKR_* as a number, text)
 */
#ifdef FAULT
`

func renderFaults() string {
	codes := fault.All()
	slices.Sort(codes)
	var b strings.Builder
	b.WriteString(faultsHead)
	for _, c := range codes {
		fmt.Fprintf(&b, "FAULT(%d, 0x%03XUL, %q)\n", uint16(c), pkcs11.Faults[c], c.String())
	}
	// The library itself acts on these; the rest are only passed on.
	b.WriteString("#endif\n\n#ifndef GENBU_FAULT_NAMES\n#define GENBU_FAULT_NAMES\n")
	for _, f := range []struct {
		name string
		code fault.Code
	}{
		{"UNAVAILABLE", fault.Unavailable}, {"NOT_LOGGED_IN", fault.NotLoggedIn}, {"ALREADY_LOGGED_IN", fault.AlreadyLoggedIn},
		{"SESSION_UNKNOWN", fault.SessionUnknown}, {"TICKET_INVALID", fault.TicketInvalid}, {"APP_UNKNOWN", fault.AppUnknown},
		{"AUTH_REQUIRED", fault.AuthRequired}, {"OPERATION_NOT_ACTIVE", fault.OperationNotActive},
		{"LOCKED", fault.Locked}, {"UNINITIALIZED", fault.Uninitialized}, {"ZEROIZED", fault.Zeroized}, {"BUSY", fault.Busy},
		{"DENIED", fault.Denied}, {"OPERATION_ACTIVE", fault.OperationActive}, {"OBJECT_UNKNOWN", fault.ObjectUnknown},
		{"KEY_UNKNOWN", fault.KeyUnknown}, {"TIMEOUT", fault.Timeout}, {"INDEX_NOT_READY", fault.IndexNotReady},
		{"AUDIT_UNAVAILABLE", fault.AuditUnavailable}, {"AUDIT_LAG", fault.AuditLag},
	} {
		fmt.Fprintf(&b, "#define FAULT_%s %d\n", f.name, uint16(f.code))
	}
	b.WriteString("#endif\n")
	return b.String()
}
