// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/server"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// wanted is what genbu up was asked for.
type wanted struct {
	token      tokenPINs
	fast, fips bool
	nodes      int    // 0: as many as there are, or one
	keep       keeper // of a new node
	tpm        string // of a new node
}

func upCommand() *cobra.Command {
	want := wanted{keep: keeper{name: "file"}}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a node on this machine, in the background, or find it running",
		Long: `Start a node in the background and return once it serves. A new directory gets a root key
(kept in a file of its own, or with --keeper tpm by this machine's TPM, so that the node starts
unattended), an admin, and one token with a security officer and a user. PINs that are not given
are drawn; genbu env prints them.

With --token on a node that is there, a token of that label is made unless there is one, and
genbu env points at it from then on.

With --nodes several nodes on this machine are one HSM, each with a directory of its own below
this one: to try what happens when some of them fail. Nodes on several machines: genbu join.

  genbu up --dir /tmp/demo --token demo --so-pin 12345678 --pin 1234`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := up(cmd.Context(), &want)
			if err != nil {
				return err
			}
			return show(cmd, r, r.text)
		},
	}
	f := cmd.Flags()
	f.StringVar(&want.token.Label, "token", "", "label of the token (default for a new node: \"genbu\")")
	f.StringVar(&want.token.SO, "so-pin", "", "PIN of its security officer (default: drawn)")
	f.StringVar(&want.token.User, "pin", "", "PIN of its user (default: drawn)")
	f.BoolVar(&want.fast, "fast", false, "for a new node: keep hot keys parsed in the core's memory")
	f.BoolVar(&want.fips, "fips", false, "for a new node: refuse what is not approved")
	f.IntVar(&want.nodes, "nodes", 0, "how many nodes, on this machine (default: 1, or those that are there)")
	f.StringVar(&want.keep.name, "keeper", "file", "for a new node: file, or tpm")
	want.keep.addPCRs(cmd)
	f.StringVar(&want.tpm, "tpm", "", "for a new node: its TPM, a device or the socket of swtpm (default: /dev/tpmrm0)")
	cmd.RegisterFlagCompletionFunc("token", completeTokens)
	cmd.RegisterFlagCompletionFunc("keeper", fixed([]string{"file", "tpm"}))
	return cmd
}

// upped is what genbu up answers.
type upped struct {
	Dir     string       `json:"dir"`
	Started bool         `json:"started"`
	State   string       `json:"state"`
	Mode    string       `json:"mode"`
	Nodes   []string     `json:"nodes,omitempty"`
	Proven  bool         `json:"first_signature_verified,omitempty"`
	Exposed []string     `json:"not_protected_yet"`
	Env     *environment `json:"env"`

	peers bool // its keeper is the other nodes
}

func (r *upped) text(w io.Writer) {
	verb := "runs"
	if r.Started {
		verb = "started"
	}
	if what := "node in"; len(r.Nodes) == 0 {
		fmt.Fprintf(w, "%s %s %s: %s, %s mode", what, r.Dir, verb, r.State, r.Mode)
	} else {
		fmt.Fprintf(w, "%d nodes in %s %s as one, with an agent: %s, %s mode", len(r.Nodes), r.Dir, strings.TrimSuffix(verb, "s"), r.State, r.Mode)
	}
	if r.State != wire.StateOperational.String() && r.peers {
		fmt.Fprintln(w, "\nnext, on another node of the domain: genbu cluster unlock NAME   (this node asks the others by itself; genbu unlock says what they answer)")
		return
	}
	if r.State != wire.StateOperational.String() {
		fmt.Fprintf(w, "\nnext: %s\n", withDir("genbu unlock"))
		return
	}
	if r.Env.Token != "" {
		fmt.Fprintf(w, ", token %q", r.Env.Token)
	}
	fmt.Fprintln(w)
	if r.Proven {
		fmt.Fprintln(w, "its first signature (ECDSA P-256, key made in the core) was verified outside it")
	}
	for _, e := range r.Exposed {
		fmt.Fprintf(w, "not protected yet: %s\n", e)
	}
	fmt.Fprintf(w, "next: %s   then   genbu key create demo && genbu connect\n", withDir(`eval "$(genbu env)"`))
}

// up starts the node unless it runs, makes its root key if it is new, and the token that is wanted.
func up(ctx context.Context, want *wanted) (*upped, error) {
	if err := want.check(); err != nil {
		return nil, err
	}
	dir := placeDir()
	l, err := readLayout(dir)
	if err != nil {
		return nil, err
	}
	if l != nil || want.nodes > 1 {
		return want.upNodes(ctx, dir, l)
	}
	if err := os.MkdirAll(dir, 0o711); err != nil { // other users' programs pass through to the socket
		return nil, err
	}
	// Two at once would both find a new node, and one of them would keep the PIN that the other set.
	release, err := oneAtATime(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	c, err := want.configure(dir, "")
	if err != nil {
		return nil, err
	}
	conn, started, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	status, err := conn.Status()
	if err != nil {
		return nil, err
	}
	if status.State == wire.StateUninitialized {
		if status, err = want.initialize(conn, started); err != nil {
			return nil, err
		}
	}
	if err := want.kept(&status); err != nil {
		return nil, err
	}
	if status.State == wire.StateLocked && byPeers(&status) {
		if status, err = waitForPeers(conn, status); err != nil {
			return nil, err
		}
	}
	r := &upped{peers: byPeers(&status), Dir: dir, Started: started, State: status.State.String(), Mode: modeName(&status), Exposed: exposed(dir, &status)}
	switch status.State {
	case wire.StateOperational:
		keepAuditKey(status.AuditKey)
		if r.Proven, err = want.makeToken(conn); err != nil {
			return nil, err
		}
	case wire.StateLocked:
		if want.token.Label != "" {
			note("token %q cannot be looked for while the module is locked", want.token.Label)
		}
	default:
		return nil, notOperational(status.State)
	}
	r.Env, err = readEnv("")
	return r, err
}

// byPeers tells whether it is the other nodes who unlock this one.
func byPeers(s *wire.Status) bool { return s.Keeper == "peers" || s.Keeper == "peers-tpm" }

// kept refuses a node that is there already with another keeper than was asked for.
func (want *wanted) kept(s *wire.Status) error {
	if want.keep.name == "tpm" && s.Keeper != "tpm" {
		return next(fmt.Errorf("the node is there already, and its keeper is %s", s.Keeper), "genbu rekeep --keeper tpm")
	}
	return nil
}

// peersTime is a moment for the other nodes to unlock this one, which they do at once where the policy says so.
const peersTime = 4 * time.Second

// waitForPeers gives them that moment. It does not ask them itself: somebody may want the node locked.
func waitForPeers(conn *client.Conn, status wire.Status) (_ wire.Status, err error) {
	defer progress("waiting for the other nodes to unlock this one")()
	for end := time.Now().Add(peersTime); status.State == wire.StateLocked && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
		if status, err = conn.Status(); err != nil {
			return status, err
		}
	}
	return status, nil
}

// check refuses PINs that the core would refuse, before anything is made.
func (want *wanted) check() error {
	for flag, pin := range map[string]string{"--so-pin": want.token.SO, "--pin": want.token.User} {
		if n := len(pin); n > 0 && (n < 4 || n > 255) {
			return next(fmt.Errorf("%s has %d bytes; PINs have 4 to 255", flag, n), "genbu up --help")
		}
	}
	if want.keep.name != "file" && want.keep.name != "tpm" {
		return next(fmt.Errorf("--keeper %s: a node that up makes has file or tpm; others with genbu rekeep", want.keep.name), "genbu up --keeper tpm")
	}
	if _, err := want.keep.said(); err != nil {
		return err
	}
	if want.tpm != "" {
		path, err := filepath.Abs(want.tpm)
		if err != nil {
			return err
		}
		want.tpm = path
	}
	if want.nodes < 0 || want.nodes > maxNodes {
		return next(fmt.Errorf("--nodes %d: 1 to %d", want.nodes, maxNodes), "genbu up --nodes 3")
	}
	return nil
}

// configure writes genbu.yaml for a new node when the flags ask for something other than the defaults.
// cluster is what it gets under that key.
func (want *wanted) configure(dir, cluster string) (*server.Config, error) {
	path := filepath.Join(dir, server.ConfigFile)
	if _, err := os.Stat(path); err != nil && !server.Exists(dir) {
		text := cluster
		if want.fast {
			text += "mode: fast\n"
		}
		if want.fips {
			text += "fips: true\n"
		}
		if want.tpm != "" {
			text += "tpm: " + strconv.Quote(want.tpm) + "\n"
		}
		if text != "" {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				return nil, err
			}
		}
	}
	c, err := configOf(dir)
	if err != nil {
		return nil, err
	}
	for flag, missing := range map[string]bool{"mode: fast": want.fast && c.Mode != "fast", "fips: true": want.fips && !c.FIPS} {
		if missing {
			return nil, hinted{fmt.Errorf("the node is there already, and not with %s", flag),
				hint{"genbu down", "then put " + flag + " into " + word(path) + ", and genbu up"}}
		}
	}
	return c, nil
}

// oneAtATime waits until no other genbu up works on the directory.
func oneAtATime(dir string) (release func(), err error) {
	if err := os.MkdirAll(filepath.Join(dir, "run"), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "run", "up.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer progress("waiting for another genbu up")()
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); err != unix.EINTR {
			break
		}
	}
	return func() { f.Close() }, err
}

// exposed says in plain words what this node does not protect against yet.
func exposed(dir string, s *wire.Status) []string {
	list := []string{}
	if s.Keeper == "file" {
		list = append(list, fmt.Sprintf("who can read %s has every key (genbu rekeep --keeper custodians:2of3 ends that)", dir))
	}
	if s.Keeper == "peers" {
		list = append(list, fmt.Sprintf("who can read %s can ask the other nodes for the root key as this node", dir))
	}
	if s.Keeper == "tpm" || s.Keeper == "peers-tpm" {
		list = append(list, "who has captured this machine can use its TPM as the node does; its disk alone opens nothing")
	}
	if len(s.Missing) > 0 {
		list = append(list, "this machine lacks "+strings.Join(s.Missing, ", ")+" (accepted in genbu.yaml)")
	}
	return list
}

func modeName(s *wire.Status) string {
	name := "strict"
	if s.Fast {
		name = "fast"
	}
	if s.FIPS {
		name += ", fips"
	}
	return name
}
