/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool of channels: last in, first out, so that few stay warm; it grows with the threads that are in a call at once.
 */

#include "module.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Tells whether the descriptor is still what we made. A program that closes all descriptors it does not know (daemons do)
 * and opens others must not get our PINs in its files, nor lose to us what it reads. */
static bool still(const struct descriptor *d)
{
	struct stat st;
	return d->fd >= 0 && fstat(d->fd, &st) == 0 && st.st_dev == d->dev && st.st_ino == d->ino;
}

bool channel_alive(const struct channel *ch)
{
	return still(&ch->out) && (ch->in.fd < 0 || still(&ch->in));
}

void channel_close(struct channel *ch)
{
	if (still(&ch->out))
		close(ch->out.fd);
	if (still(&ch->in))
		close(ch->in.fd);
	ch->out.fd = ch->in.fd = -1;
	ch->application = 0;
}

/* Closes channels that nobody needed for a while, but the last one: an application without any is dropped after 60 s.
 * module.lock is held. */
static void close_idle(int64_t second)
{
	for (struct channel *ch = module.pool ? module.pool->idle : NULL; ch; ch = ch->idle)
		if (ch->out.fd >= 0 && second - ch->used > CHANNEL_IDLE)
			channel_close(ch);
}

/* Waits for a channel to come free. module.lock is held. */
static bool wait_for_channel(void)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += module.timeout_ms / 1000 + 1;
	while (!module.pool && module.channel_count >= CHANNELS_MAX)
		if (pthread_cond_timedwait(&module.channel_free, &module.lock, &until) == ETIMEDOUT)
			return false;
	return true;
}

struct channel *channel_take(void)
{
	pthread_mutex_lock(&module.lock);
	struct channel *ch = NULL;
	if (wait_for_channel()) {
		ch = module.pool;
		if (ch) {
			module.pool = ch->idle;
		} else if ((ch = calloc(1, sizeof *ch))) {
			ch->out.fd = ch->in.fd = -1;
			ch->next = module.channels;
			module.channels = ch;
			module.channel_count++;
		}
		if (ch)
			ch->taken = true;
	}
	pthread_mutex_unlock(&module.lock);
	return ch;
}

void channel_give(struct channel *ch)
{
	buf_reset(&ch->tx);
	buf_reset(&ch->rx);
	buf_reset(&ch->aux);
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	pthread_mutex_lock(&module.lock);
	ch->taken = false;
	if (!module.initialized)
		channel_close(ch);
	if (t.tv_sec != ch->used)
		close_idle(t.tv_sec);
	ch->used = t.tv_sec;
	ch->idle = module.pool;
	module.pool = ch;
	pthread_cond_signal(&module.channel_free);
	pthread_mutex_unlock(&module.lock);
}

/* Closes and frees every channel that no call holds; those come back through channel_give. module.lock is held. */
void pool_close(void)
{
	module.pool = NULL;
	for (struct channel **at = &module.channels; *at;) {
		struct channel *ch = *at;
		if (ch->taken) {
			at = &ch->next;
			continue;
		}
		*at = ch->next;
		module.channel_count--;
		channel_close(ch);
		buf_free(&ch->tx);
		buf_free(&ch->rx);
		buf_free(&ch->aux);
		free(ch);
	}
}
