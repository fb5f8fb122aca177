// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"time"

	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
)

// EnrollKey draws the key of an agent. It is kept before Enroll is asked: an answer that is lost is got again with the same
// token and the same key.
func EnrollKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// Enroll makes an agent known to its domain by a join token and answers its identity, its name, and where the nodes are. The
// token is zeroed.
func Enroll(ctx context.Context, token []byte, k crypto.Signer) (*Identity, string, []wire.ClusterMember, error) {
	defer clear(token)
	t, err := wire.ParseJoinToken(token)
	if err != nil {
		return nil, "", nil, err
	}
	defer t.Clear()
	if t.Kind != wire.JoinAgent {
		return nil, "", nil, fault.TokenRefused.At("enrol: the token is for a node: genbu join")
	}
	spki, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		return nil, "", nil, fault.ArgumentsBad.At("enrol: the key")
	}
	secret := t.Key()
	defer clear(secret)
	var last error = fault.Unavailable.At("reach a node of the domain")
	for _, door := range t.Doors {
		id, name, members, err := enrollAt(ctx, door, t, secret, spki)
		if err == nil {
			id.Key = k
			return id, name, members, nil
		}
		if last = err; fault.Of(err) == fault.TokenRefused || fault.Of(err) == fault.MemberExists || ctx.Err() != nil {
			break
		}
	}
	return nil, "", nil, last
}

func enrollAt(ctx context.Context, door string, t *wire.JoinToken, secret, spki []byte) (*Identity, string, []wire.ClusterMember, error) {
	conn, ca, err := enterDoor(ctx, door, wire.DoorAdmission, nil, trust{pin: t.CA[:], domain: t.Domain})
	if err != nil {
		return nil, "", nil, err
	}
	defer conn.Close()
	exporter, err := export(conn)
	if err != nil {
		return nil, "", nil, err
	}
	var w wire.Writer
	(&wire.EnrolRequest{Token: t.ID, TLS: spki}).Encode(&w)
	answer, err := askWithin(ctx, conn, wire.AskEnrol, wire.Authenticate(secret, wire.EnrolAsks, exporter, w.B))
	if err != nil {
		return nil, "", nil, err
	}
	message, ok := wire.Authentic(secret, wire.EnrolAnswers, exporter, answer)
	r := wire.NewReader(message)
	var reply wire.EnrolReply
	if reply.Decode(&r); !ok || r.End() != nil {
		return nil, "", nil, fault.Denied.At("enrol: the answer is not from who made the token")
	}
	return &Identity{Domain: t.Domain, Agent: reply.Agent, Certificate: keep(reply.Certificate), CA: ca}, reply.Name, reply.Members, nil
}

// Renew gets an agent its next certificate at one node's door, also when the last has expired, and where the nodes are now.
func Renew(ctx context.Context, door string, id *Identity) (*Identity, []wire.ClusterMember, error) {
	conn, _, err := enterDoor(ctx, door, wire.DoorAdmission, nil, trust{ca: id.CA, domain: id.Domain})
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	exporter, err := export(conn)
	if err != nil {
		return nil, nil, err
	}
	digest := wire.ProofDigest(wire.AskRenew, id.Agent, exporter)
	signature, err := id.Key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, nil, fault.ArgumentsBad.At("renew: sign with the agent's key")
	}
	var w wire.Writer
	(&wire.ProofRequest{ID: id.Agent, Signature: signature}).Encode(&w)
	answer, err := askWithin(ctx, conn, wire.AskRenew, w.B)
	if err != nil {
		return nil, nil, err
	}
	var reply wire.RenewReply
	r := wire.NewReader(answer)
	if reply.Decode(&r); r.End() != nil {
		return nil, nil, fault.Malformed.At("read a node's answer")
	}
	next := *id
	next.Certificate = keep(reply.Certificate)
	return &next, reply.Members, nil
}

// export is what both ends of a TLS connection derive from it, and nobody else can.
func export(conn *tls.Conn) (exporter [32]byte, err error) {
	state := conn.ConnectionState()
	b, err := state.ExportKeyingMaterial("EXPORTER-genbu-1", nil, len(exporter))
	copy(exporter[:], b)
	return exporter, err
}

// askPatience is how long a node may take to answer at its door.
const askPatience = 120 * time.Second

func askWithin(ctx context.Context, conn *tls.Conn, ask uint8, body []byte) ([]byte, error) {
	conn.SetDeadline(time.Now().Add(askPatience))
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	return wire.AskDoor(conn, ask, body)
}
