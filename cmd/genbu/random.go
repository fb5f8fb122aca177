// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"fmt"

	"github.com/spf13/cobra"
)

// maxRandom bounds one request: more is made by asking again.
const maxRandom = 1 << 20

func randomCommand() *cobra.Command {
	var who login
	var n int
	var asHex bool
	cmd := &cobra.Command{
		Use:   "random",
		Short: "Random bytes from the module",
		Long: `Random bytes from the module's generator (SP 800-90A). It needs no login.

  genbu random --bytes 32 --hex`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n < 1 || n > maxRandom {
				return next(fmt.Errorf("--bytes %d: from 1 to %d", n, maxRandom), "genbu random --bytes 32")
			}
			conn, err := dial()
			if err != nil {
				return err
			}
			defer conn.Close()
			t, err := who.slot(conn)
			if err != nil {
				return err
			}
			s, err := conn.Open(t.Slot, false)
			if err != nil {
				return err
			}
			b, err := s.Random(n)
			if err != nil {
				return err
			}
			text := hex.EncodeToString(b)
			if asHex {
				b = []byte(text + "\n")
			}
			return deliver(cmd, "", b, 0, map[string]string{"random": text})
		},
	}
	who.addToken(cmd)
	cmd.Flags().IntVar(&n, "bytes", 32, "how many")
	cmd.Flags().BoolVar(&asHex, "hex", false, "as hex digits")
	return cmd
}
