// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/opaque"
	"github.com/genbu-hsm/genbu/internal/pki"
)

// What is zeroed of a key that came in is the key's alone: the table of curves was zeroed with it once.
func TestZeroingAnImportedKeyLeavesTheCurvesAlone(t *testing.T) {
	before := slices.Clone(curveNamed("P-384").params)
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	var spec client.KeySpec
	m, err := imported(pki.Bundle{Key: opaque.New(der)}, &spec)
	if err != nil {
		t.Fatal(err)
	}
	m.clear()
	if !slices.Equal(curveNamed("P-384").params, before) {
		t.Error("the curve is gone")
	}
	if slices.Max(m.secret[1].Value) != 0 {
		t.Error("control: the private key was not zeroed")
	}
}

func TestRenewalIsDueByShareOfTheLifetimeOrDaysBeforeItsEnd(t *testing.T) {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	to := from.AddDate(0, 0, 100)
	for _, c := range []struct {
		policy certificatePolicy
		at     time.Time
	}{
		{certificatePolicy{Issuer: "Self", Percentage: 80}, from.AddDate(0, 0, 80)},
		{certificatePolicy{Issuer: "Self", DaysBefore: 30}, from.AddDate(0, 0, 70)},
		{certificatePolicy{Issuer: "Self", DaysBefore: 400}, from.AddDate(0, 0, 50)},
		{certificatePolicy{Issuer: "Self", Percentage: 1}, from.AddDate(0, 0, 50)},
		{certificatePolicy{Issuer: "Self", DaysBefore: 30, Email: true}, time.Time{}},
		{certificatePolicy{Issuer: "Unknown", Percentage: 80}, time.Time{}},
		{certificatePolicy{Issuer: "Self"}, time.Time{}},
	} {
		if at, ok := c.policy.due(from, to); !at.Equal(c.at) || ok == c.at.IsZero() {
			t.Errorf("%+v is due at %v", c.policy, at)
		}
	}
}
