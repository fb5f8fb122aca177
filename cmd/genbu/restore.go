// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/front/control"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// restoring is what genbu restore was asked for.
type restoring struct {
	bring
	from, name string
	shareFile  string
	auditLog   string
}

// restored is what it answers.
type restored struct {
	backup.Restored
	State    string     `json:"state"`
	Known    bool       `json:"undone_is_complete"` // the state that was replaced, or an audit log, told
	FromLog  []logEntry `json:"undone_by_audit_log,omitempty"`
	Keeper   string     `json:"keeper"`
	Shares   []string   `json:"shares,omitempty"`
	replaced bool
}

func restoreCommand() *cobra.Command {
	var r restoring
	cmd := &cobra.Command{
		Use:   "restore --from PLACE",
		Short: "Rebuild a node from a backup, with the holders of its domain",
		Long: `Rebuild everything from a backup (default: the newest of PLACE). The root key comes from a quorum of
holders of the security domain, or, with --domain left out, from its own keeper: copy root/ and the
keeper's file into --dir, or give custodians' shares. A new --dir becomes a new node; made beside the
old one it is a clone. A node that is there must be locked; what is newer there than the backup goes
only if the holders say so (--allow-older). The answer lists what is undone; --audit-log DIR has the
log of a lost node tell. What is refused changes nothing.

  genbu restore --dir NEW --from /mnt/backups --domain domain.json --key a.key --key b.key`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := r.run(cmd.Context())
			if err != nil {
				return err
			}
			return show(cmd, answer, answer.text)
		},
	}
	r.bring.add(cmd)
	f := cmd.Flags()
	f.StringVar(&r.from, "from", "", "directory, or s3://BUCKET/PREFIX?endpoint=URL&region=NAME")
	f.StringVar(&r.name, "backup", "", "the backup's name (default: the newest)")
	f.StringVar(&r.shareFile, "share-file", "", "without --domain: read a custodian's share from this file (- for standard input)")
	f.StringVar(&r.auditLog, "audit-log", "", "the audit folder of the former node: list what it has done since the backup")
	cmd.MarkFlagRequired("from")
	return cmd
}

func (r *restoring) run(ctx context.Context) (*restored, error) {
	place, err := absolute(r.from)
	if err != nil {
		return nil, err
	}
	c, err := nodeConfig()
	if err != nil {
		return nil, err
	}
	conn, _, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	s, err := conn.Status()
	if err != nil {
		return nil, err
	}
	if operational(s.State) {
		return nil, hinted{errors.New("the module is open: a restore would replace what it is working with"),
			hint{"genbu lock", "or give a new --dir, to make another node of the backup"}}
	}
	answer := &restored{replaced: s.State != wire.StateUninitialized}
	shares, err := r.domain(conn, "genbu restore --from PLACE --domain domain.json --key a.key --key b.key")
	if err != nil {
		return nil, err
	}
	if err := host(ctx, "/restore", control.Request{Place: place, Name: r.name}, &answer.Restored); err != nil {
		return nil, restoreHint(err)
	}
	for _, s := range shares {
		answer.Shares = append(answer.Shares, string(s))
	}
	if s, err = conn.Status(); err != nil {
		return nil, err
	}
	answer.State, answer.Keeper, answer.Known = s.State.String(), s.Keeper, answer.replaced
	if r.auditLog != "" {
		if answer.FromLog, err = undoneByLog(r.auditLog, answer.Backup.Time); err != nil {
			note("%s: %v", r.auditLog, err)
		}
	}
	if operational(s.State) {
		keepAuditKey(s.AuditKey)
	}
	return answer, nil
}

// domain brings the root key to the core. byHolders is the command for who has no keeper of it at hand.
func (r *restoring) domain(conn *client.Conn, byHolders string) ([][]byte, error) {
	if r.holders() {
		return r.upload(conn, true)
	}
	give := func(share []byte) (uint64, error) {
		missing, err := conn.DomainKeeper(share)
		if fault.Of(err) == fault.RecordUnknown {
			err = next(fmt.Errorf("no sealed root, or no keeper's file, is in %s, and no --domain was given", nodeDir()),
				byHolders)
		}
		return missing, err
	}
	missing, err := give(nil) // by the file, or how many shares are wanted
	for err == nil && missing > 0 {
		var share []byte
		if r.shareFile != "" {
			share, err = readPIN(r.shareFile)
		} else {
			share, err = ask(fmt.Sprintf("share (%d more needed)", missing), hint{"genbu restore --help", "give --share-file"})
		}
		if err == nil {
			missing, err = give(share)
		}
		if err == nil && missing > 0 && r.shareFile != "" {
			err = hinted{fmt.Errorf("the share was taken; %d more are needed", missing), hint{"genbu restore --help", "the same again with another --share-file"}}
		}
	}
	return nil, err
}

func restoreHint(err error) error {
	switch fault.Of(err) {
	case fault.BackupOld:
		return hinted{err, hint{"genbu domain share --help", "a quorum of holders can state --allow-older; nothing was changed"}}
	case fault.BackupInvalid, fault.BackupUnsound, fault.RecordInvalid:
		return hinted{err, hint{"genbu backup list --place PLACE", "take another one, or another copy; nothing was changed"}}
	case fault.DomainOther:
		return hinted{err, hint{"genbu restore --help", "this node's state, or this backup, is of another domain: give a new --dir, or that domain's file; nothing was changed"}}
	}
	return err
}

func (r *restored) text(w io.Writer) {
	infoText(w, &r.Backup, "restored")
	fmt.Fprintf(w, "the module is %s, its root key kept by %s\n", r.State, r.Keeper)
	for i, s := range r.Shares {
		fmt.Fprintf(w, "share %d of %d, for one custodian's eyes:\n  %s\n", i+1, len(r.Shares), s)
	}
	for _, u := range r.Undone {
		name := u.Name
		if name == "" {
			name = u.ID
		}
		switch u.What {
		case "destruction":
			fmt.Fprintf(w, "back again: %s %q, destroyed since\n", u.Kind, name)
		case "change":
			fmt.Fprintf(w, "as it was: %s %q, changed since%s\n", u.Kind, name, map[bool]string{true: " (PIN, rights, or charged tries)"}[u.Kind == "operator"])
		default:
			fmt.Fprintf(w, "gone: %s %q, made since\n", u.Kind, name)
		}
	}
	for _, e := range r.FromLog {
		fmt.Fprintf(w, "undone, by the audit log: %s %s %s %s\n", e.Time.Format(time.RFC3339), e.What, e.Object, e.Text)
	}
	if !r.Known && len(r.FromLog) == 0 {
		fmt.Fprintf(w, "what was destroyed, revoked or changed after %s is undone; what that is cannot be told from here\n", r.Backup.Time.Format(time.RFC3339))
	}
	fmt.Fprintf(w, "next: %s\n", withDir("genbu status"))
}
