// SPDX-License-Identifier: Apache-2.0

package channel_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// BenchmarkChannel measures calls from a client over a socketpair to the module double: the channel and the mechanism,
// without vault, audit and host. b.N is shared among the clients, each with a channel and session of its own.
func BenchmarkChannel(b *testing.B) {
	for _, mode := range []string{"strict", "fast"} {
		w := newWorld(b)
		w.module.fast.Store(mode == "fast")
		s := w.user()
		text := make([]byte, 1024)
		calls := []struct {
			name string
			call func(s *client.Session) error
		}{{"empty", func(s *client.Session) error { return s.Cancel(client.UseSign) }}}
		add := func(name string, call func(s *client.Session) error) {
			calls = append(calls, struct {
				name string
				call func(s *client.Session) error
			}{name, call})
		}
		_, pair, err := s.GeneratePair(client.Mech(key.MechECKeyPairGen), client.Template{client.Bytes(key.AttrECParams, p256)}, client.Template{onToken()})
		if err != nil {
			b.Fatal(err)
		}
		add("sign P-256", func(s *client.Session) error {
			_, err := s.Sign(client.Mech(key.MechECDSA), pair.Handle, text[:32])
			return err
		})
		k, err := s.Generate(client.Mech(key.MechAESKeyGen), aesTemplate(onToken()))
		if err != nil {
			b.Fatal(err)
		}
		gcm := client.GCM(make([]byte, 12), nil, 128)
		add("AES-GCM 1 KiB", func(s *client.Session) error {
			_, err := s.Encrypt(gcm, k.Handle, text)
			return err
		})
		h, err := s.Generate(client.Mech(key.MechGenericKeyGen), aesTemplate(onToken(), client.Bool(key.AttrSign, true)))
		if err != nil {
			b.Fatal(err)
		}
		add("HMAC-SHA-256 32 B", func(s *client.Session) error {
			_, err := s.Sign(client.Mech(key.MechSHA256HMAC), h.Handle, text[:32])
			return err
		})
		for _, c := range calls {
			for _, clients := range []int{1, 16} {
				b.Run(fmt.Sprintf("%s/%s/%d", c.name, mode, clients), func(b *testing.B) { w.run(b, clients, c.call) })
			}
		}
	}
}

func (w *world) run(b *testing.B, clients int, call func(s *client.Session) error) {
	sessions := make([]*client.Session, clients)
	for i := range sessions {
		c := w.dial()
		s, err := c.Open(slotA, true)
		if err != nil {
			b.Fatal(err)
		}
		w.login(s, client.User, "")
		sessions[i] = s
		defer c.Close()
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i, s := range sessions {
		wg.Go(func() {
			for n := i; n < b.N; n += clients {
				if err := call(s); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
