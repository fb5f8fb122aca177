// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/genbu-hsm/genbu/internal/backup"
	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/front/control"
	"github.com/genbu-hsm/genbu/internal/server"
)

// drilling is what genbu drill was asked for.
type drilling struct {
	bring
	from, name string
	prepare    bool
	maxAge     time.Duration
}

// drilled is its report.
type drilled struct {
	OK       bool          `json:"ok"`
	Reason   string        `json:"reason,omitempty"` // why it is not
	Began    time.Time     `json:"began"`
	Backup   *backup.Info  `json:"backup,omitempty"`
	RPO      float64       `json:"rpo_seconds"` // age of the backup when the drill began: what would be lost
	RTO      float64       `json:"rto_seconds"` // from the beginning to a signature that was verified
	Canaries []canaryProof `json:"canaries"`
}

func drillCommand() *cobra.Command {
	var d drilling
	cmd := &cobra.Command{
		Use:   "drill",
		Short: "Restore the newest backup into a throw-away node, and see that its keys work",
		Long: `Restore a backup (default: the newest) into a node that is made for this and thrown away: its own
directory, its own core. Canary keys sign there, their signatures are verified outside, and the
report says how much would be lost (RPO) and how long it took (RTO). Exit code 1 says that the
backup cannot be relied on. The canaries lie in a partition of their own, which the first drill, or
--prepare, makes. The root key comes from the keeper's file, this machine's TPM, or from holders (--domain, --key).

  genbu drill --max-age 26h --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if d.prepare {
				return d.prepared(cmd)
			}
			r, err := d.run(cmd.Context())
			if err != nil {
				return err
			}
			if err := show(cmd, r, r.text); err != nil || r.OK {
				return err
			}
			return hinted{errors.New("the drill failed: " + r.Reason), hint{"genbu backup list", "and genbu backup verify, of each"}}
		},
	}
	d.bring.add(cmd)
	f := cmd.Flags()
	f.StringVar(&d.from, "from", "", "where the backup is (default: backup.place in genbu.yaml)")
	f.StringVar(&d.name, "backup", "", "the backup's name (default: the newest)")
	f.BoolVar(&d.prepare, "prepare", false, "only make the canary keys; a backup made from then on can be drilled")
	f.DurationVar(&d.maxAge, "max-age", 0, "fail when the backup is older than this")
	return cmd
}

func (d *drilling) prepared(cmd *cobra.Command) error {
	c, made, err := canaries(true)
	if err != nil {
		return err
	}
	labels := []string{}
	for _, k := range c.Keys {
		labels = append(labels, k.Label)
	}
	return show(cmd, map[string]any{"made": made, "token_label": c.Token, "canaries": labels}, func(w io.Writer) {
		fmt.Fprintf(w, "canary keys in partition %q: %d\nnext: %s\n", c.Token, len(c.Keys), withDir("genbu backup create"))
	})
}

// run restores, signs, and throws away.
func (d *drilling) run(ctx context.Context) (*drilled, error) {
	place, err := absolute(d.from)
	if err != nil {
		return nil, err
	}
	config, err := nodeConfig()
	if err != nil {
		return nil, err
	}
	if place == "" {
		place = config.Backup.Place
	}
	known, made, err := canaries(true)
	if err != nil {
		return nil, err
	}
	if made { // no backup has them yet
		var info backup.Info
		if err := host(ctx, "/backup/create", control.Request{Place: place}, &info); err != nil {
			return nil, err
		}
	}
	r := &drilled{Began: time.Now().UTC(), Canaries: []canaryProof{}}
	dir, err := os.MkdirTemp("", "genbu-drill-")
	if err != nil {
		return nil, err
	}
	defer throwAway(dir)
	failed := func(err error) (*drilled, error) {
		r.Reason = err.Error()
		return r, nil
	}
	if err := d.furnish(config, dir); err != nil {
		return failed(err)
	}
	var done restored
	if err := d.restore(ctx, dir, place, &done); err != nil {
		return failed(err)
	}
	r.Backup = &done.Backup
	r.RPO = r.Began.Sub(done.Backup.Time).Seconds()
	if r.Canaries, err = known.prove(dir); err != nil {
		return failed(err)
	}
	r.RTO = time.Since(r.Began).Seconds()
	if d.maxAge > 0 && r.RPO > d.maxAge.Seconds() {
		return failed(fmt.Errorf("the newest backup is %s old; --max-age is %s", (time.Duration(r.RPO) * time.Second), d.maxAge))
	}
	r.OK = true
	return r, nil
}

// furnish makes the directory of the throw-away node: no doors but its own socket, and the root key as far as its keeper is a file or this machine's TPM.
func (d *drilling) furnish(c *server.Config, dir string) error {
	if len(filepath.Join(dir, server.ControlFile)) > 107 {
		return fmt.Errorf("%s is too long a path for a node; set TMPDIR to a shorter one", dir)
	}
	missing, err := json.Marshal(c.AcceptMissing)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("listen: \"\"\nsocket_mode: \"0600\"\naccept_missing: %s\n", missing)
	if !d.holders() {
		root, name, from, err := unattendedRoot(c)
		if err != nil {
			return err
		}
		text += "keeper: " + strconv.Quote(from.Keeper) + "\ntpm: " + strconv.Quote(from.TPM) + "\n"
		if err := durable.Mkdir(filepath.Join(dir, "root")); err != nil {
			return err
		}
		if err := durable.WriteFile(filepath.Join(dir, "root", name), root, 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, server.ConfigFile), []byte(text), 0o600)
}

// restore runs genbu restore as anybody would, in a process of its own.
func (d *drilling) restore(ctx context.Context, dir, place string, done *restored) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	args := []string{"restore", "--json", "--dir", dir, "--from", place}
	if d.name != "" {
		args = append(args, "--backup", d.name)
	}
	for flag, values := range map[string][]string{"--domain": {d.file}, "--key": d.keys, "--blob": {d.blob}} {
		for _, v := range values {
			if v != "" {
				args = append(args, flag, v)
			}
		}
	}
	defer progress("restoring into a throw-away node")()
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Env = withoutPINs(os.Environ())
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return errors.New(reason(exit.Stderr))
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(out, done)
}

// throwAway ends the node, whose core forgets everything with its process, and removes its directory.
func throwAway(dir string) {
	if _, err := down(dir); err != nil {
		note("the throw-away node in %s: %v", dir, err)
		return
	}
	for _, name := range unattended {
		durable.Remove(filepath.Join(dir, "root", name))
	}
	if err := os.RemoveAll(dir); err != nil {
		note("the throw-away node's directory: %v", err)
	}
}

func (r *drilled) text(w io.Writer) {
	if r.Backup != nil {
		fmt.Fprintf(w, "%s, of %s\n", r.Backup.Name, r.Backup.Time.Format(time.RFC3339))
		fmt.Fprintf(w, "RPO  %s: what was made in that time would be lost\n", time.Duration(r.RPO*float64(time.Second)).Round(time.Second))
	}
	for _, c := range r.Canaries {
		fmt.Fprintf(w, "%s (%s) signed in the throw-away node; verified outside\n", c.Label, c.Type)
	}
	if r.OK {
		fmt.Fprintf(w, "RTO  %s: from a directory that was empty to a verified signature\n", time.Duration(r.RTO*float64(time.Second)).Round(10*time.Millisecond))
	}
}

// reason is what a genbu process said went wrong.
func reason(stderr []byte) string {
	for line := range strings.Lines(string(stderr)) {
		if said, ok := strings.CutPrefix(line, "genbu: error: "); ok {
			return strings.TrimSpace(said)
		}
	}
	return strings.TrimSpace(string(stderr))
}

// unattended are the keepers that open a root key without asking anybody.
var unattended = []string{"file", "tpm"}

// unattendedRoot finds a root key with such a keeper: this node's, or that of one made together with it.
func unattendedRoot(c *server.Config) (sealed []byte, name string, of *server.Config, err error) {
	configs := []*server.Config{c}
	if l := layoutOf(placeDir()); l != nil {
		for _, name := range l.Nodes {
			if other, err := configOf(l.node(name)); err == nil {
				configs = append(configs, other)
			}
		}
	}
	for _, c := range configs {
		for _, name := range unattended {
			if sealed, err := os.ReadFile(filepath.Join(c.Dir, "root", name)); err == nil {
				return sealed, name, c, nil
			}
		}
	}
	return nil, "", nil, next(errors.New("the root key has no keeper that could open it unattended: give --domain and --key of its holders"), "genbu drill --help")
}
