// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// measured is one line of genbu bench.
type measured struct {
	Op      string  `json:"op"`
	Callers int     `json:"callers"`
	PerSec  float64 `json:"per_second"`
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
}

func benchCommand() *cobra.Command {
	var who login
	var callers []int
	var seconds float64
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this node, as this machine's programs would feel it",
		Long: `Sign, encrypt and make MACs with session keys over channels of its own, and print rates and latencies.
Numbers of a busy machine mean little; make bench compares with others in one run.

  genbu bench --callers 1,16 --seconds 2`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if seconds <= 0 || len(callers) == 0 || slices.Min(callers) < 1 || slices.Max(callers) > 256 {
				return next(errors.New("--seconds and --callers are more than nothing, and callers at most 256"), "genbu bench --callers 1,16 --seconds 2")
			}
			var all []measured
			var rows [][]string
			err := who.as(client.User, "", func(s *session) error {
				done := progress("making keys")
				jobs, err := benchJobs(s.Session)
				done()
				if err != nil {
					return err
				}
				for _, j := range jobs {
					for _, n := range callers {
						done := progress(fmt.Sprintf("%s, %d callers", j.name, n))
						m, err := measure(s, j, n, time.Duration(seconds*float64(time.Second)))
						done()
						if err != nil {
							return fmt.Errorf("%s: %w", j.name, err)
						}
						all = append(all, m)
						rows = append(rows, []string{m.Op, strconv.Itoa(n), fmt.Sprintf("%.0f", m.PerSec), fmt.Sprintf("%.0f", m.P50), fmt.Sprintf("%.0f", m.P99)})
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			return show(cmd, all, func(w io.Writer) { table(w, "OPERATION CALLERS PER-SECOND P50-US P99-US", rows) })
		},
	}
	who.add(cmd)
	cmd.Flags().IntSliceVar(&callers, "callers", []int{1, 16}, "how many callers at once")
	cmd.Flags().Float64Var(&seconds, "seconds", 1, "how long each line is measured")
	return cmd
}

// job is one operation to be measured.
type job struct {
	name string
	run  func(s *client.Session) error
}

func benchJobs(s *client.Session) ([]job, error) {
	session := client.Bool(key.AttrToken, false)
	pair := func(name string) (client.Summary, error) {
		sp, err := findSpec(name)
		if err != nil {
			return client.Summary{}, err
		}
		_, priv, err := s.GeneratePair(client.Mech(sp.mech), append(sp.template(), session), client.Template{session})
		return priv, err
	}
	secret := func(m key.Mechanism) (client.Summary, error) {
		return s.Generate(client.Mech(m), client.Template{session, client.ULong(key.AttrValueLen, uint64(32))})
	}
	ec, err := pair("ec-p256")
	if err != nil {
		return nil, err
	}
	ed, err := pair("ed25519")
	if err != nil {
		return nil, err
	}
	rsa, err := pair("rsa-2048")
	if err != nil {
		return nil, err
	}
	aes, err := secret(key.MechAESKeyGen)
	if err != nil {
		return nil, err
	}
	mac, err := secret(key.MechGenericKeyGen)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte("genbu"))
	kib := make([]byte, 1024)
	sign := func(m client.Mechanism, o client.Summary, data []byte) func(*client.Session) error {
		return func(s *client.Session) error { _, err := s.Sign(m, o.Handle, data); return err }
	}
	return []job{
		{"empty call", func(s *client.Session) error { _, err := s.Random(1); return err }},
		{"p256-sign", sign(client.Mech(key.MechECDSA), ec, digest[:])},
		{"ed25519-sign", sign(plain(key.MechEDDSA), ed, digest[:])},
		{"rsa2048-sign", sign(client.Mech(key.MechSHA256RSAPKCS), rsa, digest[:])},
		{"hmac-sha256-1k", sign(client.Mech(key.MechSHA256HMAC), mac, kib)},
		{"aes256-gcm-1k", func(s *client.Session) error { // the nonce is the module's, or it would not be approved
			_, _, _, err := s.SealMessage(client.GCMMessage(digest[:12], 0, 1, 128), aes.Handle, nil, kib)
			return err
		}},
	}, nil
}

// measure runs a job from n callers, each with a channel of its own, all within one application.
func measure(s *session, j job, n int, d time.Duration) (measured, error) {
	callers := make([]*client.Session, n)
	for i := range callers { // before the clock starts
		socket, err := socketPath()
		if err != nil {
			return measured{}, err
		}
		c, err := client.Join(socket, s.conn.Secret)
		if err != nil {
			return measured{}, err
		}
		defer c.Close()
		if callers[i], err = c.Open(s.Slot, true); err != nil {
			return measured{}, err
		}
	}
	times, failed := make([][]time.Duration, n), make([]error, n)
	var wg sync.WaitGroup
	start := time.Now()
	for i, caller := range callers {
		wg.Go(func() {
			for now := time.Now(); now.Sub(start) < d && failed[i] == nil; {
				failed[i] = j.run(caller)
				then := now
				now = time.Now()
				times[i] = append(times[i], now.Sub(then))
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	all := slices.Concat(times...)
	if err := errors.Join(failed...); err != nil || len(all) == 0 {
		return measured{}, err
	}
	slices.Sort(all)
	us := func(q float64) float64 { return float64(all[int(q*float64(len(all)-1))].Nanoseconds()) / 1000 }
	return measured{j.name, n, float64(len(all)) / took.Seconds(), us(0.5), us(0.99)}, nil
}
