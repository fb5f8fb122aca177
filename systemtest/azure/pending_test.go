// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"fmt"
	"strings"
	"testing"
)

func TestPendingCertificatesAreListedOnDemand(t *testing.T) {
	n := newNode(t)
	token := n.access(n.Vault)
	waits := strings.Replace(selfPolicy, `"Self"`, `"Unknown"`, 1)
	n.create("b-made", token, selfPolicy)
	n.create("b-made", token, waits) // its second version is under way
	for i := range 3 {
		n.create(fmt.Sprintf("a-waits-%d", i), token, waits)
		n.must200("POST", n.Vault, fmt.Sprintf("/keys/key-%d/create", i), token, p256)
	}
	list := func(query string) string {
		var names []string
		for next := n.Vault + "/certificates?api-version=2025-07-01&" + query; next != ""; {
			page := n.must200("GET", "", next, token, "")
			for _, v := range page.body["value"].([]any) {
				id := v.(map[string]any)["id"].(string)
				names = append(names, id[strings.LastIndex(id, "/")+1:])
			}
			next, _ = page.body["nextLink"].(string)
			if len(names) > 20 {
				t.Fatalf("no end: %v", names)
			}
		}
		return strings.Join(names, " ")
	}
	for _, c := range []struct{ query, want string }{
		{"", "b-made"}, {"includePending=false", "b-made"}, {"includePending=true", "b-made a-waits-0 a-waits-1 a-waits-2"},
		{"includePending=true&maxresults=1", "b-made a-waits-0 a-waits-1 a-waits-2"}, {"includePending=true&maxresults=2", "b-made a-waits-0 a-waits-1 a-waits-2"},
	} {
		if got := list(c.query); got != c.want {
			t.Errorf("%s: %s, not %s", c.query, got, c.want)
		}
	}
	if got := n.do("GET", n.Vault, "/certificates?api-version=7.6&includePending=perhaps", token, ""); got.status != 400 {
		t.Errorf("perhaps: %d", got.status)
	}
}
