#include "host_disk.h"
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include "text.h"

static char *template_directory;

static char *format_command(const char *format, va_list arguments)
{
	char *command;

	if (vasprintf(&command, format, arguments) < 0)
		abort();
	return command;
}

void run(const char *format, ...)
{
	auto_free char *command = NULL;
	va_list arguments;

	va_start(arguments, format);
	command = format_command(format, arguments);
	va_end(arguments);
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		abort();
	}
}

char *output_of(const char *format, ...)
{
	auto_free char *command = NULL;
	auto_text struct text text = {0};
	char block[4096];
	va_list arguments;
	size_t count;
	FILE *pipe;

	va_start(arguments, format);
	command = format_command(format, arguments);
	va_end(arguments);
	pipe = popen(command, "re");
	if (!pipe)
		abort();
	while ((count = fread(block, 1, sizeof(block), pipe)) > 0)
		text_add_bytes(&text, block, count);
	pclose(pipe);
	if (text.length > 0 && text.bytes[text.length - 1] == '\n')
		text.bytes[text.length - 1] = '\0';
	return text_take(&text);
}

void disk_template_make(void)
{
	const char *base = getenv("TMPDIR") ? getenv("TMPDIR") : "/var/tmp";
	const char *d = template_directory = xasprintf("%s/moult-test-XXXXXX", base);

	if (!mkdtemp(template_directory))
		abort();
	run("truncate -s 384M %s/disk", d);
	run("printf 'label: gpt\\nsize=64M, type=uefi\\ntype=linux\\n' | sfdisk -q %s/disk", d);
	run("truncate -s 64M %s/esp && mkfs.vfat -F 32 -n ESP %s/esp >/dev/null", d, d);
	run("mmd -i %s/esp ::loader ::loader/entries", d);
	run("printf 'timeout 3\\n' | mcopy -i %s/esp - ::loader/loader.conf", d);
	run("mkdir -p %s/tree/etc && echo inside >%s/tree/etc/hostname", d, d);
	run("truncate -s 316M %s/pool && mkfs.btrfs -q -r %s/tree %s/pool >/dev/null 2>&1", d, d,
	    d);
	run("dd if=%s/esp of=%s/disk bs=1M seek=1 conv=notrunc,sparse status=none", d, d);
	run("dd if=%s/pool of=%s/disk bs=1M seek=65 conv=notrunc,sparse status=none", d, d);
	run("rm -r %s/esp %s/pool %s/tree", d, d, d);
}

void disk_template_remove(void)
{
	run("rm -rf %s", template_directory);
	free(template_directory);
}

void disk_make(struct disk *ret)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		abort();
	ret->directory = xasprintf("%s/t-XXXXXX", template_directory);
	if (!mkdtemp(ret->directory))
		abort();
	ret->image = xasprintf("%s/disk.img", ret->directory);
	run("cp --sparse=always %s/disk %s", template_directory, ret->image);
}

void disk_done(struct disk *disk)
{
	run("rm -rf %s", disk->directory);
	free(disk->directory);
	free(disk->image);
}

char *disk_path(const struct disk *disk, const char *name)
{
	return xasprintf("%s/%s", disk->directory, name);
}

struct host *open_host(const char *sysroot)
{
	struct host *host = NULL;
	struct err err = {0};

	if (!linux_host_open(&(struct linux_options){.sysroot = sysroot, .need_boot = true}, &host,
			     &err))
		ck_abort_msg("%s", err.text);
	return host;
}

struct host *disk_open_with_root(struct disk *ret)
{
	struct host *host;

	disk_make(ret);
	host = open_host(ret->image);
	ck_assert_int_eq(host->ops->create_subvolume(host, "root"), 0);
	return host;
}

void refused(const struct linux_options *options, const char *sentence_part)
{
	struct host *host = NULL;
	struct err err = {0};

	ck_assert(!linux_host_open(options, &host, &err));
	if (!strstr(err.text, sentence_part))
		ck_abort_msg("said \"%s\", not \"%s\"", err.text, sentence_part);
}

void put(struct host *host, enum volume volume, const char *path, const char *text)
{
	ck_assert_int_eq(host->ops->write(host, volume, path, text, strlen(text)), 0);
}

char *get(struct host *host, enum volume volume, const char *path)
{
	struct host_bytes bytes = {0};

	ck_assert_int_eq(host->ops->read(host, volume, path, 1 << 20, &bytes), 0);
	ck_assert_uint_eq(strlen(bytes.bytes), bytes.length);
	return bytes.bytes;
}

char *names_in(struct host *host, enum volume volume, const char *path)
{
	static const char *const marks[] = {"", "/", "@", "?"};
	auto_host_names struct host_names names = {0};
	auto_text struct text text = {0};

	ck_assert_int_eq(host->ops->list(host, volume, path, &names), 0);
	for (size_t i = 0; i < names.count; i++)
		text_addf(&text, "%s%s%s", i ? " " : "", names.names[i].name,
			  marks[names.names[i].type]);
	return text_take(&text);
}
