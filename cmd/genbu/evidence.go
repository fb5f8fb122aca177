// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// evidenceFlags are the credentials of a service identity that a command line names (docs/design/identities.md).
type evidenceFlags struct {
	secret      bool
	certificate string
	federated   string
	expires     time.Duration
}

func (e *evidenceFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&e.secret, "client-secret", false, "a client secret, drawn and printed once")
	f.StringVar(&e.certificate, "certificate", "", "a certificate (PEM or DER) whose key signs client assertions")
	f.StringVar(&e.federated, "federated", "", "tokens of another issuer: ISSUER,SUBJECT,JWKS-FILE[,AUDIENCE]")
	f.DurationVar(&e.expires, "expires", 0, "how long the credential is good, such as 2160h (default: until it is removed)")
}

func (e *evidenceFlags) any() bool { return e.secret || e.certificate != "" || e.federated != "" }

// azureAudience is the audience that Azure's clients and Kubernetes agree on for federated tokens.
const azureAudience = "api://AzureADTokenExchange"

// issued is a credential as genbu operator create and credential add tell of it.
type issued struct {
	Kind   string `json:"kind"`
	ID     string `json:"id"`
	Secret string `json:"secret,omitempty"`
}

// give adds what the flags name to a service identity of the domain.
func (e *evidenceFlags) give(conn *client.Conn, name string) (list []issued, err error) {
	until := uint64(0)
	if e.expires > 0 {
		until = uint64(time.Now().Add(e.expires).Unix())
	}
	if e.secret {
		id, secret, err := conn.AddSecret(domainSlot, name, until)
		if err != nil {
			return list, err
		}
		list = append(list, issued{"client-secret", id.String(), string(secret)})
	}
	if e.certificate != "" {
		der, err := certificateDER(e.certificate)
		if err != nil {
			return list, err
		}
		id, err := conn.AddCertificate(domainSlot, name, der, until)
		if err != nil {
			return list, err
		}
		list = append(list, issued{Kind: "certificate", ID: id.String()})
	}
	if e.federated != "" {
		part := strings.Split(e.federated, ",")
		if len(part) == 3 {
			part = append(part, azureAudience)
		}
		if len(part) != 4 {
			return list, next(errors.New("--federated wants ISSUER,SUBJECT,JWKS-FILE"), "genbu operator create --help")
		}
		set, err := input(part[2])
		if err != nil {
			return list, err
		}
		id, err := conn.AddFederated(domainSlot, name, part[0], part[1], part[3], set, until)
		if err != nil {
			return list, err
		}
		list = append(list, issued{Kind: "federated", ID: id.String()})
	}
	return list, nil
}

func certificateDER(file string) ([]byte, error) {
	b, err := input(file)
	if err != nil {
		return nil, err
	}
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return b, nil // DER, or the core says what it is not
		}
		if block.Type == "CERTIFICATE" {
			return block.Bytes, nil
		}
	}
}

func tellIssued(w io.Writer, list []issued) {
	for _, c := range list {
		fmt.Fprintf(w, "%s: credential %s\n", c.Kind, c.ID)
		if c.Secret != "" {
			fmt.Fprintf(w, "secret: %s   (shown once)\n", c.Secret)
		}
	}
}

// clientID is an operator's id as Azure's clients know it.
func clientID(id key.ID) string {
	s := id.String()
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// identity finds a service identity of the domain.
func identity(conn *client.Conn, name string) (client.Operator, error) {
	list, err := conn.Operators(domainSlot)
	if err != nil {
		return client.Operator{}, err
	}
	for _, o := range list {
		if o.Name == name {
			return o, nil
		}
	}
	return client.Operator{}, next(fmt.Errorf("the domain has no operator %q", name), "genbu operator list --domain")
}
