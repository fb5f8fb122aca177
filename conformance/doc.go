// SPDX-License-Identifier: Apache-2.0

// Package conformance runs programs that nobody here wrote against a real node, as their users would: one shell script per
// program in scripts/, each in a directory of its own with a node of its own. A script fails by ending with an error.
package conformance
