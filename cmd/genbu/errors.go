// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
)

// Exit codes of every command (docs/spec/cli.md).
const (
	exitFailed = 1 // it was tried and refused, or the answer is no: a bad signature, an altered log
	exitUsage  = 2 // the command line makes no sense; nothing was tried
	exitNoNode = 3 // no node answers, or it is locked, zeroized or not initialized
)

// hint is the next command to type, and perhaps a word on it.
type hint struct{ command, note string }

// hinted is an error with a hint.
type hinted struct {
	error
	hint
}

func (h hinted) Unwrap() error { return h.error }

// next adds a hint to an error.
func next(err error, command string) error { return hinted{err, hint{command: command}} }

// ran marks an error of a command that began to run.
type ran struct{ error }

func (r ran) Unwrap() error { return r.error }

func (r ran) orNil() error {
	if r.error == nil {
		return nil
	}
	return r
}

// noNode says that there is nobody to ask.
type noNode struct{ error }

func (n noNode) Unwrap() error { return n.error }

func exitCode(err error) int {
	if !errors.As(err, new(ran)) {
		return exitUsage
	}
	switch fault.Of(err) {
	case fault.Unavailable, fault.Uninitialized, fault.Locked, fault.Zeroized:
		return exitNoNode
	}
	if errors.As(err, new(noNode)) {
		return exitNoNode
	}
	return exitFailed
}

// hints are what to do next about faults whose cure does not depend on the command.
var hints = map[fault.Code]hint{
	fault.Unavailable:         {"genbu up", ""},
	fault.Busy:                {"genbu status", "then try again"},
	fault.Timeout:             {"genbu status", "then try again"},
	fault.Uninitialized:       {"genbu init --keeper file", "or custodians:2of3"},
	fault.Locked:              {"genbu unlock", ""},
	fault.Zeroized:            {"genbu up --dir NEW", "the root key is gone; only a backup of node and root in a new directory brings the keys back"},
	fault.NotLoggedIn:         {`eval "$(genbu env)"`, "or give --pin-file"},
	fault.PINIncorrect:        {`eval "$(genbu env)"`, "or give --pin-file; after 10 wrong tries the PIN is locked"},
	fault.PINLocked:           {"genbu operator set NAME --new-pin", "by an admin"},
	fault.PINNotSet:           {"genbu operator create user", "by the partition's officer"},
	fault.PINLength:           {"genbu operator pin --help", "PINs have 4 to 255 bytes"},
	fault.UserUnknown:         {"genbu operator list", ""},
	fault.OperatorExists:      {"genbu operator list", ""},
	fault.PartitionUnknown:    {"genbu partition list", ""},
	fault.PartitionExists:     {"genbu partition list", ""},
	fault.ObjectUnknown:       {"genbu key list", ""},
	fault.KeyUnknown:          {"genbu key list", ""},
	fault.Denied:              {"genbu operator list", "log in as an operator whose role allows it: --operator NAME"},
	fault.NotApproved:         {"genbu status", "this node runs in fips mode: choose what docs/spec/mechanisms.md calls approved"},
	fault.AuditUnavailable:    {"genbu doctor", "the audit log cannot be written: is the disk full?"},
	fault.AuditLag:            {"genbu doctor", "the audit log cannot keep up"},
	fault.StoreFull:           {"genbu doctor", ""},
	fault.BackupInvalid:       {"genbu backup list", "take another one, or another copy"},
	fault.BackupUnsound:       {"genbu audit list --last 20", "the store, or somebody between, mixes moments; alarms are in the log"},
	fault.DomainOther:         {"genbu status", "its domain is another than this node's"},
	fault.SharesMissing:       {"genbu domain --help", ""},
	fault.TPMMissing:          {"genbu doctor", "is there a TPM 2.0, and may the node use it? genbu.yaml names it: tpm: /dev/tpmrm0"},
	fault.TPMOther:            {"genbu unlock --share-file -", "with custodians' shares; or genbu domain upload with its holders; or remove the node and join it anew"},
	fault.TPMChanged:          {"genbu unlock --share-file -", "with custodians' shares, then genbu rekeep --keeper tpm; or boot as before, or genbu domain upload with its holders"},
	fault.TPMFailed:           {"genbu doctor", "the node's log says what the TPM answered"},
	fault.OutcomeUnknown:      {"genbu status", "it may have been done: look before you do it again"},
	fault.MemberExists:        {"genbu token list", "or genbu cluster agents; each name is used once"},
	fault.MemberUnknown:       {"genbu token list", "or genbu cluster agents"},
	fault.TokenRefused:        {"genbu token create NAME", "by an admin of the domain, on one of its nodes"},
	fault.DoorUnknown:         {"genbu doctor", "the node does not listen for others"},
	fault.UnlockRefused:       {"genbu cluster unlock NAME", "by an admin, on another node"},
	fault.LeaseExpired:        {"genbu status", "this node does not reach the majority of the others; the others go on"},
	fault.InForceLater:        {"genbu status", "it is done, and it need not be done again"},
	fault.RateLimited:         {"genbu status", "wait a little, then try again"},
	fault.ShareBad:            {"genbu unlock", "check the share for typing errors; it was not counted"},
	fault.KeeperRefused:       {"genbu unlock", "begin again with the first share: one of those given belongs to another set"},
	fault.KeyUnextractable:    {"genbu key show NAME", "the key was made without --extractable and cannot leave"},
	fault.KeyDisabled:         {"genbu key state NAME active", ""},
	fault.KeyUsageForbidden:   {"genbu key show NAME", ""},
	fault.KeyTypeMismatch:     {"genbu key show NAME", ""},
	fault.QuotaExceeded:       {"genbu partition set NAME --max-objects 100000", "by an admin of the domain"},
	fault.IndexNotReady:       {"genbu status", "the node is still reading its objects"},
	fault.SignatureInvalid:    {"genbu verify --help", "the file, the signature or the key is another one"},
	fault.SignatureLength:     {"genbu verify --help", "is it in another format? then give --raw"},
	fault.AEADFailed:          {"genbu decrypt --help", "the file was altered, or the key or --aad is another one"},
	fault.EncryptedDataLength: {"genbu decrypt --help", ""},
	fault.WrappedKeyInvalid:   {"genbu key unwrap --help", "the file was altered, or another key wrapped it"},
}

// complain tells what went wrong and what to type next (style: age's errorWithHint).
func complain(w io.Writer, cmd *cobra.Command, err error) {
	fmt.Fprintf(w, "genbu: error: %v%s\n", err, more(err))
	h := hintFor(cmd, err)
	fmt.Fprintf(w, "genbu: hint: %s", withDir(h.command))
	if h.note != "" {
		fmt.Fprintf(w, "   (%s)", h.note)
	}
	fmt.Fprintln(w)
}

// more is what a refusal by the core carries beside its reason: tries left, and the request by which the log names it.
func more(err error) string {
	var e *client.Error
	if !errors.As(err, &e) {
		return ""
	}
	if e.Left >= 0 {
		return fmt.Sprintf("; %d tries left", e.Left)
	}
	if _, known := hints[e.Code]; !known && e.Request != 0 {
		return fmt.Sprintf(" (request %x)", e.Request)
	}
	return ""
}

func hintFor(cmd *cobra.Command, err error) hint {
	var h hinted
	if errors.As(err, &h) {
		return h.hint
	}
	help := hint{command: cmd.CommandPath() + " --help"}
	if !errors.As(err, new(ran)) {
		return help
	}
	if h, ok := hints[fault.Of(err)]; ok {
		return h
	}
	var path *fs.PathError
	switch {
	case errors.As(err, &path) && errors.Is(err, fs.ErrPermission):
		return hint{"ls -ld " + word(path.Path), "who may read and write it?"}
	case errors.As(err, new(*client.Error)):
		return hint{"genbu doctor", "genbu.log in the node's directory names each refused request"}
	}
	return help
}

// withDir completes a command with the --dir that this one was given, so that it can be typed as it stands.
func withDir(command string) string {
	if global.dir == "" || strings.Contains(command, "--dir") {
		return command
	}
	dir := " --dir " + word(global.dir)
	if strings.HasPrefix(command, "genbu ") {
		return command + dir
	}
	return strings.ReplaceAll(command, "$(genbu env)", "$(genbu env"+dir+")")
}
