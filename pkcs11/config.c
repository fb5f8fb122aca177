/* SPDX-License-Identifier: Apache-2.0
 *
 * What the module can be told. Read once, by C_Initialize, and kept: workers that forked and gave up their rights later
 * need no file and no environment.
 */

#include "module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *env(const char *name)
{
	const char *v = secure_getenv(name); /* nothing, in a setuid program */
	return v && *v ? v : NULL;
}

static int64_t env_ms(const char *name, int64_t otherwise)
{
	const char *v = env(name);
	char *end;
	long long ms = v ? strtoll(v, &end, 10) : 0;
	return v && !*end && ms >= 0 && ms <= 86400000 ? ms : otherwise;
}

static void copy(char *to, size_t size, const char *from, size_t n)
{
	if (n < size) {
		memcpy(to, from, n);
		to[n] = 0;
	}
}

/* reserved is pReserved of C_Initialize: p11-kit passes the module's configuration string there ("x-init-reserved"). */
void config_read(const char *reserved)
{
	const char *path = env("GENBU_SOCKET");
	copy(module.socket, sizeof module.socket, "/run/genbu/genbu.sock", strlen("/run/genbu/genbu.sock"));
	if (path)
		copy(module.socket, sizeof module.socket, path, strlen(path));
	for (const char *p = reserved; p && *p;) {
		size_t n = strcspn(p, " \t\n");
		if (n > 7 && strncmp(p, "socket=", 7) == 0)
			copy(module.socket, sizeof module.socket, p + 7, n - 7);
		p += n + strspn(p + n, " \t\n");
	}
	const char *debug = env("GENBU_PKCS11_DEBUG");
	module.debug[0] = 0;
	if (debug && strcmp(debug, "0") != 0)
		copy(module.debug, sizeof module.debug, debug, strlen(debug));
	const char *fork = env("GENBU_FORK");
	module.fork_strict = fork && strcmp(fork, "strict") == 0;
	module.timeout_ms = env_ms("GENBU_TIMEOUT_MS", 60000);
	module.reconnect_ms = env_ms("GENBU_RECONNECT_MS", 15000);
	module.spin = sysconf(_SC_NPROCESSORS_ONLN) > 1; /* with one processor the core could not answer meanwhile */
}
