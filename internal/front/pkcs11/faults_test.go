// SPDX-License-Identifier: Apache-2.0

package pkcs11

import (
	"testing"

	"github.com/genbu-hsm/genbu/internal/fault"
)

func TestEveryFaultHasOneCKR(t *testing.T) {
	all := map[fault.Code]bool{}
	for _, c := range fault.All() {
		all[c] = true
		if rv, ok := Faults[c]; !ok || rv == 0 {
			t.Errorf("%d (%s) has no CKR", uint16(c), c)
		}
	}
	for c := range Faults {
		if !all[c] {
			t.Errorf("%d (%s) has a CKR but is not a fault", uint16(c), c)
		}
	}
}

// The codes that programs tell apart (PKCS #11 3.2 section 5.1.6 and the observations behind this door).
func TestFaultsThatProgramsTellApart(t *testing.T) {
	for c, want := range map[fault.Code]uint64{
		fault.KeyUnknown: 0x60, fault.ObjectUnknown: 0x82, fault.MechanismParamInvalid: 0x71, fault.OperationActive: 0x90,
		fault.PINIncorrect: 0xA0, fault.PINLocked: 0xA4, fault.NotLoggedIn: 0x101, fault.SignatureInvalid: 0xC0,
		fault.SignatureLength: 0xC1, fault.AEADFailed: 0x42, fault.EncryptedDataInvalid: 0x40,
	} {
		if Faults[c] != want {
			t.Errorf("%s is 0x%X, want 0x%X", c, Faults[c], want)
		}
	}
}
