// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// Checkpoint is the head of one segment of an audit log: a C2SP tlog-checkpoint, carried as a C2SP signed note. The note
// has one signature line, by the node's audit key, under the origin as key name.
type Checkpoint struct {
	Node    key.ID
	Segment key.ID
	Size    uint64
	Root    Hash
}

const (
	originPrefix = "genbu/"
	notePrefix   = "— " // U+2014 and a space, signed-note section "Format"
	noteEd25519  = 1    // signature type of an Ed25519 key
)

// Origin names the tree, and its key.
func (c *Checkpoint) Origin() string {
	return originPrefix + c.Node.String() + "/" + c.Segment.String()
}

// Text is what is signed.
func (c *Checkpoint) Text() []byte {
	return []byte(c.Origin() + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n")
}

// Note joins the text with the signature over it.
func (c *Checkpoint) Note(public ed25519.PublicKey, sig []byte) []byte {
	b := append(c.Text(), "\n"+notePrefix+c.Origin()+" "...)
	hash := noteKeyHash(c.Origin(), public)
	b = base64.StdEncoding.AppendEncode(b, append(hash[:4:4], sig...))
	return append(b, '\n')
}

// noteKeyHash is SHA-256(name | "\n" | type | key), of which a note carries four bytes.
func noteKeyHash(name string, public ed25519.PublicKey) [32]byte {
	return sha256.Sum256(append([]byte(name+"\n"), append([]byte{noteEd25519}, public...)...))
}

// ParseCheckpoint reads a note without checking its signature, which it also returns. Only the one form that Note writes
// is accepted, so that a checkpoint has one hash.
func ParseCheckpoint(note []byte) (c Checkpoint, sig []byte, err error) {
	bad := func() (Checkpoint, []byte, error) {
		return Checkpoint{}, nil, fault.AuditInvalid.At("read checkpoint")
	}
	lines := strings.Split(string(note), "\n")
	if len(note) > 1024 || len(lines) != 6 || lines[3] != "" || lines[5] != "" {
		return bad()
	}
	node, segment, _ := strings.Cut(strings.TrimPrefix(lines[0], originPrefix), "/")
	var ok1, ok2 bool
	c.Node, ok1 = key.ParseID(node)
	c.Segment, ok2 = key.ParseID(segment)
	size, err1 := strconv.ParseUint(lines[1], 10, 64)
	root, err2 := base64.StdEncoding.DecodeString(lines[2])
	line, err3 := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[4], notePrefix+lines[0]+" "))
	if !ok1 || !ok2 || err1 != nil || err2 != nil || err3 != nil || len(root) != len(c.Root) || len(line) != 4+ed25519.SignatureSize {
		return bad()
	}
	c.Size = size
	copy(c.Root[:], root)
	sig = line[4:]
	if !bytes.HasPrefix(note, c.Text()) || lines[4] != notePrefix+c.Origin()+" "+base64.StdEncoding.EncodeToString(line) {
		return bad()
	}
	return c, sig, nil
}

// OpenCheckpoint is ParseCheckpoint, and checks the signature: AuditInvalid when it is not by this key.
func OpenCheckpoint(note []byte, public ed25519.PublicKey) (Checkpoint, error) {
	c, sig, err := ParseCheckpoint(note)
	if err != nil {
		return Checkpoint{}, err
	}
	if len(public) != ed25519.PublicKeySize || !bytes.Equal(note, c.Note(public, sig)) || !ed25519.Verify(public, c.Text(), sig) {
		return Checkpoint{}, fault.AuditInvalid.At("check checkpoint signature")
	}
	return c, nil
}
