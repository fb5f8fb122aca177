// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

func envCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Print shell exports that point programs at this node",
		Long: `Print shell exports: the PKCS #11 module, the socket, the token and its PINs, the process ids.

  eval "$(genbu env --dir DIR)"
  pkcs11-tool --module $GENBU_PKCS11_MODULE --token-label $GENBU_TOKEN_LABEL --list-objects`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := readEnv(global.dir)
			if err != nil {
				return err
			}
			return show(cmd.OutOrStdout(), e, func(w io.Writer) {
				for _, v := range e.exports() {
					fmt.Fprintf(w, "export %s=%s\n", v[0], quote(v[1]))
				}
			})
		},
	}
}

func (e *environment) exports() [][2]string {
	return [][2]string{
		{"GENBU_PKCS11_MODULE", e.Module},
		{"GENBU_SOCKET", e.Socket},
		{"GENBU_TOKEN_LABEL", e.Token},
		{"GENBU_SO_PIN", e.SOPIN},
		{"GENBU_USER_PIN", e.PIN},
		{"GENBU_URL", e.URL},
		{"GENBU_CA_FILE", e.CAFile},
		{"GENBU_CORE_PID", fmt.Sprint(e.CorePID)},
		{"GENBU_HOST_PID", fmt.Sprint(e.HostPID)},
		{"GENBU_DIR", global.dir},
	}
}

// quote makes one shell word of s.
func quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
