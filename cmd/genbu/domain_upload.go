// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/holder"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// bring is how a domain comes to a core: by the holders' keys at hand, by shares that they wrapped elsewhere, or by what az made.
type bring struct {
	file   string
	keys   []string
	shares []string
	blob   string
	keep   keeper
	say    statementFlags
	hsm    *client.Partition // the managed HSM that is meant; nil for the whole domain
}

func (b *bring) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.file, "domain", "", "the security domain file")
	f.StringArrayVar(&b.keys, "key", nil, "a holder's RSA key, PEM; once for each of a quorum")
	f.StringArrayVar(&b.shares, "share", nil, "a share that a holder wrapped elsewhere (genbu domain share); once for each of a quorum")
	f.StringVar(&b.blob, "blob", "", "instead: a restore blob as az makes it for this node's transfer key")
	b.keep.add(cmd)
	b.say.add(cmd)
}

// holders tells whether holders bring the domain.
func (b *bring) holders() bool { return b.file != "" || b.blob != "" }

// upload brings the domain to the core of conn and answers the shares of its custodians, if those were asked for.
func (b *bring) upload(conn *client.Conn, restore bool) (shares [][]byte, err error) {
	name, err := b.keep.said()
	if err != nil {
		return nil, err
	}
	u := &client.DomainUpload{Restore: restore, Keeper: name, Threshold: b.keep.m, Shares: b.keep.n}
	if b.blob != "" {
		err = b.fromBlob(u)
	} else {
		err = b.fromFile(conn, u)
	}
	if err != nil {
		return nil, err
	}
	defer progress("opening the domain")()
	if b.hsm != nil {
		_, err = conn.HSMDomainUpload(b.hsm.Slot, u)
	} else {
		_, shares, err = conn.DomainUpload(u)
	}
	switch {
	case fault.Of(err) != fault.ShareBad:
	case b.hsm != nil && b.blob != "": // most likely the transfer key is another one by now
		err = hinted{err, hint{b.askTransfer(), "for this one the holders wrap anew; nothing was changed"}}
	default:
		err = hinted{err, hint{"genbu domain show FILE", "it names the holders; nothing was changed"}}
	}
	return shares, err
}

func (b *bring) fromBlob(u *client.DomainUpload) error {
	text, err := input(b.blob)
	if err != nil {
		return err
	}
	blob, err := holder.ReadBlob(text)
	if err != nil {
		return fmt.Errorf("%s: %w", b.blob, err)
	}
	u.Data = domainData(blob.EncData)
	if blob.WrappedKey != nil {
		u.Master = blob.WrappedKey.JWE
		return nil
	}
	u.Quorum = blob.WrappedShares.Required
	for _, s := range blob.WrappedShares.Shares {
		print, err := s.Print()
		if err != nil {
			return fmt.Errorf("%s: %w", b.blob, err)
		}
		u.Wrapped = append(u.Wrapped, client.DomainShare{Thumbprint: print, JWE: s.JWE})
	}
	return nil
}

func domainData(e holder.EncData) (data []client.DomainDatum) {
	for _, d := range e.Data {
		data = append(data, client.DomainDatum{Tag: d.Tag, JWE: d.JWE})
	}
	return data
}

func (b *bring) fromFile(conn *client.Conn, u *client.DomainUpload) error {
	if b.file == "" || len(b.keys)+len(b.shares) == 0 {
		return next(errors.New("--domain FILE is wanted, with --key or --share of a quorum of its holders, or --blob"), b.askTransfer())
	}
	f, err := readDomain(b.file)
	if err != nil {
		return err
	}
	u.Quorum, u.Data = f.SharedKeys.Required, domainData(f.EncData)
	if have := len(b.keys) + len(b.shares); have < u.Quorum {
		return next(fmt.Errorf("%s wants %d holders; here are %d", b.file, u.Quorum, have), "genbu domain show "+word(b.file))
	}
	transfer, err := b.transfer(conn)
	if err != nil {
		return err
	}
	say, err := b.say.statement()
	if err != nil {
		return err
	}
	for _, path := range b.keys {
		k, err := readHolderKey(path)
		if err != nil {
			return err
		}
		w, err := f.Wrap(k, transfer, say)
		if err != nil {
			return fmt.Errorf("%s with %s: %w", b.file, path, err)
		}
		if err := b.addShare(u, w, path, transfer); err != nil {
			return err
		}
	}
	for _, path := range b.shares {
		text, err := input(path)
		if err != nil {
			return err
		}
		w, err := holder.ReadWrapped(text)
		if err == nil {
			err = b.addShare(u, w, path, transfer)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func (b *bring) transfer(conn *client.Conn) (der []byte, err error) {
	if b.hsm == nil {
		return transferKey(conn)
	}
	defer progress("making a transfer key")()
	der, _, err = conn.HSMDomainTransfer(b.hsm.Slot)
	return der, err
}

// askTransfer is the command that shows the transfer key.
func (b *bring) askTransfer() string {
	if b.hsm != nil {
		return "genbu domain transfer-key --hsm " + word(b.hsm.Label) + " --out transfer.pem"
	}
	return "genbu domain transfer-key --out transfer.pem"
}

func (b *bring) addShare(u *client.DomainUpload, w *holder.Wrapped, path string, transfer []byte) error {
	if w.Transfer != holder.Thumbprint(transfer) {
		return next(fmt.Errorf("%s was wrapped to another transfer key than is wanted here (%s)", path, fingerprint(transfer)), b.askTransfer())
	}
	print, err := w.Print()
	u.Wrapped = append(u.Wrapped, client.DomainShare{Thumbprint: print, JWE: w.JWE})
	return err
}

func domainUpload() *cobra.Command {
	var b bring
	var who admin
	var hsm string
	cmd := &cobra.Command{
		Use:   "upload",
		Short: "Open a node whose root key is lost, by the holders of its domain",
		Long: `Bring the root key back to a node that has its store but can no longer be opened: the keeper's file
is lost, or too few custodians are left. The root is sealed for --keeper (default: a file). On
a bare machine, where the store is gone too, genbu restore does both.
With --hsm bring one managed HSM's domain to another, on a node that is open; it must hold no keys.

  genbu domain upload --domain domain.json --key a.key --key b.key`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if hsm != "" {
				return uploadHSM(cmd, &who, &b, hsm)
			}
			conn, err := dial()
			if err != nil {
				return err
			}
			defer conn.Close()
			s, err := conn.Status()
			if err != nil {
				return err
			}
			switch s.State {
			case wire.StateOperational:
				return next(errors.New("the module is open; to exchange who keeps its root key no holder is needed"), "genbu rekeep --keeper file")
			case wire.StateUninitialized:
				return next(errors.New("this node has no store that a domain would open"), "genbu restore --from PLACE --domain domain.json --key a.key --key b.key")
			}
			shares, err := b.upload(conn, false)
			if err != nil {
				return err
			}
			if len(shares) > 0 {
				return showShares(cmd, &b.keep, shares, "genbu status")
			}
			return show(cmd, map[string]string{"state": wire.StateOperational.String()}, func(w io.Writer) { fmt.Fprintln(w, "unlocked by the domain's holders") })
		},
	}
	b.add(cmd)
	who.add(cmd)
	addHSM(cmd, &hsm)
	return cmd
}
