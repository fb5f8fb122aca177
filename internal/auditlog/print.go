// SPDX-License-Identifier: Apache-2.0

package auditlog

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/wire"
	"github.com/genbu-hsm/genbu/key"
)

// printed is an entry as JSON. Ids are hex; what does not apply is left out. Large numbers are text, since many readers
// of JSON round them.
type printed struct {
	Segment   string `json:"segment"`
	Index     uint64 `json:"index"`
	Time      string `json:"time"`
	Kind      string `json:"kind"`
	Node      string `json:"node"`
	Partition string `json:"partition,omitempty"`
	Operator  string `json:"operator,omitempty"`
	Role      string `json:"role,omitempty"`
	Door      uint8  `json:"door,omitempty"`
	Agent     string `json:"agent,omitempty"` // the first half of its id
	UID       uint32 `json:"uid"`
	PID       uint32 `json:"pid,omitempty"`
	Call      string `json:"call,omitempty"`
	Object    string `json:"object,omitempty"`
	Mechanism string `json:"mechanism,omitempty"`
	Result    string `json:"result"`
	Code      uint16 `json:"code"`
	Request   string `json:"request,omitempty"`
	Count     uint64 `json:"count,omitempty"`
	Text      string `json:"text,omitempty"`
	Last      string `json:"last,omitempty"`
}

var roles = [...]string{"", "admin", "crypto-user", "auditor"}

func present(l Listed) printed {
	e := &l.Entry
	p := printed{Segment: l.Segment.String(), Index: l.Index, Time: time.Unix(0, e.Time).UTC().Format(time.RFC3339Nano), Kind: e.Kind.String(),
		Node: e.Node.String(), Partition: idText(e.Partition), Operator: idText(e.Operator), Door: e.Door, UID: e.UID, PID: e.PID,
		Object: idText(e.Object), Result: e.Result.String(), Code: uint16(e.Result), Count: e.Count, Text: e.Text}
	if e.Door == wire.DoorNumberAgent {
		p.Agent, p.UID, p.PID = fmt.Sprintf("%08x%08x", e.UID, e.PID), 0, 0
	}
	if int(e.Role) < len(roles) {
		p.Role = roles[e.Role]
	}
	if e.Call != 0 {
		p.Call = fmt.Sprintf("0x%02x", e.Call)
		if spec, ok := wire.Call(e.Call).Spec(); ok {
			p.Call = strings.ToLower(spec.Name)
		}
	}
	if e.Mechanism != 0 {
		p.Mechanism = fmt.Sprintf("0x%x", uint64(e.Mechanism))
	}
	if e.Request != 0 {
		p.Request = strconv.FormatUint(e.Request, 16)
	}
	if e.Open != nil && e.Open.Last != nil {
		p.Last = fmt.Sprintf("%s %d %x", e.Open.Last.Origin, e.Open.Last.Size, e.Open.Last.Root)
	}
	return p
}

func idText(id key.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

// PrintJSON writes an entry as one line of JSON.
func PrintJSON(w io.Writer, l Listed) error {
	b, err := json.Marshal(present(l))
	if err == nil {
		_, err = w.Write(append(b, '\n'))
	}
	return err
}

// PrintText writes an entry as one line for people. Text that an operator wrote is quoted, so that no line can pass as
// another, nor drive a terminal.
func PrintText(w io.Writer, l Listed) error {
	p := present(l)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s/%d %s", p.Time, p.Segment[:8], p.Index, p.Kind)
	for _, f := range [...]struct{ name, value string }{{"call", p.Call}, {"partition", p.Partition}, {"operator", p.Operator}, {"role", p.Role},
		{"agent", p.Agent}, {"object", p.Object}, {"mechanism", p.Mechanism}, {"request", p.Request}} {
		if f.value != "" {
			fmt.Fprintf(&b, " %s=%s", f.name, f.value)
		}
	}
	if p.PID != 0 {
		fmt.Fprintf(&b, " uid=%d pid=%d", p.UID, p.PID)
	}
	if p.Count > 1 {
		fmt.Fprintf(&b, " count=%d", p.Count)
	}
	if p.Code != 0 {
		fmt.Fprintf(&b, " result=%q", p.Result)
	}
	if p.Text != "" {
		fmt.Fprintf(&b, " text=%q", p.Text)
	}
	if p.Last != "" {
		fmt.Fprintf(&b, " last=%q", p.Last)
	}
	_, err := fmt.Fprintln(w, b.String())
	return err
}
