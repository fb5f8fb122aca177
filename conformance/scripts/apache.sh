# SPDX-License-Identifier: Apache-2.0
#
# needs: apache2 wrk openssl
# node: --fast
# Apache prefork, whose children run as another user: the same as nginx.

. "$HERE/../web.inc"
web_key
web_apache
web_load "$(version apache2) prefork" apache2 "apache2 -f $PWD/httpd.conf -k graceful"
