/* SPDX-License-Identifier: Apache-2.0 */

#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "peer_state.h"

struct shared *shared;
static pid_t peer;

void expect_signature(const uint8_t *data, size_t n, uint8_t sig[64])
{
	memset(sig, 0x5A, 64);
	for (size_t i = 0; i < n; i++)
		sig[i % 64] = (uint8_t)(sig[i % 64] * 31 + data[i]);
}

int peer_calls(enum call id)
{
	return shared->calls[id];
}

void peer_reset(void)
{
	for (int i = 0; i < 256; i++)
		shared->calls[i] = 0;
	shared->total = shared->introductions = 0;
	for (int i = 0; i < 3; i++)
		shared->hello[i] = 0;
}

/* Gives a client its channel, as the host does. */
static void introduce(int client)
{
	shared->introductions++;
	if (shared->refuse) {
		uint8_t no[7] = {'G', 'N', 'B', 'U', 0, (uint8_t)shared->refuse, (uint8_t)(shared->refuse >> 8)};
		send(client, no, sizeof no, MSG_NOSIGNAL);
		return;
	}
	int pair[2], answers[2] = {-1, -1};
	struct channel_state *ch = channel_new();
	if (!ch || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	if (shared->introductions % 2 && (pipe(answers) < 0 || fcntl(answers[0], F_SETFL, O_NONBLOCK) < 0))
		_exit(1);
	int rights[2] = {pair[1], answers[0]};
	size_t size = answers[0] >= 0 ? sizeof rights : sizeof(int);
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof rights)];
	} control;
	memset(&control, 0, sizeof control);
	struct iovec io = {"GNBU\1", 5};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(size)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(h), rights, size);
	sendmsg(client, &m, MSG_NOSIGNAL);
	close(pair[1]);
	if (answers[0] >= 0)
		close(answers[0]);
	ch->fd = pair[0];
	ch->pipe = answers[1];
}

/* Reads one frame and answers it; false when the channel is over. */
static bool serve(struct channel_state *ch)
{
	uint8_t head[REQUEST_HEAD];
	if (recv(ch->fd, head, sizeof head, MSG_WAITALL) != sizeof head)
		return false;
	struct view v = view_of(head, sizeof head);
	size_t n = get_u32(&v) - 8;
	uint16_t call = get_u16(&v);
	get_u16(&v);
	uint32_t sequence = get_u32(&v);
	if (n > FRAME_MAX)
		return false;
	uint8_t *body = malloc(n + 1);
	if (n && recv(ch->fd, body, n, MSG_WAITALL) != (ssize_t)n) {
		free(body);
		return false;
	}
	shared->calls[call & 255]++;
	shared->total++;
	bool go_on = true;
	if (shared->drop_on == call) {
		shared->drop_on = 0;
		go_on = false;
	} else if (shared->die_on == call) {
		shared->die_on = 0;
		_exit(0);
	}
	if (go_on) {
		struct buf out = {0};
		put_u32(&out, 0);
		uint16_t fault = 0, echo[1] = {call};
		put_raw(&out, echo, 2);
		put_raw(&out, &fault, 2);
		put_u32(&out, sequence + (shared->wrong_sequence ? 1 : 0));
		put_u64(&out, 0xABCDEF);
		put_u8(&out, 1);
		size_t at = out.len;
		fault = answer(ch, call, view_of(body, n), &out);
		if (fault) {
			out.len = at;
			put_bytes(&out, "as told", 7);
			put_u64(&out, ~UINT64_C(0));
			memcpy(out.p + 6, &fault, 2);
		}
		if (shared->garbage_on == call)
			put_u32(&out, 0xFFFFFFFF);
		set_u32(&out, 0, (uint32_t)(out.len - 4));
		if (shared->delay_ms) {
			struct timespec t = {shared->delay_ms / 1000, shared->delay_ms % 1000 * 1000000};
			nanosleep(&t, NULL);
		}
		for (size_t sent = 0; sent < out.len;) {
			ssize_t k = ch->apart ? write(ch->pipe, out.p + sent, out.len - sent)
					      : send(ch->fd, out.p + sent, out.len - sent, MSG_NOSIGNAL);
			if (k <= 0) {
				go_on = false;
				break;
			}
			sent += (size_t)k;
		}
		buf_free(&out);
	}
	free(body);
	return go_on;
}

static void run(int listener)
{
	for (;;) {
		struct pollfd p[1 + CHANNELS];
		int n = 0;
		p[n++] = (struct pollfd){.fd = listener, .events = POLLIN};
		for (int i = 0; i < CHANNELS; i++)
			if (channels[i].fd >= 0)
				p[n++] = (struct pollfd){.fd = channels[i].fd, .events = POLLIN};
		shared->channels = n - 1;
		if (poll(p, (nfds_t)n, 5) < 0 && errno != EINTR)
			_exit(1);
		if (getppid() == 1)
			_exit(0); /* the test is gone */
		bool hang_up = shared->hang_up;
		for (int i = 0; i < CHANNELS; i++)
			if (channels[i].fd >= 0 && hang_up)
				channel_drop(&channels[i]);
		if (hang_up)
			shared->hang_up = 0;
		for (int k = 1; k < n && !hang_up; k++)
			for (int i = 0; p[k].revents && i < CHANNELS; i++)
				if (channels[i].fd == p[k].fd && !serve(&channels[i]))
					channel_drop(&channels[i]);
		if (p[0].revents & POLLIN) {
			int client = accept(listener, NULL, NULL);
			if (client >= 0) {
				introduce(client);
				close(client);
			}
		}
	}
}

void peer_start(const char *path)
{
	if (!shared)
		shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unlink(path);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(listener, 64) < 0) {
		perror(path);
		exit(1);
	}
	peer = fork();
	if (peer == 0) {
		signal(SIGPIPE, SIG_IGN);
		state_reset();
		run(listener);
	}
	close(listener);
}

void peer_kill(void)
{
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
}
