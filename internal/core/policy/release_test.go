// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"testing"

	"github.com/genbu-hsm/genbu/internal/core/jose"
)

// FuzzReleasePolicy feeds the reader of policies and the evaluation of those it takes. No claims at all meet a policy only
// where it asks for one that is not there.
func FuzzReleasePolicy(f *testing.F) {
	for _, s := range []string{
		`{"version":"1.0.0","anyOf":[{"authority":"https://a","allOf":[{"claim":"a.b","equals":"v"}]}]}`,
		`{"version":"1.0.0","anyOf":[{"authority":"https://a","anyOf":[{"claim":"c","exists":false},{"allOf":[{"claim":"d","less":1e9}]}]}]}`,
	} {
		f.Add([]byte(s), []byte(`{"a":{"b":"v"},"d":3}`))
	}
	f.Fuzz(func(t *testing.T, policy, claims []byte) {
		if CheckRelease(policy) != nil {
			return
		}
		p, err := jose.ParseJSON(policy)
		if err != nil {
			t.Fatal("a policy that is no JSON was taken")
		}
		c, err := jose.ParseJSON(claims)
		if err != nil {
			return
		}
		for _, a := range p.Get("anyOf").Items {
			holds(a, c)
			if nothing, _ := jose.ParseJSON([]byte("{}")); holds(a, nothing) && !bytes.Contains(policy, []byte("exists")) && !bytes.Contains(policy, []byte(`\`)) {
				t.Fatalf("%s is met by nothing at all", policy)
			}
		}
	})
}
