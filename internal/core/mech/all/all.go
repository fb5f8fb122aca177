// SPDX-License-Identifier: Apache-2.0

// Package all joins the families of mechanisms into the one table that the core looks into.
package all

import (
	"github.com/genbu-hsm/genbu/internal/core/mech"
	"github.com/genbu-hsm/genbu/internal/core/mech/aes"
	"github.com/genbu-hsm/genbu/internal/core/mech/chacha"
	"github.com/genbu-hsm/genbu/internal/core/mech/des"
	"github.com/genbu-hsm/genbu/internal/core/mech/digest"
	"github.com/genbu-hsm/genbu/internal/core/mech/ec"
	"github.com/genbu-hsm/genbu/internal/core/mech/edwards"
	"github.com/genbu-hsm/genbu/internal/core/mech/generic"
	"github.com/genbu-hsm/genbu/internal/core/mech/kdf"
	"github.com/genbu-hsm/genbu/internal/core/mech/mac"
	"github.com/genbu-hsm/genbu/internal/core/mech/mldsa"
	"github.com/genbu-hsm/genbu/internal/core/mech/mlkem"
	"github.com/genbu-hsm/genbu/internal/core/mech/montgomery"
	"github.com/genbu-hsm/genbu/internal/core/mech/rsa"
	"github.com/genbu-hsm/genbu/internal/core/mech/slhdsa"
	"github.com/genbu-hsm/genbu/key"
)

var families = []*mech.Family{
	&digest.Family,
	&generic.Family,
	&mac.Family,
	&kdf.Family,
	&aes.Family,
	&chacha.Family,
	&des.Family,
	&rsa.Family,
	&ec.Family,
	&edwards.Family,
	&montgomery.Family,
	&mlkem.Family,
	&mldsa.Family,
	&slhdsa.Family,
}

// table is made once, before main, and never changed.
var table = func() (t struct {
	rows      []*mech.Row
	byID      map[key.Mechanism]*mech.Row
	byType    map[key.Type]*mech.Family
	selfTests []mech.SelfTest
}) {
	t.byID = map[key.Mechanism]*mech.Row{}
	t.byType = map[key.Type]*mech.Family{}
	for _, f := range families {
		for i := range f.Rows {
			t.rows = append(t.rows, &f.Rows[i])
			t.byID[f.Rows[i].ID] = &f.Rows[i]
		}
		for _, typ := range f.Types {
			t.byType[typ] = f
		}
		t.selfTests = append(t.selfTests, f.SelfTests...)
	}
	return t
}()

// Row finds a mechanism, or nil.
func Row(id key.Mechanism) *mech.Row { return table.byID[id] }

// Rows lists every mechanism, in the order in which a token shows them. The caller does not change it.
func Rows() []*mech.Row { return table.rows }

// Family finds the family that reads keys of a type, or nil.
func Family(t key.Type) *mech.Family { return table.byType[t] }

// SelfTests lists every self-test of every family.
func SelfTests() []mech.SelfTest { return table.selfTests }
