// SPDX-License-Identifier: Apache-2.0

// Package holder is what the holder of a share of a security domain does, on a machine of their own and without a node: read the
// file (Azure Managed HSM's form, docs/design/backup.md), open one's own share, and wrap it to the transfer key of the core that
// shall take the domain.
//
//	file, err := holder.Read(json)
//	wrapped, err := file.Wrap(key, transfer, statement)   by each of a quorum of holders
//
// The share is in clear in this process only, between opening and wrapping; the master key never is. What a transfer certificate
// is worth, only its fingerprint tells, which the node's operator reads out: whoever wraps to another one gives the share away.
package holder

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// File is a security domain file.
type File struct {
	Version    int        `json:"version"`
	EncData    EncData    `json:"EncData"`
	SharedKeys SharedKeys `json:"SharedKeys"`
}

// EncData are the data, each under a key derived from the master key and its tag.
type EncData struct {
	Data []Datum `json:"data"`
	KDF  string  `json:"kdf"`
}

// Datum is one encrypted datum.
type Datum struct {
	JWE string `json:"compact_jwe"`
	Tag string `json:"tag"`
}

// SharedKeys are the shares of the master key.
type SharedKeys struct {
	Algorithm string  `json:"key_algorithm"`
	Required  int     `json:"required"`
	Shares    []Share `json:"enc_shares"`
}

// Share is one holder's share, encrypted to the certificate with this thumbprint.
type Share struct {
	JWE        string `json:"enc_key"`
	Thumbprint string `json:"x5t_256"`
}

// RestoreBlob is what is uploaded: as az makes it of a quorum's keys, the data under a fresh master key, and that wrapped to the
// transfer key; or, with no key at hand, the file's data and the shares that holders have wrapped, each their own.
type RestoreBlob struct {
	EncData       EncData        `json:"EncData"`
	WrappedKey    *Share         `json:"WrappedKey,omitempty"`
	WrappedShares *WrappedShares `json:"WrappedShares,omitempty"`
}

// WrappedShares are the shares of a quorum, encrypted to the transfer key.
type WrappedShares struct {
	Required int     `json:"required"`
	Shares   []Share `json:"shares"`
}

const (
	version   = 2
	kdf       = "sp108_kdf"
	algorithm = "shamir_share"
	maxFile   = 1 << 20
)

var base64url = base64.RawURLEncoding.Strict()

// New puts a file together from the parts that a core answered.
func New(quorum int, shares []Share, data []Datum) *File {
	return &File{version, EncData{data, kdf}, SharedKeys{algorithm, quorum, shares}}
}

// JSON is the file's bytes.
func (f *File) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(f, "", " ")
	return append(b, '\n'), err
}

// Read takes a file apart and checks its form.
func Read(text []byte) (*File, error) {
	f := &File{}
	if err := unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("the security domain file is no JSON of the kind: %w", err)
	}
	s := &f.SharedKeys
	switch {
	case f.Version != version || f.EncData.KDF != kdf || s.Algorithm != algorithm:
		return nil, fmt.Errorf("this is no security domain file of version %d with %s and %s", version, kdf, algorithm)
	case s.Required < 2 || s.Required > 10 || len(s.Shares) < s.Required || len(s.Shares) > 10:
		return nil, fmt.Errorf("the security domain file wants %d of %d holders; 2 to 10 are possible", s.Required, len(s.Shares))
	}
	for i, share := range s.Shares {
		if _, err := thumbprint(share.Thumbprint); err != nil {
			return nil, fmt.Errorf("share %d: %w", i+1, err)
		}
		if _, err := parse(share.JWE, "RSA-OAEP-256"); err != nil {
			return nil, fmt.Errorf("share %d (%.8s): %w", i+1, share.Thumbprint, err)
		}
	}
	return f, f.EncData.check()
}

// ReadBlob reads what was made for an upload.
func ReadBlob(text []byte) (*RestoreBlob, error) {
	b := &RestoreBlob{}
	if err := unmarshal(text, b); err != nil {
		return nil, fmt.Errorf("the restore blob is no JSON of the kind: %w", err)
	}
	if b.EncData.KDF != kdf {
		return nil, fmt.Errorf("the restore blob's kdf is %q, not %s", b.EncData.KDF, kdf)
	}
	wrapped := []Share{}
	switch {
	case (b.WrappedKey == nil) == (b.WrappedShares == nil):
		return nil, errors.New("the restore blob has not one of WrappedKey and WrappedShares")
	case b.WrappedKey != nil:
		wrapped = append(wrapped, *b.WrappedKey)
	default:
		if n := b.WrappedShares.Required; n < 2 || n > 10 || len(b.WrappedShares.Shares) < n || len(b.WrappedShares.Shares) > 10 {
			return nil, fmt.Errorf("the restore blob has %d shares and wants %d; 2 to 10 are possible", len(b.WrappedShares.Shares), n)
		}
		wrapped = b.WrappedShares.Shares
	}
	for _, share := range wrapped {
		if _, err := parse(share.JWE, "RSA-OAEP-256"); err != nil {
			return nil, fmt.Errorf("what is wrapped in the restore blob: %w", err)
		}
		if _, err := thumbprint(share.Thumbprint); err != nil && b.WrappedShares != nil {
			return nil, err
		}
	}
	return b, b.EncData.check()
}

// Blob puts shares that holders have wrapped, all to one transfer key, and the file's data together for an upload.
func (f *File) Blob(wrapped []*Wrapped) (*RestoreBlob, error) {
	b := &RestoreBlob{EncData: f.EncData, WrappedShares: &WrappedShares{Required: f.SharedKeys.Required}}
	for _, w := range wrapped {
		if w.Transfer != wrapped[0].Transfer {
			return nil, fmt.Errorf("the share of holder %.8s was wrapped to another transfer key than that of %.8s", w.Thumbprint, wrapped[0].Thumbprint)
		}
		ours := false
		for _, share := range f.SharedKeys.Shares {
			ours = ours || share.Thumbprint == w.Thumbprint
		}
		for _, other := range b.WrappedShares.Shares {
			if other.Thumbprint == w.Thumbprint {
				return nil, fmt.Errorf("the share of holder %.8s is there twice", w.Thumbprint)
			}
		}
		if !ours {
			return nil, fmt.Errorf("holder %.8s has no share in this file", w.Thumbprint)
		}
		b.WrappedShares.Shares = append(b.WrappedShares.Shares, w.Share)
	}
	if len(wrapped) < f.SharedKeys.Required {
		return nil, fmt.Errorf("the file wants %d holders; here are %d", f.SharedKeys.Required, len(wrapped))
	}
	return b, nil
}

// JSON is the blob's bytes.
func (b *RestoreBlob) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(b, "", " ")
	return append(text, '\n'), err
}

// HSM tells whether the file is of a managed HSM, and not of a whole Genbu.
func (f *File) HSM() bool { return len(f.EncData.Data) == 1 && f.EncData.Data[0].Tag == "genbu-hsm" }

func (e *EncData) check() error {
	if len(e.Data) == 0 {
		return errors.New("there are no data in it")
	}
	for _, d := range e.Data {
		if _, err := parse(d.JWE, "dir"); err != nil {
			return fmt.Errorf("datum %q: %w", d.Tag, err)
		}
	}
	return nil
}

func unmarshal(text []byte, v any) error {
	if len(text) > maxFile {
		return errors.New("it is longer than 1 MiB")
	}
	return json.Unmarshal(text, v)
}

// Print is the SHA-256 of the holder's certificate.
func (s Share) Print() (print [sha256.Size]byte, err error) { return thumbprint(s.Thumbprint) }

func thumbprint(text string) (print [sha256.Size]byte, err error) {
	b, err := base64url.DecodeString(text)
	if err != nil || len(b) != len(print) {
		return print, fmt.Errorf("the thumbprint %.60q is no base64url of 32 bytes", text)
	}
	return [sha256.Size]byte(b), nil
}

// Thumbprint is how files name a certificate.
func Thumbprint(der []byte) string {
	return PrintText(sha256.Sum256(der))
}

// PrintText is how files write a thumbprint.
func PrintText(print [sha256.Size]byte) string { return base64url.EncodeToString(print[:]) }
