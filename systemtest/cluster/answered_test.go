// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// TestAKeyWhoseCreationWasAnsweredIsUsableOnEveryNode makes keys at one machine and uses each at another at once: a thousand
// times, in the long run ten thousand.
func TestAKeyWhoseCreationWasAnsweredIsUsableOnEveryNode(t *testing.T) {
	f := newField(t, 3)
	const callers = 8
	n := int64(1_000)
	if os.Getenv("GENBU_SOAK") != "" {
		n = 10_000
	}
	var count, misses atomic.Int64
	var work sync.WaitGroup
	began := time.Now()
	for i := range callers {
		at := i % 3
		maker := login(t, f.machines[at].socket())
		users := []*client.Session{login(t, f.machines[(at+1)%3].socket()), login(t, f.machines[(at+2)%3].socket())}
		work.Go(func() {
			for k := count.Add(1); k <= n; k = count.Add(1) {
				made, err := maker.Generate(client.Mech(key.MechGenericKeyGen), client.Template{client.Bool(key.AttrToken, true), client.Bool(key.AttrSign, true),
					client.ULong(key.AttrValueLen, uint64(32)), client.Text(key.AttrLabel, fmt.Sprint("answered-", k))})
				if err != nil {
					t.Errorf("create %d: %v", k, err)
					return
				}
				if _, err := users[k%2].Sign(client.Mech(key.MechSHA256HMAC), made.Handle, message); err != nil {
					misses.Add(1)
					t.Errorf("use of key %d at another node, right after its creation was answered: %v", k, err)
				}
			}
		})
	}
	work.Wait()
	t.Logf("%s: %d keys, %d misses, %v", t.Name(), n, misses.Load(), time.Since(began).Round(time.Millisecond))
}
