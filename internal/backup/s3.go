// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// partSize of an upload in parts: with the 10,000 there may be, a backup of 160 GB.
const partSize = 16 << 20

// bucket is a Place at an S3-compatible service. An object appears there when its last part was put together, whole.
type bucket struct {
	client       *s3.Client
	name, prefix string
	endpoint     string
}

func openBucket(ctx context.Context, u *url.URL) (*bucket, error) {
	q := u.Query()
	for key := range q {
		if key != "endpoint" && key != "region" && key != "profile" && key != "path_style" {
			return nil, fmt.Errorf("place %s: unknown parameter %q; there are endpoint, region, profile and path_style", u.Redacted(), key)
		}
	}
	endpoint := q.Get("endpoint")
	if e, err := url.Parse(endpoint); endpoint != "" && (err != nil || e.Host == "") {
		return nil, fmt.Errorf("place %s: the endpoint is no URL", u.Redacted())
	}
	options := []func(*config.LoadOptions) error{
		// Checksums beyond the signature's own are newer than many services that speak S3.
		config.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired),
		config.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired),
	}
	if r := q.Get("region"); r != "" {
		options = append(options, config.WithRegion(r))
	}
	if p := q.Get("profile"); p != "" {
		options = append(options, config.WithSharedConfigProfile(p))
	}
	c, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("place %s: %w", u.Redacted(), err)
	}
	c.Region = cmp.Or(c.Region, "us-east-1")
	client := s3.NewFromConfig(c, func(o *s3.Options) {
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
			o.UsePathStyle = q.Get("path_style") != "false"
		}
	})
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &bucket{client, u.Host, prefix, endpoint}, nil
}

func (b *bucket) String() string {
	s := "s3://" + b.name + "/" + b.prefix
	if b.endpoint != "" {
		s += " at " + b.endpoint
	}
	return s
}

func (b *bucket) key(name string) *string { return aws.String(b.prefix + name) }

func (b *bucket) List(ctx context.Context) (list []Entry, err error) {
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &b.prefix, Delimiter: aws.String("/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, plain(err)
		}
		for _, o := range page.Contents {
			if name := strings.TrimPrefix(aws.ToString(o.Key), b.prefix); CheckName(name) == nil {
				list = append(list, Entry{name, aws.ToInt64(o.Size)})
			}
		}
	}
	return list, nil
}

func (b *bucket) Open(ctx context.Context, name string) (Source, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	head, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: b.key(name)})
	if err != nil {
		return nil, plain(err)
	}
	return &object{ctx, b, b.key(name), aws.ToInt64(head.ContentLength), head.ETag}, nil
}

// object is a backup in a bucket. It is read by ranges, all of the same version.
type object struct {
	ctx  context.Context
	b    *bucket
	key  *string
	size int64
	etag *string
}

func (o *object) Size() int64  { return o.size }
func (o *object) Close() error { return nil }

func (o *object) Range(at, n int64) (io.ReadCloser, error) {
	r, err := o.b.client.GetObject(o.ctx, &s3.GetObjectInput{Bucket: &o.b.name, Key: o.key, IfMatch: o.etag,
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", at, at+n-1))})
	if err != nil {
		return nil, plain(err)
	}
	return r.Body, nil
}

func (b *bucket) Put(ctx context.Context, name string, from *os.File, size int64, progress func(int64)) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if _, err := b.Open(ctx, name); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = &fs.PathError{Op: "put", Path: name, Err: fs.ErrExist}
		}
		return err
	}
	if progress == nil {
		progress = func(int64) {}
	}
	if size <= partSize {
		_, err := b.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: b.key(name), Body: io.NewSectionReader(from, 0, size), ContentLength: &size})
		progress(size)
		return plain(err)
	}
	up, err := b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: b.key(name)})
	if err != nil {
		return plain(err)
	}
	parts, err := b.parts(ctx, name, up.UploadId, from, size, progress)
	if err == nil {
		_, err = b.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &b.name, Key: b.key(name), UploadId: up.UploadId,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	}
	if err != nil { // parts that nobody puts together cost rent
		b.client.AbortMultipartUpload(context.WithoutCancel(ctx), &s3.AbortMultipartUploadInput{Bucket: &b.name, Key: b.key(name), UploadId: up.UploadId})
	}
	return plain(err)
}

func (b *bucket) parts(ctx context.Context, name string, id *string, from *os.File, size int64, progress func(int64)) (parts []types.CompletedPart, err error) {
	for at := int64(0); at < size; at += partSize {
		n := min(partSize, size-at)
		number := aws.Int32(int32(len(parts) + 1))
		r, err := b.client.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b.name, Key: b.key(name), UploadId: id, PartNumber: number,
			Body: io.NewSectionReader(from, at, n), ContentLength: &n})
		if err != nil {
			return nil, err
		}
		parts = append(parts, types.CompletedPart{ETag: r.ETag, PartNumber: number})
		progress(at + n)
	}
	return parts, nil
}

func (b *bucket) Delete(ctx context.Context, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: b.key(name)})
	return plain(err)
}

// plain says in one line what the service said, and makes what is not there fs.ErrNotExist.
func plain(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	switch api.ErrorCode() {
	case "NotFound", "NoSuchKey":
		return &fs.PathError{Op: "get", Path: "object", Err: fs.ErrNotExist}
	}
	return fmt.Errorf("the service says %s: %s", api.ErrorCode(), api.ErrorMessage())
}
