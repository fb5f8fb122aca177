// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"strings"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/internal/fault"
	"github.com/genbu-hsm/genbu/key"
)

// pendingMark begins a $skiptoken that goes on among the keys that wait for their first certificate. No base64url has a dot.
const pendingMark = "p."

// pendingLooks bounds how many pages of keys one answer looks through; the next link goes on behind them.
const pendingLooks = 16

// listPending answers the certificates and, behind them, those names whose first certificate is not there yet. The latter are
// found by their keys, so who may not list keys sees the former only.
func (c *call) listPending() error {
	most, err := c.query.page()
	if err != nil {
		return err
	}
	p := page{Value: []any{}}
	token := c.query.values.Get("$skiptoken")
	rest, waiting := strings.CutPrefix(token, pendingMark)
	l := client.List{Group: key.GroupCertificates}
	if l.After, err = decode64(rest); err != nil {
		return badParameter("The query parameter $skiptoken is not valid.")
	}
	item := c.certificateItem(false, false)
	for !waiting && len(p.Value) < most {
		l.Most = most - len(p.Value)
		list, after, err := c.session.Names(l, certificateTypes...)
		if err != nil {
			return err
		}
		for _, n := range list {
			p.Value = append(p.Value, item(n))
		}
		l.After, waiting = after, len(after) == 0
	}
	if !waiting {
		return c.answerPage(p, encode64(l.After), most)
	}
	if l.Group == key.GroupCertificates {
		l.Group = key.GroupKeys
	}
	for range pendingLooks {
		if len(p.Value) >= most {
			break
		}
		l.Most = most - len(p.Value)
		list, after, err := c.session.Names(l, commonTypes...)
		if fault.Of(err) == fault.Denied {
			return c.answerPage(p, "", most)
		}
		if err != nil {
			return err
		}
		for _, n := range list {
			d := readNote(n.Value(key.AttrDoor))
			if d.Certificate == nil || d.Certificate.Pending != pendingMerge {
				continue
			}
			if _, err := c.session.Name(key.GroupCertificates, n.Name, "", false); fault.Of(err) != fault.ObjectUnknown {
				continue // a further version is under way
			}
			p.Value = append(p.Value, &certificateBundle{ID: c.id("certificates", n.Name, ""), Attributes: c.attributes(n), Tags: d.Tags, Subject: d.Certificate.Policy.Subject})
		}
		if l.After = after; len(after) == 0 {
			return c.answerPage(p, "", most)
		}
	}
	return c.answerPage(p, pendingMark+encode64(l.After), most)
}

// answerPage answers a page that goes on at a token, or is the last one.
func (c *call) answerPage(p page, token string, most int) error {
	if token != "" {
		next := c.next(most, nil, "includePending", "true", "$skiptoken", token)
		p.Next = &next
	}
	return c.answer(http.StatusOK, p)
}
