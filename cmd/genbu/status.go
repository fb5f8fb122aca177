// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/wire"
)

func statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the module's state, modes and protections",
		Long: `Show the module's state, how it keeps secrets, and which protections are in force.

  genbu status --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			conn, err := dial()
			if err != nil {
				return err
			}
			defer conn.Close()
			s, err := conn.Status()
			if err != nil {
				return err
			}
			return show(cmd, statusJSON(&s), func(w io.Writer) { statusText(w, &s) })
		},
	}
}

func statusJSON(s *wire.Status) map[string]any {
	return map[string]any{"state": s.State.String(), "fast": s.Fast, "fips": s.FIPS, "memory": s.Memory, "erasure": s.Erasure,
		"sandbox": s.Sandbox, "missing": s.Missing, "keeper": s.Keeper, "threshold": s.Threshold, "shares": s.Shares,
		"domain": s.Domain.String(), "module": s.Module, "self_tests": s.SelfTests, "partitions": s.Partitions,
		"objects_loaded": s.Objects, "channels": s.Channels, "uptime_seconds": s.Uptime, "audit_key": hex.EncodeToString(s.AuditKey), "version": s.Version,
		"tpm_root": hex.EncodeToString(s.TPMRoot), "tpm_pcrs": registers(s.TPMPCRs)}
}

// registers are the numbers of a mask.
func registers(pcrs uint32) []int {
	list := []int{}
	for i := range 32 {
		if pcrs>>i&1 == 1 {
			list = append(list, i)
		}
	}
	return list
}

func whileRegisters(s *wire.Status) string {
	if s.TPMPCRs == 0 {
		return ""
	}
	words := make([]string, 0, 24)
	for _, n := range registers(s.TPMPCRs) {
		words = append(words, strconv.Itoa(n))
	}
	return " while its registers (PCRs) " + strings.Join(words, ", ") + " hold what they held"
}

func statusText(w io.Writer, s *wire.Status) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("state", "%s", s.State)
	row("mode", "%s", modeName(s))
	row("module", "%s, %d self-tests passed", s.Module, s.SelfTests)
	row("memory", "%s for root and partition keys; erasure of working copies: %s", s.Memory, s.Erasure)
	row("sandbox", "%s", strings.Join(s.Sandbox, ", "))
	if len(s.Missing) > 0 {
		row("MISSING", "%s (accepted in genbu.yaml)", strings.Join(s.Missing, ", "))
	}
	switch s.Keeper {
	case "file":
		row("keeper", "file: whoever can read it and the node's directory can unseal every key")
	case "peers":
		row("keeper", "peers: the other nodes give the root key back, if policy or an admin says so; whoever has this node's identity file can ask as this node")
	case "tpm":
		row("keeper", "tpm: this machine's TPM opens the root key%s; the disk alone opens nothing, who has captured the machine everything", whileRegisters(s))
	case "peers-tpm":
		row("keeper", "peers-tpm: the other nodes give the root key back, if policy or an admin says so; this machine's TPM opens the identity by which they know it%s", whileRegisters(s))
	case "custodians":
		row("keeper", "custodians: %d shares open the root key; %d given", s.Threshold, s.Shares)
	}
	if len(s.TPMRoot) > 0 {
		row("tpm root", "%x   (name of its storage root key, as the node met it when it was sealed)", s.TPMRoot)
	}
	if s.State == wire.StateOperational {
		row("domain", "%s", s.Domain)
		row("partitions", "%d; %d objects in memory; %d channels", s.Partitions, s.Objects, s.Channels)
		row("audit key", "%x", s.AuditKey)
	}
	if s.Version != "" {
		row("version", "%s", s.Version)
	}
	row("uptime", "%s", time.Duration(s.Uptime)*time.Second)
	if !operational(s.State) {
		row("next", "%s", withDir(hintFor(nil, notOperational(s.State)).command))
	}
}
