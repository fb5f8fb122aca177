// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/all"
)

// shapes are the names that mechanisms.def uses, in the order of mech.Shape.
var shapes = strings.Fields(`NONE BYTES ULONG OAEP PSS CTR GCM CCM CHACHA ECDH1 RSAAES HKDF KBKDF PBKDF2 EDDSA SIGNCTX HASHCTX
	GCMMSG CCMMSG CHACHAMSG`)

// The library carries a parameter in the shape of its own table, the core reads it in the shape of its row.
func TestLibraryKnowsEveryMechanismOfTheCoreInTheSameShape(t *testing.T) {
	numbers := map[string]uint64{}
	for _, m := range regexp.MustCompile(`#define (CKM_\w+)\s+0x([0-9A-F]+)UL`).FindAllStringSubmatch(read(t, "../cryptoki_values.h"), -1) {
		n, err := strconv.ParseUint(m[2], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		numbers[m[1]] = n
	}
	carried := map[uint64]string{}
	last := uint64(0)
	for _, m := range regexp.MustCompile(`(?m)^MECH\((CKM_\w+),\s+(\w+),`).FindAllStringSubmatch(read(t, "../mechanisms.def"), -1) {
		n, ok := numbers[m[1]]
		if !ok {
			t.Fatalf("%s is in mechanisms.def and not in cryptoki_values.h", m[1])
		}
		if n < last {
			t.Errorf("%s stands behind a higher number: the library searches by halves", m[1])
		}
		carried[n], last = m[2], n
	}
	if len(carried) < 100 {
		t.Fatalf("only %d rows read from mechanisms.def", len(carried))
	}
	for _, row := range all.Rows() {
		shape, ok := carried[uint64(row.ID)]
		if !ok {
			t.Errorf("%s (0x%X) is not in mechanisms.def", row.Name, uint64(row.ID))
		} else if want := shapes[row.Shape]; shape != want {
			t.Errorf("%s travels as %s, the core reads %s", row.Name, shape, want)
		}
		if n, ok := numbers["CKM_"+row.Name]; ok && n != uint64(row.ID) {
			t.Errorf("CKM_%s is 0x%X in the header and 0x%X in the core", row.Name, n, uint64(row.ID))
		}
	}
	if len(shapes) != int(mech.ShapeChaChaMsg)+1 {
		t.Error("the list of shapes is not that of mech.Shape")
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
