# SPDX-License-Identifier: Apache-2.0
#
# needs: nginx wrk openssl
# node: --fast
# nginx serves TLS from a key in Genbu under load, while it reloads and while the node restarts: no handshake may fail.

. "$HERE/../web.inc"
web_key
cat >nginx.conf <<EOF
user www-data;
pid $PWD/nginx.pid;
error_log $PWD/error.log warn;
worker_processes 2;
env GENBU_SOCKET;
env OPENSSL_CONF;
ssl_engine pkcs11;
events { worker_connections 512; }
http {
  access_log off;
  server {
    listen 127.0.0.1:$port ssl;
    ssl_certificate $PWD/www.crt;
    ssl_certificate_key "engine:pkcs11:pkcs11:token=conf;object=www;type=private";
    ssl_session_cache off;
    ssl_session_tickets off;
    keepalive_timeout 0;
    location / { return 200 "ok\n"; }
  }
}
EOF
nginx -c "$PWD/nginx.conf" -p "$PWD"
undo+=('kill $(cat nginx.pid)')
web_wait
web_load "$(version nginx-light)" nginx "nginx -c $PWD/nginx.conf -p $PWD -s reload"
