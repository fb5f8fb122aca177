# SPDX-License-Identifier: Apache-2.0
#
# needs: nginx wrk openssl
# node: --fast
# nginx serves TLS from a key in Genbu under load, while it reloads and while the node restarts: no handshake may fail.

. "$HERE/../web.inc"
web_key
web_nginx
web_load "$(version nginx-light)" nginx "nginx -c $PWD/nginx.conf -p $PWD -s reload"
