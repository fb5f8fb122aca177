// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/genbu-hsm/genbu/internal/opaque"
)

// Container is where a caller of the Azure door wants a managed HSM's backup: a container of Azure's Blob service, which the caller's
// shared access signature opens. Four requests of its REST protocol are all it takes: Put Block, Put Block List, Get Blob and its
// properties.
type Container struct {
	url   *url.URL
	token opaque.Bytes // query of a shared access signature, whoever has it reads and writes there

	client *http.Client
	pause  time.Duration // before the first repetition
}

const (
	blobVersion = "2021-12-02" // x-ms-version: old enough for every service and emulator that is in use
	blockSize   = 4 << 20      // with the 50,000 blocks there may be: 200 GB
	blobTries   = 4
	maxPause    = 30 * time.Second // that a service may ask for
	blobTimeout = 2 * time.Minute  // for one request
)

// PublicContainers are the Blob service in Azure's clouds.
var PublicContainers = []string{"https://*.blob.core.windows.net", "https://*.blob.core.usgovcloudapi.net", "https://*.blob.core.chinacloudapi.cn"}

// OpenContainer reads the address of a container. allowed is where backups may go, as scheme://host[:port]; a host may begin with
// "*.". It is the node that makes the request, so that callers must not choose freely whom it talks to.
func OpenContainer(address string, token opaque.Bytes, allowed []string) (*Container, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") == "" {
		return nil, fmt.Errorf("the address of the container is not of the form https://ACCOUNT.HOST/CONTAINER")
	}
	if !within(u, allowed) {
		return nil, fmt.Errorf("the storage at %s://%s is not one where this node may keep backups", u.Scheme, u.Host)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	if t := token.ExposeToCodec(); len(t) > 0 && t[0] == '?' {
		token = opaque.New(t[1:])
	}
	if token.Len() == 0 {
		return nil, fmt.Errorf("the shared access signature is missing")
	}
	client := &http.Client{Timeout: blobTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &Container{u, token, client, 500 * time.Millisecond}, nil
}

// within tells whether an address is among the allowed ones.
func within(u *url.URL, allowed []string) bool {
	for _, a := range allowed {
		scheme, host, _ := strings.Cut(a, "://")
		suffix, wild := strings.CutPrefix(host, "*")
		if u.Scheme == scheme && (strings.EqualFold(u.Host, host) || wild && strings.HasSuffix(strings.ToLower(u.Host), strings.ToLower(suffix)) && len(u.Host) > len(suffix)) {
			return true
		}
	}
	return false
}

// storePattern is an entry of what may be allowed.
var storePattern = regexp.MustCompile(`^https?://(\*\.)?[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]{1,5})?$`)

// CheckStore reads an entry of a list of what is allowed.
func CheckStore(s string) error {
	if !storePattern.MatchString(s) {
		return fmt.Errorf("%q is not of the form https://HOST[:PORT], where HOST may begin with *.", s)
	}
	return nil
}

// String is the container's address without the signature.
func (c *Container) String() string { return c.url.String() }

// BlobError is what the service answered. Its own words are left out but for the code: they are anybody's.
type BlobError struct {
	Status int
	Code   string
}

func (e *BlobError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("the storage answers %d", e.Status)
	}
	return fmt.Sprintf("the storage answers %d %s", e.Status, e.Code)
}

// codePattern is how error codes look.
var codePattern = regexp.MustCompile(`^[A-Za-z]{1,64}$`)

// do sends a request, again where that may help, and answers the response to a status that is wanted; its body is the caller's.
func (c *Container) do(ctx context.Context, method, blob, query string, header http.Header, body []byte, want int) (*http.Response, error) {
	pause := c.pause
	for try := 1; ; try++ {
		res, wait, err := c.once(ctx, method, blob, query, header, body, want)
		if err == nil || wait < 0 || try == blobTries {
			return res, err
		}
		select {
		case <-time.After(max(pause, wait)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		pause *= 2
	}
}

// once sends a request. A wait below zero says that it is no use to try again.
func (c *Container) once(ctx context.Context, method, blob, query string, header http.Header, body []byte, want int) (*http.Response, time.Duration, error) {
	u := *c.url
	u.Path += "/" + blob
	u.RawQuery = query + string(c.token.ExposeToCodec())
	r, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(string(body)))
	if err != nil {
		return nil, -1, errors.New("the address of the container, or its signature, is not valid")
	}
	for name, list := range header {
		r.Header[name] = list
	}
	r.Header.Set("x-ms-version", blobVersion)
	res, err := c.client.Do(r)
	if err != nil {
		var e *url.Error // has the whole address in it, and so the signature
		if errors.As(err, &e) {
			err = e.Err
		}
		return nil, 0, fmt.Errorf("the storage at %s: %w", c.url.Host, err)
	}
	if res.StatusCode == want {
		return res, 0, nil
	}
	io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	res.Body.Close()
	e := &BlobError{Status: res.StatusCode}
	if code := res.Header.Get("x-ms-error-code"); codePattern.MatchString(code) {
		e.Code = code
	}
	switch res.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		return nil, min(max(0, time.Duration(seconds)*time.Second), maxPause), e
	}
	return nil, -1, e
}

func (c *Container) put(ctx context.Context, blob, query string, header http.Header, body []byte) error {
	res, err := c.do(ctx, http.MethodPut, blob, query, header, body, http.StatusCreated)
	if err == nil {
		res.Body.Close()
	}
	return err
}

// blockID of one length for all, as the service wants it.
func blockID(n int64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

func (c *Container) putBlock(ctx context.Context, blob, id string, b []byte) error {
	return c.put(ctx, blob, "comp=block&blockid="+url.QueryEscape(id)+"&", nil, b)
}

// Probe finds out whether the signature allows to write: a block that no list names is no blob, and goes by itself.
func (c *Container) Probe(ctx context.Context, blob string) error {
	return c.putBlock(ctx, blob, blockID(0), []byte("genbu"))
}

// Put keeps a file as a block blob, which is there when all its blocks are.
func (c *Container) Put(ctx context.Context, blob string, from io.ReaderAt, size int64, progress func(bytes int64)) error {
	var list strings.Builder
	list.WriteString(`<?xml version="1.0" encoding="utf-8"?><BlockList>`)
	b := make([]byte, min(size, blockSize))
	for at := int64(0); at < size; at += blockSize {
		part := b[:min(size-at, blockSize)]
		if _, err := from.ReadAt(part, at); err != nil && err != io.EOF {
			return err
		}
		id := blockID(at / blockSize)
		if err := c.putBlock(ctx, blob, id, part); err != nil {
			return err
		}
		list.WriteString("<Latest>" + id + "</Latest>")
		progress(at + int64(len(part)))
	}
	list.WriteString("</BlockList>")
	return c.put(ctx, blob, "comp=blocklist&", http.Header{"Content-Type": {"application/xml"}, "x-ms-blob-content-type": {"application/octet-stream"}}, []byte(list.String()))
}

// Get copies a blob into a file, block by block, all of one version of it.
func (c *Container) Get(ctx context.Context, blob string, to *os.File, progress func(bytes, total int64)) error {
	res, err := c.do(ctx, http.MethodHead, blob, "", nil, nil, http.StatusOK)
	if err != nil {
		return err
	}
	res.Body.Close()
	size, etag := res.ContentLength, res.Header.Get("ETag")
	if size < minFile {
		return invalid("the file", "it is too short for a backup")
	}
	for at := int64(0); at < size; {
		n, err := c.part(ctx, blob, etag, to, at, min(at+blockSize, size))
		if err != nil {
			return err
		}
		at += n
		progress(at, size)
	}
	return nil
}

// part copies what is from at to end, trying again where a transfer breaks off.
func (c *Container) part(ctx context.Context, blob, etag string, to *os.File, at, end int64) (n int64, err error) {
	for range blobTries {
		var res *http.Response
		if res, err = c.do(ctx, http.MethodGet, blob, "", http.Header{"x-ms-range": {fmt.Sprintf("bytes=%d-%d", at, end-1)}, "If-Match": {etag}}, nil, http.StatusPartialContent); err != nil {
			return 0, err
		}
		n, err = io.Copy(io.NewOffsetWriter(to, at), io.LimitReader(res.Body, end-at))
		res.Body.Close()
		if err == nil && n == end-at {
			return n, nil
		}
	}
	return 0, fmt.Errorf("the storage at %s breaks off in the middle of the backup", c.url.Host)
}
