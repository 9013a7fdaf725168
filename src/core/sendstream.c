#include "sendstream.h"
#include <string.h>

#define MAGIC "btrfs-stream" /* with its 0 */
#define HEAD_BYTES (sizeof(MAGIC) + 4)
#define COMMAND_HEAD_BYTES 10 /* length, number, checksum */
#define ATTRIBUTE_HEAD_BYTES 4
/* The kernel's buffer for one command of version 1 has 64 KiB. */
#define COMMAND_MAX_BYTES (128 * 1024)
#define PATH_MAX_BYTES 4096

enum attribute { ATTRIBUTE_PATH = 15, ATTRIBUTE_PATH_TO = 16 };

enum operands { NO_PATH, ONE_PATH, TWO_PATHS };

struct meaning {
	enum send_kind kind;
	enum operands operands;
};

static const struct meaning meanings[] = {
	[1] = {SEND_NOTHING, NO_PATH}, /* subvol */
	[2] = {SEND_NOTHING, NO_PATH}, /* snapshot */
	[3] = {SEND_MAKE, ONE_PATH}, /* mkfile */
	[4] = {SEND_MAKE, ONE_PATH}, /* mkdir */
	[5] = {SEND_MAKE, ONE_PATH}, /* mknod */
	[6] = {SEND_MAKE, ONE_PATH}, /* mkfifo */
	[7] = {SEND_MAKE, ONE_PATH}, /* mksock */
	[8] = {SEND_MAKE, ONE_PATH}, /* symlink */
	[9] = {SEND_RENAME, TWO_PATHS},	   [10] = {SEND_LINK, ONE_PATH},
	[11] = {SEND_REMOVE, ONE_PATH}, /* unlink */
	[12] = {SEND_REMOVE, ONE_PATH}, /* rmdir */
	[13] = {SEND_ATTRIBUTE, ONE_PATH}, /* set_xattr */
	[14] = {SEND_ATTRIBUTE, ONE_PATH}, /* remove_xattr */
	[15] = {SEND_CONTENT, ONE_PATH}, /* write */
	[16] = {SEND_CONTENT, ONE_PATH}, /* clone */
	[17] = {SEND_CONTENT, ONE_PATH}, /* truncate */
	[18] = {SEND_ATTRIBUTE, ONE_PATH}, /* chmod */
	[19] = {SEND_ATTRIBUTE, ONE_PATH}, /* chown */
	[20] = {SEND_NOTHING, NO_PATH}, /* utimes */
	[21] = {SEND_NOTHING, NO_PATH}, /* end */
	[22] = {SEND_CONTENT, ONE_PATH}, /* update_extent */
};
#define NUMBER_END 21

struct command { /* as it lies in the stream */
	unsigned number;
	const unsigned char *bytes;
	size_t length;
};

static uint32_t little(const unsigned char *bytes, size_t count)
{
	uint32_t value = 0;

	for (size_t i = count; i > 0; i--)
		value = value << 8 | bytes[i - 1];
	return value;
}

static bool fail(struct err *err, const char *what)
{
	return err_set(err, ERR_SYSTEM, 0, "what the kernel sends of the differences %s", what);
}

/* A copy of a path attribute that holds nothing but a path; NULL = it does not. */
static char *path_copy(const unsigned char *bytes, size_t length)
{
	char *path;

	if (length == 0 || length >= PATH_MAX_BYTES || memchr(bytes, 0, length))
		return NULL;
	path = xstrndup((const char *)bytes, length);
	return path;
}

/* The attribute of this number; false where the command is cut or it is no path. */
static bool find_path(const struct command *command, enum attribute wanted, char **ret)
{
	size_t at = 0;

	while (command->length - at >= ATTRIBUTE_HEAD_BYTES) {
		const unsigned char *head = command->bytes + at;
		size_t length = little(head + 2, 2);

		at += ATTRIBUTE_HEAD_BYTES;
		if (length > command->length - at)
			return false;
		if (little(head, 2) == wanted) {
			*ret = path_copy(command->bytes + at, length);
			return *ret != NULL;
		}
		at += length;
	}
	return false;
}

static bool take_command(struct send_stream *stream, const struct command *command,
			 const struct send_taker *taker, struct err *err)
{
	auto_free char *path = NULL, *to = NULL;
	const struct meaning *meaning = &meanings[command->number];

	stream->ended = command->number == NUMBER_END;
	if (meaning->kind == SEND_NOTHING)
		return true;
	if (!find_path(command, ATTRIBUTE_PATH, &path) ||
	    (meaning->operands == TWO_PATHS && !find_path(command, ATTRIBUTE_PATH_TO, &to)))
		return fail(err, "names no path where one belongs");
	return taker->on_command(
		taker->userdata,
		&(struct send_command){.kind = meaning->kind, .path = path, .to = to}, err);
}

/* Steps over the head; false at something else. */
static bool take_head(struct send_stream *stream, size_t *at, struct err *err)
{
	const unsigned char *bytes = (const unsigned char *)stream->waiting.bytes;

	if (memcmp(bytes, MAGIC, sizeof(MAGIC)) != 0)
		return fail(err, "does not begin as it should");
	if (little(bytes + sizeof(MAGIC), 4) != 1)
		return fail(err, "has a format that moult does not know");
	stream->begun = true;
	*at = HEAD_BYTES;
	return true;
}

/* All whole commands from `*at` on. */
static bool take_commands(struct send_stream *stream, size_t *at, const struct send_taker *taker,
			  struct err *err)
{
	while (stream->waiting.length - *at >= COMMAND_HEAD_BYTES) {
		const unsigned char *head = (const unsigned char *)stream->waiting.bytes + *at;
		struct command command = {
			.number = little(head + 4, 2),
			.bytes = head + COMMAND_HEAD_BYTES,
			.length = little(head, 4),
		};

		if (stream->ended)
			return fail(err, "goes on after its end");
		if (command.length > COMMAND_MAX_BYTES)
			return fail(err, "has a command that is too long");
		if (command.number == 0 || command.number >= COUNT(meanings))
			return fail(err, "has a command that moult does not know");
		if (stream->waiting.length - *at - COMMAND_HEAD_BYTES < command.length)
			return true;
		if (!take_command(stream, &command, taker, err))
			return false;
		*at += COMMAND_HEAD_BYTES + command.length;
	}
	return true;
}

bool send_stream_feed(struct send_stream *stream, const struct send_bytes *next,
		      const struct send_taker *taker, struct err *err)
{
	size_t at = 0;

	text_add_bytes(&stream->waiting, next->bytes, next->length);
	if (!stream->begun) {
		if (stream->waiting.length < HEAD_BYTES)
			return true;
		if (!take_head(stream, &at, err))
			return false;
	}
	if (!take_commands(stream, &at, taker, err))
		return false;
	stream->waiting.length -= at;
	memmove(stream->waiting.bytes, stream->waiting.bytes + at, stream->waiting.length);
	return true;
}

void send_stream_done(struct send_stream *stream)
{
	text_done(&stream->waiting);
}
