// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/durable"
	"github.com/genbu-hsm/genbu/internal/server"
	"github.com/genbu-hsm/genbu/key"
)

// canarySet is what drill.json in the node's directory keeps (mode 0600): where the canary keys are, the PIN of their partition, which
// holds nothing else, and their public keys, against which a drill verifies.
type canarySet struct {
	Token string   `json:"token_label"`
	User  string   `json:"user_pin"`
	Keys  []canary `json:"keys"`
}

type canary struct {
	Label  string `json:"label"`
	Type   string `json:"type"`
	Public string `json:"public_key"`
}

// canaryProof says that a canary has signed in a restored node.
type canaryProof struct {
	Label string `json:"label"`
	Type  string `json:"type"`
}

const (
	canaryFile  = "drill.json"
	canaryToken = "drill-canary"
)

// canaryTypes are made in this order; label and type are the same word.
var canaryTypes = []string{"ec-p256", "ed25519"}

// canaries reads what is known of the canary keys, or makes them, which takes the domain's admin.
func canaries(make bool) (c *canarySet, made bool, err error) {
	path := filepath.Join(accessDir(), canaryFile)
	text, err := os.ReadFile(path)
	if err == nil {
		c = &canarySet{}
		if err = json.Unmarshal(text, c); err != nil {
			err = next(fmt.Errorf("%s: %w", path, err), "less "+word(path))
		}
		return c, false, err
	}
	if !errors.Is(err, os.ErrNotExist) || !make {
		return nil, false, err
	}
	c = &canarySet{Token: canaryToken, User: string(newPIN())}
	above := &admin{}
	err = above.as("making canary keys", func(s *session) error {
		list, err := s.conn.Slots()
		if err != nil {
			return err
		}
		for _, t := range list {
			if strings.TrimRight(t.Label, " ") == canaryToken {
				return hinted{fmt.Errorf("there is a partition %q, but %s, which knows its PIN, is gone", canaryToken, path),
					hint{"genbu partition destroy " + canaryToken + " --confirm " + canaryToken, "then genbu drill --prepare"}}
			}
		}
		_, slot, err := s.conn.PartitionCreate(canaryToken, newPIN(), []byte(c.User), 0)
		if err != nil {
			return err
		}
		user, err := begin(s.conn, slot, client.User, "", []byte(c.User))
		if err != nil {
			return err
		}
		defer user.end()
		for _, kind := range canaryTypes {
			k, err := makeCanary(user, kind)
			if err != nil {
				return fmt.Errorf("canary %s: %w", kind, err)
			}
			c.Keys = append(c.Keys, k)
		}
		return nil
	})
	if err != nil {
		return nil, false, err
	}
	if text, err = json.MarshalIndent(c, "", "  "); err == nil {
		err = durable.WriteFile(path, append(text, '\n'), 0o600)
	}
	return c, true, err
}

func makeCanary(s *session, kind string) (canary, error) {
	sp, err := findSpec(kind)
	if err != nil {
		return canary{}, err
	}
	common, secret, err := new(newKey).templates(kind)
	if err != nil {
		return canary{}, err
	}
	made, err := sp.generate(s.Session, common, secret)
	if err != nil {
		return canary{}, err
	}
	list, err := s.describeAll(made)
	for _, i := range list {
		if i.Public != "" {
			return canary{kind, kind, i.Public}, nil
		}
	}
	return canary{}, errors.Join(errors.New("it has no public key"), err)
}

// prove signs a challenge with each canary in the node of dir and verifies with what is known here.
func (c *canarySet) prove(dir string) ([]canaryProof, error) {
	config, err := server.Load(dir)
	if err != nil {
		return nil, err
	}
	conn, err := client.Dial(config.Socket)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	t, err := (&login{token: c.Token}).slot(conn)
	if err != nil {
		return nil, fmt.Errorf("the backup was made before the canaries were: %w", err)
	}
	s, err := begin(conn, t.Slot, client.User, "", []byte(c.User))
	if err != nil {
		return nil, err
	}
	defer s.end()
	proofs := []canaryProof{}
	for _, k := range c.Keys {
		if err := k.prove(s); err != nil {
			return nil, fmt.Errorf("canary %s: %w", k.Label, err)
		}
		proofs = append(proofs, canaryProof{k.Label, k.Type})
	}
	return proofs, nil
}

func (k *canary) prove(s *session) error {
	o, err := s.one(k.Label, client.CanSign)
	if err != nil {
		return err
	}
	block, _ := pem.Decode([]byte(k.Public))
	if block == nil {
		return errors.New("drill.json has no public key of it")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return err
	}
	challenge := make([]byte, 64)
	rand.Read(challenge)
	challenge = append(challenge, time.Now().UTC().Format(time.RFC3339Nano)...)
	good := false
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		var raw []byte
		if raw, err = s.Sign(client.Mech(key.MechECDSASHA256), o.Handle, challenge); err == nil {
			digest := sha256.Sum256(challenge)
			der, e := derSignature(raw)
			good = e == nil && ecdsa.VerifyASN1(p, digest[:], der)
		}
	case ed25519.PublicKey:
		var raw []byte
		if raw, err = s.Sign(client.Mech(key.MechEDDSA), o.Handle, challenge); err == nil {
			good = ed25519.Verify(p, challenge, raw)
		}
	default:
		err = errors.New("drill.json has a key of a type that no drill makes")
	}
	if err == nil && !good {
		err = errors.New("its signature is not that of the key in drill.json")
	}
	return err
}
