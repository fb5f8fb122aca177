# SPDX-License-Identifier: Apache-2.0
#
# needs: apache2 wrk openssl
# node: --fast
# Apache prefork, whose children run as another user: the same as nginx.

. "$HERE/../web.inc"
web_key
mods=/usr/lib/apache2/modules
cat >httpd.conf <<EOF
ServerRoot $PWD
PidFile $PWD/httpd.pid
ErrorLog $PWD/error.log
Mutex file:$PWD default
ServerName localhost
User www-data
Group www-data
LoadModule mpm_prefork_module $mods/mod_mpm_prefork.so
LoadModule authz_core_module $mods/mod_authz_core.so
LoadModule socache_shmcb_module $mods/mod_socache_shmcb.so
LoadModule ssl_module $mods/mod_ssl.so
LoadModule dir_module $mods/mod_dir.so
StartServers 4
MaxRequestWorkers 32
KeepAlive Off
Listen 127.0.0.1:$port
SSLCryptoDevice pkcs11
SSLSessionCache none
<VirtualHost 127.0.0.1:$port>
  DocumentRoot $PWD/www
  <Directory $PWD/www>
    Require all granted
  </Directory>
  SSLEngine on
  SSLCertificateFile $PWD/www.crt
  SSLCertificateKeyFile "pkcs11:token=conf;object=www;type=private"
  SSLSessionTickets off
</VirtualHost>
EOF
mkdir -p www && echo ok >www/index.html
apache2 -f "$PWD/httpd.conf" -k start
undo+=('apache2 -f "$PWD/httpd.conf" -k stop')
web_wait
web_load "$(version apache2) prefork" apache2 "apache2 -f $PWD/httpd.conf -k graceful"
