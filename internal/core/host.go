// SPDX-License-Identifier: Apache-2.0

package core

import (
	"github.com/genbu-hsm/genbu/internal/core/meter"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// host is the core's end of descriptor 3: what the core asks of the machine outside (docs/design/boundary.md). Whatever
// comes back is the word of a host that may be captured: records are authenticated by core/seal before they are
// believed, and an index's answer is only a hint where to look.
type host struct {
	mux   *wire.Mux
	meter *meter.Meter
}

type encoder interface{ Encode(*wire.Writer) }
type decoder interface{ Decode(*wire.Reader) }

func (h *host) call(op uint16, ask encoder, answer decoder) (err error) {
	began := h.meter.Now()
	defer func() {
		var s meter.Spot
		s.Note(h.meter, meter.Call{Door: wire.DoorToHost, Call: op}, fault.Of(err), began, 0)
	}()
	var w wire.Writer
	ask.Encode(&w)
	body, err := h.mux.Call(op, w.B)
	if err != nil || answer == nil {
		return err
	}
	r := wire.NewReader(body)
	answer.Decode(&r)
	return r.End()
}

// Load answers one record; RecordUnknown when there is none.
func (h *host) Load(path string) (wire.Record, error) {
	var rec wire.Record
	if err := h.call(wire.OpLoad, &wire.LoadRequest{Path: path}, &rec); err != nil {
		return wire.Record{}, err
	}
	if rec.Path != path {
		return wire.Record{}, fault.RecordInvalid.At("load another record than asked for")
	}
	return rec, nil
}

// List answers every record below prefix, in the order of paths.
func (h *host) List(prefix string) (all []wire.Record, err error) { return h.ListAfter(prefix, "") }

// ListAfter is List from the first path that is greater than after.
func (h *host) ListAfter(prefix, after string) (all []wire.Record, err error) {
	err = h.each(prefix, after, func(rec wire.Record) error {
		all = append(all, rec)
		return nil
	})
	return all, err
}

// Each calls f for every record below prefix, in the order of paths, a page in memory at a time.
func (h *host) Each(prefix string, f func(wire.Record) error) error { return h.each(prefix, "", f) }

func (h *host) each(prefix, after string, f func(wire.Record) error) error {
	for {
		page, err := h.Page(prefix, after, 0)
		if err != nil {
			return err
		}
		for _, rec := range page.Records {
			if err := f(rec); err != nil {
				return err
			}
		}
		if !page.More {
			return nil
		}
		if len(page.Records) == 0 || page.Records[len(page.Records)-1].Path <= after {
			return fault.Malformed.At("list records") // a host that does not advance would keep us here for ever
		}
		after = page.Records[len(page.Records)-1].Path
	}
}

// Page answers some records below prefix whose paths are greater than after; 0 leaves their number to the host.
func (h *host) Page(prefix, after string, limit uint32) (page wire.ListReply, err error) {
	err = h.call(wire.OpList, &wire.ListRequest{Prefix: prefix, After: after, Limit: limit}, &page)
	return page, err
}

// Find asks the index.
func (h *host) Find(q wire.Query, after key.ID, limit int) ([]key.ID, bool, error) {
	var reply wire.FindReply
	err := h.call(wire.OpFind, &wire.FindRequest{Query: q, After: after, Limit: uint32(limit)}, &reply)
	return reply.IDs, reply.More, err
}

// FindNames asks the index by name.
func (h *host) FindNames(q wire.FindNamesRequest) ([]wire.NameHit, bool, error) {
	var reply wire.FindNamesReply
	err := h.call(wire.OpFindNames, &q, &reply)
	return reply.Hits, reply.More, err
}

// Commit makes a change durable and answers its revision. A boundary that broke meanwhile leaves the outcome unknown.
func (h *host) Commit(txn *wire.Txn) (int64, error) {
	var reply wire.CommitReply
	err := h.call(wire.OpCommit, txn, &reply)
	if fault.Of(err) == fault.Unavailable {
		return 0, fault.OutcomeUnknown.At("commit")
	}
	return reply.Revision, err
}

// Audit hands over entries of the log.
func (h *host) Audit(a wire.Audit) error { return h.call(wire.OpAudit, &a, nil) }

// Root keeps, gives back or destroys the sealed root of a keeper.
func (h *host) Root(verb wire.RootVerb, keeper string, value []byte) ([]byte, error) {
	var reply wire.RootReply
	err := h.call(wire.OpRoot, &wire.RootRequest{Verb: verb, Keeper: keeper, Value: value}, &reply)
	return reply.Value, err
}

// TPM has this machine's TPM execute a command; none ends the conversation.
func (h *host) TPM(command []byte) ([]byte, error) {
	var reply wire.TPMReply
	err := h.call(wire.OpTPM, &wire.TPMRequest{Command: command}, &reply)
	return reply.Answer, err
}

// Log writes one line to the operator's log, without waiting.
func (h *host) Log(level wire.LogLevel, request uint64, text string) {
	var w wire.Writer
	(&wire.LogLine{Level: level, Request: request, Text: text}).Encode(&w)
	h.mux.Notify(wire.OpLog, w.B)
}

// State tells the host that the state changed.
func (h *host) State(s *wire.Status) {
	var w wire.Writer
	s.Encode(&w)
	h.mux.Notify(wire.OpState, w.B)
}

// Dial asks for a connection to a door; it comes as a descriptor.
func (h *host) Dial(id key.ID, address string) error {
	return h.call(wire.OpDial, &wire.DialRequest{ID: id, Address: address}, nil)
}

// Member changes the store's membership and answers with which members a new one begins.
func (h *host) Member(ask wire.MemberRequest) (string, error) {
	var reply wire.MemberReply
	err := h.call(wire.OpMember, &ask, &reply)
	return reply.Initial, err
}

// Joined tells a newcomer's host that it may start its store, and waits until that is there.
func (h *host) Joined(j wire.JoinedRequest) error { return h.call(wire.OpJoined, &j, nil) }
