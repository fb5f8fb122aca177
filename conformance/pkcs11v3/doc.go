// SPDX-License-Identifier: Apache-2.0

// Package pkcs11v3 tests what few programs speak yet: the functions of PKCS #11 3.0 and 3.2, what the standard says at the
// edges, forks, and a core that dies between two calls. program/ is a C program written from the standard's text alone; what it makes is
// verified by libraries that share no code with this house: pyca/cryptography on its own OpenSSL (check.py), and noble (check.mjs)
// for what that one lacks.
package pkcs11v3
