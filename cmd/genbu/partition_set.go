// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
)

// policyFlags are the switches of a partition's policy.
type policyFlags struct{ initToken, uidLogin, auditEach bool }

func (p *policyFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&p.initToken, "allow-init", false, "C_InitToken may empty the partition and C_InitPIN set its first user's PIN")
	f.BoolVar(&p.uidLogin, "allow-uid-login", false, "operators may log in by unix uid, which the host asserts")
	f.BoolVar(&p.auditEach, "audit-each", false, "every use of a key is an audit entry of its own (else uses are counted)")
}

// bits changes what the flags name of a policy and leaves the rest.
func (p *policyFlags) bits(cmd *cobra.Command, flags uint64) uint64 {
	for _, f := range []struct {
		name string
		on   bool
		bit  uint64
	}{{"allow-init", p.initToken, client.InitAllowed}, {"allow-uid-login", p.uidLogin, client.UIDLogin}, {"audit-each", p.auditEach, client.AuditEach}} {
		if cmd.Flags().Changed(f.name) {
			flags &^= f.bit
			if f.on {
				flags |= f.bit
			}
		}
	}
	return flags
}

func policyNames(flags uint64) []string {
	on := []string{}
	for _, f := range []struct {
		bit  uint64
		name string
	}{{client.InitAllowed, "allow-init"}, {client.UIDLogin, "allow-uid-login"}, {client.AuditEach, "audit-each"}} {
		if flags&f.bit != 0 {
			on = append(on, f.name)
		}
	}
	return on
}

func policyText(flags uint64) string { return dash(strings.Join(policyNames(flags), ",")) }

func partitionSet() *cobra.Command {
	var who admin
	var policy policyFlags
	var label string
	var objects, operators, days uint64
	var protect bool
	cmd := &cobra.Command{
		Use:   "set LABEL",
		Short: "Change a partition's policy, quotas or label",
		Long: `Change what the flags name, and nothing else. A switch is turned off by =false; but purge protection
is for ever: nothing in the partition is destroyed before its time, and the partition neither.

  genbu partition set payments --audit-each=false --max-objects 5000`,
		RunE: func(cmd *cobra.Command, args []string) error {
			changed := cmd.Flags().Changed
			var mask uint64
			if changed("allow-init") || changed("allow-uid-login") || changed("audit-each") {
				mask |= client.SetFlags
			}
			if changed("max-objects") || changed("max-operators") {
				mask |= client.SetQuotas
			}
			if changed("label") {
				mask |= client.SetLabel
			}
			settings := map[string]string{}
			if changed("retention-days") {
				settings[client.SettingRetention] = strconv.FormatUint(days, 10)
			}
			if changed("purge-protection") {
				settings[client.SettingPurgeProtection] = strconv.FormatBool(protect)
			}
			if mask == 0 && len(settings) == 0 {
				return next(errors.New("nothing to change"), "genbu partition set --help")
			}
			var p client.Partition
			err := who.as("", func(s *session) (err error) {
				if p, err = partitionNamed(s.conn, args[0]); err != nil {
					return err
				}
				p.Flags = policy.bits(cmd, p.Flags)
				if changed("max-objects") {
					p.MaxObjects = objects
				}
				if changed("max-operators") {
					p.MaxOperators = operators
				}
				if changed("label") {
					p.Label = label
				}
				if len(settings) > 0 {
					err = s.conn.SetSettings(p.Slot, settings)
				}
				if err == nil && mask != 0 {
					err = s.conn.PartitionSet(mask, p)
				}
				return err
			})
			if err == nil && changed("label") {
				err = renameToken(args[0], label)
			}
			if err != nil {
				return err
			}
			answer := map[string]any{"label": p.Label, "policy": policyNames(p.Flags), "max_objects": p.MaxObjects, "max_operators": p.MaxOperators}
			return show(cmd, answer, func(w io.Writer) {
				fmt.Fprintf(w, "partition %q: policy %s, at most %d objects and %d operators\n", p.Label, policyText(p.Flags), p.MaxObjects, p.MaxOperators)
			})
		},
	}
	who.add(cmd)
	policy.add(cmd)
	f := cmd.Flags()
	f.StringVar(&label, "label", "", "the new label")
	f.Uint64Var(&objects, "max-objects", 0, "how many objects it may hold")
	f.Uint64Var(&operators, "max-operators", 0, "how many operators it may have")
	f.Uint64Var(&days, "retention-days", 0, "how long a vault or managed HSM keeps what is deleted: 7 to 90")
	f.BoolVar(&protect, "purge-protection", false, "nobody destroys before that time what was deleted; cannot be taken back")
	cmd.ValidArgsFunction = completeTokens
	return cmd
}
