// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/genbu-hsm/genbu/internal/opaque"
)

// blobDouble speaks as much of the Blob service's protocol as a Container does.
type blobDouble struct {
	mu     sync.Mutex
	blocks map[string][]byte
	blobs  map[string][]byte
	busy   int // how many requests are refused before one is answered
	status int // with which
	cut    int // how many answers break off
}

const sasOfTests = "sv=2021-12-02&sig=c2VjcmV0LXNpZw%3D%3D"

func (d *blobDouble) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !strings.HasSuffix(r.URL.RawQuery, sasOfTests) || r.Header.Get("x-ms-version") == "" {
		w.Header().Set("x-ms-error-code", "AuthenticationFailed")
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if d.busy > 0 {
		d.busy--
		w.Header().Set("x-ms-error-code", "ServerBusy")
		w.WriteHeader(d.status)
		return
	}
	q, body := r.URL.Query(), must(io.ReadAll(r.Body))
	switch {
	case r.Method == http.MethodPut && q.Get("comp") == "block":
		d.blocks[q.Get("blockid")] = body
	case r.Method == http.MethodPut && q.Get("comp") == "blocklist":
		var all []byte
		for _, part := range strings.Split(string(body), "<Latest>")[1:] {
			id, _, _ := strings.Cut(part, "<")
			all = append(all, d.blocks[id]...)
		}
		d.blobs[r.URL.Path] = all
	default:
		b, ok := d.blobs[r.URL.Path]
		if !ok {
			w.Header().Set("x-ms-error-code", "BlobNotFound")
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if etag := fmt.Sprintf("%q", fmt.Sprint(len(b))); r.Header.Get("If-Match") != "" && r.Header.Get("If-Match") != etag {
			w.WriteHeader(http.StatusPreconditionFailed)
		} else if r.Method == http.MethodHead {
			w.Header().Set("ETag", etag)
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		} else {
			var from, to int
			fmt.Sscanf(r.Header.Get("x-ms-range"), "bytes=%d-%d", &from, &to)
			w.Header().Set("Content-Length", fmt.Sprint(to+1-from))
			w.WriteHeader(http.StatusPartialContent)
			if d.cut > 0 {
				d.cut--
				to = from + (to-from)/2
			}
			w.Write(b[from : to+1])
		}
		return
	}
	w.WriteHeader(http.StatusCreated)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func blobServer(t *testing.T) (*blobDouble, *Container) {
	t.Helper()
	d := &blobDouble{blocks: map[string][]byte{}, blobs: map[string][]byte{}, status: http.StatusServiceUnavailable}
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	c, err := OpenContainer(s.URL+"/account/box/", opaque.New([]byte("?"+sasOfTests)), []string{s.URL})
	if err != nil {
		t.Fatal(err)
	}
	c.pause = time.Millisecond
	return d, c
}

// TestABlobIsKeptAndFetchedInBlocks: also where requests have to be sent again, and transfers break off.
func TestABlobIsKeptAndFetchedInBlocks(t *testing.T) {
	d, c := blobServer(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), (2*blockSize+1000)/16)
	f := must(os.Create(filepath.Join(t.TempDir(), "f")))
	defer f.Close()
	d.busy, d.cut = 2, 2
	var last int64
	if err := c.Put(context.Background(), "folder/x", bytes.NewReader(want), int64(len(want)), func(n int64) { last = n }); err != nil {
		t.Fatal(err)
	}
	if len(d.blocks) != 3 || last != int64(len(want)) {
		t.Errorf("%d blocks, %d bytes", len(d.blocks), last)
	}
	d.busy = 3
	if err := c.Get(context.Background(), "folder/x", f, func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	if got := must(os.ReadFile(f.Name())); !bytes.Equal(got, want) {
		t.Errorf("%d bytes came back", len(got))
	}
	if err := c.Probe(context.Background(), "folder/y"); err != nil || len(d.blobs) != 1 {
		t.Errorf("probe: %v, %d blobs", err, len(d.blobs))
	}
	d.busy = blobTries
	err := c.Probe(context.Background(), "folder/y")
	if err == nil || err.Error() != "the storage answers 503 ServerBusy" {
		t.Errorf("a storage that stays busy: %v", err)
	}
	d.busy, d.status = 1, http.StatusConflict
	if err := c.Probe(context.Background(), "folder/y"); err == nil || d.busy != 0 {
		t.Errorf("what cannot help is tried again: %v", err)
	}
}

// TestNoErrorOfAStorageHasTheSignature: whatever goes wrong on the way.
func TestNoErrorOfAStorageHasTheSignature(t *testing.T) {
	_, c := blobServer(t)
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	for what, err := range map[string]error{
		"nobody there": func() error {
			d := *c
			d.url = must(c.url.Parse(dead.URL + "/account/box"))
			return d.Probe(context.Background(), "x")
		}(),
		"no such blob": c.Get(context.Background(), "none", nil, nil),
		"not a request": func() error {
			d := *c
			d.token = opaque.New([]byte("sig=c2VjcmV0LXNpZw\x7f\n"))
			return d.Probe(context.Background(), "x")
		}(),
	} {
		if err == nil || strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %s", c, c, c); strings.Contains(text, "c2VjcmV0") {
		t.Errorf("a container prints as %s", text)
	}
}

// TestCallersDoNotChooseWhomTheNodeTalksTo: hosts that are not allowed, and redirects.
func TestCallersDoNotChooseWhomTheNodeTalksTo(t *testing.T) {
	allowed := []string{"https://*.blob.core.windows.net", "http://127.0.0.1:10000"}
	for address, ok := range map[string]bool{
		"https://a.blob.core.windows.net/box": true, "https://A.Blob.Core.Windows.Net/box": true, "http://127.0.0.1:10000/account/box": true,
		"http://a.blob.core.windows.net/box": false, "https://blob.core.windows.net/box": false, "https://.blob.core.windows.net/box": false, "https://a.blob.core.windows.net": false,
		"https://a.blob.core.windows.net:8443/box": false, "https://a.blob.core.windows.net.evil.example/box": false, "https://evil.example/a.blob.core.windows.net": false,
		"https://evilblob.core.windows.net/box": false, "https://me:pw@a.blob.core.windows.net/box": false, "https://a.blob.core.windows.net/box?x=y": false,
		"https://a.blob.core.windows.net/box#x": false, "http://127.0.0.1:10001/account/box": false, "http://127.0.0.1/box": false, "file:///etc/box": false, "": false,
		"https://evil.example\\.blob.core.windows.net/box": false,
	} {
		if _, err := OpenContainer(address, opaque.New([]byte("sig=x")), allowed); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
	touched := false
	secret := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { touched = true; w.WriteHeader(http.StatusCreated) }))
	defer secret.Close()
	sends := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, secret.URL, http.StatusTemporaryRedirect)
	}))
	defer sends.Close()
	c := must(OpenContainer(sends.URL+"/box", opaque.New([]byte("sig=x")), []string{sends.URL}))
	if err := c.Probe(context.Background(), "x"); err == nil || touched {
		t.Errorf("a redirect is followed: %v", err)
	}
	for entry, ok := range map[string]bool{"https://*.example": true, "http://127.0.0.1:1": true, "https://*": false, "*.example": false, "https://a/b": false, "ftp://a": false, "https://a.*": false} {
		if err := CheckStore(entry); (err == nil) != ok {
			t.Errorf("entry %q: %v", entry, err)
		}
	}
}
