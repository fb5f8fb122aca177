// SPDX-License-Identifier: Apache-2.0

// Package s3 holds backups in buckets to a real S3-compatible server, versitygw, which is built from its module and run over a
// directory. Building it takes minutes the first time, so it is part of make soak; where it was built once, or versitygw is on
// PATH, make test runs it as well.
package s3
