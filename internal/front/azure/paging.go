// SPDX-License-Identifier: Apache-2.0

package azure

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/genbu-hsm/genbu/internal/client"
	"github.com/genbu-hsm/genbu/key"
)

// page is one page of a list. nextLink is absolute: clients fetch it as it is.
type page struct {
	Value []any   `json:"value"`
	Next  *string `json:"nextLink"`
}

// list answers one page of names or versions, each as item makes it.
func (c *call) list(l client.List, types []key.Attr, item func(n client.Named) any) error {
	most, err := c.query.page()
	if err != nil {
		return err
	}
	if token := c.query.values.Get("$skiptoken"); token != "" {
		if l.After, err = decode64(token); err != nil {
			return badParameter("The query parameter $skiptoken is not valid.")
		}
	}
	p := page{Value: []any{}}
	for {
		l.Most = most - len(p.Value)
		list, after, err := c.session.Names(l, types...)
		if err != nil {
			return err
		}
		for _, n := range list {
			p.Value = append(p.Value, item(n))
		}
		l.After = after
		if len(after) == 0 || len(p.Value) >= most {
			break
		}
	}
	if len(l.After) > 0 {
		next := c.next(most, l.After)
		p.Next = &next
	}
	return c.answer(http.StatusOK, p)
}

func (c *call) next(most int, after []byte, more ...string) string {
	q := url.Values{"api-version": {c.query.apiVersion()}, "$skiptoken": {encode64(after)}}
	if c.query.values.Has("maxresults") {
		q.Set("maxresults", strconv.Itoa(most))
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return c.host.base() + c.r.URL.EscapedPath() + "?" + q.Encode()
}

// keyItem is a key in a list.
type keyItem struct {
	ID         string            `json:"kid"`
	Attributes attributes        `json:"attributes"`
	Tags       map[string]string `json:"tags,omitempty"`
	Managed    bool              `json:"managed,omitempty"`
	deletion
}

// itemTypes are the attributes behind an item.
var itemTypes = append([]key.Attr{key.AttrReleaseFlags}, commonTypes...)

func (c *call) keyItem(version, deleted bool) func(n client.Named) any {
	return func(n client.Named) any {
		d := readNote(n.Value(key.AttrDoor))
		item := keyItem{Attributes: c.attributes(n), Tags: d.Tags, Managed: d.Managed}
		exportable := n.Value(key.AttrReleaseFlags).ULong()&client.ReleaseExportable != 0
		item.Attributes.Exportable = &exportable
		item.ID = c.id("keys", n.Name, "")
		if version {
			item.ID = c.id("keys", n.Name, n.Version)
		}
		if deleted {
			item.deletion = c.deletion(n)
		}
		return item
	}
}

// keyList, keyVersions and keyListDeleted are GetKeys, GetKeyVersions and GetDeletedKeys.
func keyList(c *call) error {
	return c.list(client.List{Group: key.GroupKeys}, itemTypes, c.keyItem(false, false))
}

func keyVersions(c *call) error {
	return c.list(client.List{Group: key.GroupKeys, Name: c.name}, itemTypes, c.keyItem(true, false))
}

func keyListDeleted(c *call) error {
	return c.list(client.List{Group: key.GroupKeys, Deleted: true}, itemTypes, c.keyItem(false, true))
}
