/*
 * linux_initrd - the names in an initrd, read as a stream of small blocks.
 *
 * As the kernel reads it (Documentation/driver-api/early-userspace/buffer-format.rst): "newc" cpio
 * archives one after another, each as it is or compressed, zeros between them.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "linux_archive.h"
#include "linux_internal.h"

#define BLOCK_BYTES (64 * 1024)
#define HEADER_BYTES 110
#define MAGIC_BYTES 6
#define NAME_BYTES_MAX 4096
#define ZSTD_MAGIC 0xfd2fb528u
#define ZSTD_SKIPPABLE_MAGIC 0x184d2a50u
/* more than any initrd unpacks to; a compressed bomb ends here */
#define UNPACKED_BYTES_MAX (4ULL << 30)

/* Where bytes come from: the file itself, or what libarchive unpacks from it. */
struct source {
	int (*fill)(struct source *source); /* sets at and left; left = 0 at the end */
	const char *at;
	size_t left;
	uint64_t passed; /* bytes taken so far */
	int fd;
	uint64_t file_at; /* of the next byte that fill reads */
	uint64_t file_end; /* where fill stops; 0 = at the end of the file */
	const struct archive_library *library;
	struct archive *archive;
	char *block;
};

struct walk {
	struct source *source;
	unsigned trailers; /* archives that were read to their end */
	bool inside; /* an archive has begun and not ended */
	void (*on_name)(void *userdata, const char *name);
	void *userdata;
};

static int fill_from_file(struct source *source)
{
	size_t wanted = BLOCK_BYTES;
	ssize_t count;

	if (source->file_end && source->file_end - source->file_at < wanted)
		wanted = (size_t)(source->file_end - source->file_at);
	do
		count = pread(source->fd, source->block, wanted, (off_t)source->file_at);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return -errno;
	source->file_at += (uint64_t)count;
	source->at = source->block;
	source->left = (size_t)count;
	return 0;
}

static int fill_from_archive(struct source *source)
{
	const void *block;
	size_t length = 0;
	la_int64_t offset;
	int result;

	do
		result = source->library->archive_read_data_block(source->archive, &block, &length,
								  &offset);
	while (result == ARCHIVE_OK && length == 0);
	if (result != ARCHIVE_OK && result != ARCHIVE_EOF)
		return -EBADMSG;
	source->at = block;
	source->left = result == ARCHIVE_EOF ? 0 : length;
	return 0;
}

/* The next byte without taking it: 1, 0 at the end, or -errno. */
static int peek(struct source *source, char *ret)
{
	int result = source->left > 0 ? 0 : source->fill(source);

	if (result < 0 || source->left == 0)
		return result;
	*ret = *source->at;
	return 1;
}

/* Takes exactly `length` bytes, into `bytes` unless that is NULL. */
static int take_bytes(struct source *source, char *bytes, uint64_t length)
{
	while (length > 0) {
		char unused;
		int result = peek(source, &unused);
		size_t count;

		if (result <= 0)
			return result < 0 ? result : -EBADMSG;
		count = source->left < length ? source->left : (size_t)length;
		if (bytes) {
			memcpy(bytes, source->at, count);
			bytes += count;
		}
		source->at += count;
		source->left -= count;
		source->passed += count;
		length -= count;
	}
	return source->passed > UNPACKED_BYTES_MAX ? -EFBIG : 0;
}

/* 1: something follows, *ret is its first byte. 0: nothing but zeros. */
static int skip_zeros(struct source *source, char *ret)
{
	int result;

	while ((result = peek(source, ret)) == 1 && *ret == '\0') {
		source->at++;
		source->left--;
		source->passed++;
	}
	return result;
}

static int hex_field(const char *field, uint32_t *ret)
{
	*ret = 0;
	for (int i = 0; i < 8; i++) {
		int digit = field[i];

		if (!isxdigit((unsigned char)digit))
			return -EBADMSG;
		*ret = *ret << 4 |
		       (uint32_t)(digit <= '9' ? digit - '0' : tolower(digit) - 'a' + 10);
	}
	return 0;
}

/* One member; 1 = it was the trailer. */
static int read_member(struct walk *walk)
{
	char header[HEADER_BYTES], name[NAME_BYTES_MAX + 1];
	const char *plain = name;
	uint32_t size_bytes, name_bytes;
	int result = take_bytes(walk->source, header, sizeof(header));

	if (result < 0)
		return result;
	if (memcmp(header, "07070", 5) != 0 || (header[5] != '1' && header[5] != '2') ||
	    hex_field(header + 54, &size_bytes) < 0 || hex_field(header + 94, &name_bytes) < 0 ||
	    name_bytes == 0 || name_bytes > NAME_BYTES_MAX)
		return -EBADMSG;
	result = take_bytes(walk->source, name, name_bytes);
	if (result == 0)
		result = take_bytes(walk->source, NULL, -(HEADER_BYTES + name_bytes) & 3);
	if (result < 0)
		return result;
	name[name_bytes] = '\0';
	if (strcmp(name, "TRAILER!!!") == 0) {
		walk->trailers++;
		return 1;
	}
	while (plain[0] == '/' || (plain[0] == '.' && plain[1] == '/'))
		plain++;
	if (plain[0] && strcmp(plain, ".") != 0)
		walk->on_name(walk->userdata, plain);
	return take_bytes(walk->source, NULL, size_bytes + (uint64_t)(-size_bytes & 3));
}

/* Archives without compression, up to the end or to something else, whose first byte is *ret. */
static int read_plain(struct walk *walk, char *ret)
{
	int result;

	while ((result = skip_zeros(walk->source, ret)) == 1 && *ret == '0') {
		while ((result = read_member(walk)) == 0)
			continue;
		if (result < 0)
			return result;
	}
	return result;
}

static la_ssize_t archive_pull(struct archive *archive, void *userdata, const void **ret)
{
	struct source *file = userdata;
	size_t left;

	if (file->left == 0 && file->fill(file) < 0) {
		file->library->archive_set_error(archive, EIO, "cannot read");
		return -1;
	}
	*ret = file->at;
	left = file->left;
	file->at += left;
	file->left = 0;
	return (la_ssize_t)left;
}

/* Every compression that the kernel knows; no format: what comes out is read by us. */
static int archive_open(struct archive *archive, struct source *file)
{
	const struct archive_library *library = file->library;
	struct archive_entry *entry;

	library->archive_read_support_filter_zstd(archive);
	library->archive_read_support_filter_gzip(archive);
	library->archive_read_support_filter_xz(archive);
	library->archive_read_support_filter_lzma(archive);
	library->archive_read_support_filter_bzip2(archive);
	library->archive_read_support_filter_lz4(archive);
	library->archive_read_support_format_raw(archive);
	if (library->archive_read_open(archive, file, NULL, archive_pull, NULL) != ARCHIVE_OK)
		return -EBADMSG;
	/* libarchive passes on what it does not know */
	if (library->archive_filter_count(archive) < 2 ||
	    library->archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		return -EBADMSG;
	return 0;
}

static uint32_t number_at(int fd, uint64_t at, size_t length)
{
	uint8_t bytes[4] = {0};

	/* past the end it reads as zeros, which is no magic and a block without end */
	if (pread(fd, bytes, length, (off_t)at) < 0)
		return 0;
	return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
	       (uint32_t)bytes[3] << 24;
}

/* The end of the zstd frame whose magic is at `at`; 0 where it has none. After RFC 8878, 3.1.1. */
static uint64_t zstd_frame_end(int fd, uint64_t at, uint64_t file_bytes)
{
	static const uint8_t dictionary_bytes[] = {0, 1, 2, 4}, content_bytes[] = {0, 2, 4, 8};
	uint32_t flags = number_at(fd, at + 4, 1), block;
	bool single_segment = flags & 0x20;

	at += 5 + dictionary_bytes[flags & 3] + content_bytes[flags >> 6];
	at += !single_segment || flags >> 6 == 0; /* window, or a content size of one byte */
	do {
		block = number_at(fd, at, 3);
		/* type 1 repeats the one byte that is stored */
		at += 3 + ((block >> 1 & 3) == 1 ? 1 : block >> 3);
		if (at > file_bytes)
			return 0;
	} while (!(block & 1));
	return at + (flags & 4 ? 4 : 0);
}

/*
 * Where a run of zstd frames ends that starts at `at`. libarchive takes what follows them, be it
 * zeros, for a broken frame and drops its last block, so it must not see it.
 */
static uint64_t zstd_end(int fd, uint64_t at)
{
	struct stat st;
	uint64_t end = 0;

	if (fstat(fd, &st) < 0)
		return 0;
	for (;;) {
		uint32_t magic = number_at(fd, at, 4);

		if (magic == ZSTD_MAGIC)
			at = zstd_frame_end(fd, at, (uint64_t)st.st_size);
		else if ((magic & ~0xfu) == ZSTD_SKIPPABLE_MAGIC)
			at += 8 + (uint64_t)number_at(fd, at + 4, 4);
		else
			return end;
		if (at == 0 || at > (uint64_t)st.st_size)
			return 0;
		end = at;
	}
}

static int walk_packed(struct walk *walk, struct archive *archive)
{
	struct source unpacked = {
		.fill = fill_from_archive, .library = walk->source->library, .archive = archive};
	struct walk inner = *walk;
	char next;
	int result = archive_open(archive, walk->source);

	if (result < 0)
		return result;
	inner.source = &unpacked;
	result = read_plain(&inner, &next);
	if (result != 0)
		return result < 0 ? result : -EBADMSG;
	walk->trailers = inner.trailers;
	return 0;
}

/* A compressed part, from where the file stands; *ret_bytes = how long it was in the file. */
static int read_packed(struct walk *walk, uint64_t *ret_bytes)
{
	const struct archive_library *library = archive_library();
	struct archive *archive = library ? library->archive_read_new() : NULL;
	int result;

	if (!archive)
		return library ? -ENOMEM : -ENOPKG;
	walk->source->library = library;
	result = walk_packed(walk, archive);
	if (result == 0)
		*ret_bytes = (uint64_t)library->archive_filter_bytes(archive, -1);
	library->archive_read_free(archive);
	return result;
}

/* The file as if it began and ended elsewhere; what was read ahead is forgotten. */
static void source_move(struct source *file, uint64_t start, uint64_t end)
{
	file->file_at = start;
	file->file_end = end;
	file->left = 0;
}

static int walk_file(struct walk *walk)
{
	struct source *file = walk->source;
	uint64_t start, length = 0;
	char next;
	int result;

	while ((result = read_plain(walk, &next)) == 1) {
		start = file->file_at - file->left;
		source_move(file, start, zstd_end(file->fd, start));
		result = read_packed(walk, &length);
		if (result < 0 || length == 0)
			return result < 0 ? result : -EBADMSG;
		/* libarchive reads ahead; what follows begins where the compressed part ended */
		source_move(file, start + length, 0);
	}
	return result < 0 ? result : walk->trailers > 0 ? 0 : -EBADMSG;
}

int linux_list_initrd(struct host *host, const char *root, const char *path,
		      void (*on_name)(void *userdata, const char *name), void *userdata)
{
	auto_close int fd = open_root_path(host, &(struct root_path){root, path}, O_RDONLY);
	auto_free char *block = xmalloc(BLOCK_BYTES);
	struct source file = {.fill = fill_from_file, .fd = fd, .block = block};
	int result = regular_file(fd, NULL);

	if (result < 0)
		return result == -EISDIR ? -EINVAL : result;
	return walk_file(&(struct walk){.source = &file, .on_name = on_name, .userdata = userdata});
}
