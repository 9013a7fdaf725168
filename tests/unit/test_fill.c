/*
 * fill: what the stage sees of the machine's data, and what it must go without. The stage itself is
 * played.
 */
#include <errno.h>
#include <string.h>
#include "fake_host.h"
#include "fill.h"
#include "unit.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define POOL "UUID=" UUID
#define MAKING "@gens/.8.tmp/"

static const char fstab[] = POOL " / btrfs defaults 0 0\n" POOL " /var btrfs subvol=@var 0 0\n" POOL
				 " /home btrfs subvol=@home 0 0\n";

/* What the stage was given, and what the program in it does. */
struct play {
	struct progress progress; /* first: the calls get only it */
	struct fake_host *fake;
	struct machine machine;
	struct fill fill;
	char mounts[1024], notes[1024];
	void (*act)(struct fake_host *fake);
};

static void quiet(struct progress *progress, const char *line)
{
	(void)progress;
	(void)line;
}

static void take_note(struct progress *progress, const char *sentence)
{
	strncat(((struct play *)progress)->notes, sentence, 500);
}

static int stage(struct fake_host *fake, const struct stage *stage,
		 const struct stage_command *command, int *ret_status)
{
	static const char *const kinds[] = {"overlay", "bind",	    "read-only",
					    "file",    "directory", "tmpfs"};
	struct play *play = fake->userdata;

	(void)command;
	play->mounts[0] = '\0';
	for (size_t i = 0; i < stage->mount_count; i++) {
		const struct stage_mount *mount = &stage->mounts[i];
		auto_free char *text = xasprintf("%s %s\n", kinds[mount->kind], mount->at);

		if (!strstr(mount->at, "decoy") && !strstr(mount->at, "policy-rc.d"))
			strncat(play->mounts, text, 100);
	}
	if (play->act)
		play->act(fake);
	*ret_status = 0;
	return 0;
}

static void play_begin(struct play *play)
{
	*play = (struct play){.progress = {.output = quiet, .note = take_note},
			      .fake = fake_host_new()};
	play->fake->source = stage;
	play->fake->userdata = play;
	fake_host_put_subvolume(play->fake, "@var");
	fake_host_put_subvolume(play->fake, "@home");
	fake_host_put_subvolume(play->fake, MAKING "root");
	fake_host_put(play->fake, VOLUME_POOL, MAKING "root/etc/fstab", fstab);
	fake_host_put(play->fake, VOLUME_POOL, "@var/lib/db", "1");
	fake_host_put(play->fake, VOLUME_POOL, "@var/lib/old", "x");
	fake_host_put(play->fake, VOLUME_POOL, "@var/lib/taken", "its own");
}

static bool play_run(struct play *play, struct host *host, struct err *err)
{
	static const char *const command[] = {"true", NULL};

	play->machine = (struct machine){
		.host = host, .progress = &play->progress, .identity.pool_uuid = (char *)UUID};
	play->fill = (struct fill){
		.machine = &play->machine,
		.source = source_find("command"),
		.verb = "run --continue",
		.making = "@gens/.8.tmp",
		.generation = 8,
		.command = command,
	};
	return fill_open(&play->fill, err) && fill_apply(&play->fill, err) &&
	       fill_finish(&play->fill, err);
}

static void play_end(struct play *play)
{
	fill_done(&play->fill);
	text_done(&play->machine.log);
	fake_host_free(play->fake);
}

static void runs(struct play *play)
{
	struct err err = {0};

	ck_assert_msg(play_run(play, &play->fake->host, &err), "%s", err.text);
}

static void refused(struct play *play, enum err_kind kind, const char *part, const char *hint)
{
	struct err err = {0};

	ck_assert(!play_run(play, &play->fake->host, &err));
	ck_assert_msg(strstr(err.text, part) != NULL, "%s", err.text);
	ck_assert_str_eq(err.hint, hint);
	ck_assert_int_eq(err.kind, kind);
}

/* --- data that the stage cannot have ----------------------------------------------------------- */

static void add_lines(struct play *play, const char *lines)
{
	auto_free char *text = xasprintf("%s%s", fstab, lines);

	fake_host_put(play->fake, VOLUME_POOL, MAKING "root/etc/fstab", text);
}

static void assert_mounts(const char *lines, const char *mounts, const char *note)
{
	struct play play;

	play_begin(&play);
	add_lines(&play, lines);
	runs(&play);
	ck_assert_str_eq(play.mounts, mounts);
	if (note)
		ck_assert_msg(strstr(play.notes, note), "%s", play.notes);
	else
		ck_assert_str_eq(play.notes, "");
	play_end(&play);
}

START_TEST(a_line_that_may_fail_does_not_stop_anything)
{
	assert_mounts(POOL " /srv btrfs subvol=@gone,noauto 0 0\n", "overlay /home\noverlay /var\n",
		      NULL);
	assert_mounts(POOL " /srv btrfs subvol=@gone,nofail 0 0\n",
		      "overlay /home\nread-only /srv\noverlay /var\n",
		      "this disk has no data subvolume '@gone', which /etc/fstab mounts on /srv");
	assert_mounts(POOL " /srv btrfs subvol=@gone,noauto,x-systemd.automount 0 0\n",
		      "overlay /home\nread-only /srv\noverlay /var\n", "'@gone'");
}
END_TEST

START_TEST(a_line_that_must_not_fail_stops_it)
{
	struct play play;

	play_begin(&play);
	add_lines(&play, POOL " /srv btrfs subvol=@gone 0 0\n");
	refused(&play, ERR_REFUSED,
		"this disk has no data subvolume '@gone', which /etc/fstab mounts on /srv",
		"sudo moult check");
	play_end(&play);
}
END_TEST

START_TEST(data_on_another_file_system_can_be_neither_seen_nor_written)
{
	assert_mounts("server:/srv /srv nfs defaults 0 0\n",
		      "overlay /home\nread-only /srv\noverlay /var\n",
		      "line 4 of /etc/fstab mounts 'server:/srv' on /srv");
	assert_mounts("LABEL=big /home/big/ ext4 defaults 0 0\n",
		      "overlay /home\nread-only /home/big\noverlay /var\n", "/home/big");
	assert_mounts(POOL " /srv/again btrfs subvol=@home 0 0\n",
		      "overlay /home\nread-only /srv/again\noverlay /var\n",
		      "mounts '@home' on /srv/again, which is on /home already");
	/* what it would hide is thrown away, is no data, or is not there after a boot */
	assert_mounts("LABEL=log /var/log ext4 defaults 0 0\n/tmp /var/tmp none bind 0 0\n"
		      "tmpfs /var/cache/x tmpfs defaults 0 0\nLABEL=b /mnt/b ext4 defaults 0 0\n"
		      "/dev/sda3 none swap sw 0 0\n",
		      "overlay /home\noverlay /var\n", NULL);
}
END_TEST

static void look_for_way(struct fake_host *fake)
{
	ck_assert_ptr_nonnull(
		fake_disk_find(&fake->disk, VOLUME_POOL, MAKING "empty/!srv/www/site"));
}

START_TEST(what_is_mounted_in_an_empty_place_has_a_way_to_it)
{
	struct play play;

	play_begin(&play);
	fake_host_put_subvolume(play.fake, "@site");
	add_lines(&play, "server:/srv /srv nfs defaults 0 0\n" POOL
			 " /srv/www/site btrfs subvol=@site 0 0\n");
	play.act = look_for_way;
	runs(&play);
	ck_assert_str_eq(play.mounts, "overlay /home\nread-only /srv\noverlay /srv/www/site\n"
				      "overlay /var\n");
	play_end(&play);
}
END_TEST

START_TEST(logs_that_no_data_lies_below_are_thrown_away)
{
	struct play play;

	play_begin(&play);
	fake_host_put(play.fake, VOLUME_POOL, MAKING "root/etc/fstab",
		      POOL " / btrfs defaults 0 0\nLABEL=log /var/log ext4 defaults 0 0\n");
	runs(&play);
	ck_assert_str_eq(play.mounts, "tmpfs /var/log\n");
	play_end(&play);
}
END_TEST

START_TEST(without_the_package_database_there_is_no_stage)
{
	struct play play;

	play_begin(&play);
	fake_host_put(play.fake, VOLUME_POOL, MAKING "root/etc/fstab",
		      POOL " / btrfs defaults 0 0\nLABEL=var /var ext4 defaults 0 0\n");
	refused(&play, ERR_REFUSED, "mounts 'LABEL=var' on /var", "sudoedit /etc/fstab");
	play_end(&play);
}
END_TEST

/* --- swap files -------------------------------------------------------------------------------- */

static const struct host_ops *real_ops;
static const char *busy;

static int busy_snapshot(struct host *host, const char *from, const char *to, bool read_only)
{
	return text_equal(from, busy) ? -ETXTBSY : real_ops->snapshot(host, from, to, read_only);
}

/* A subvolume of that name holds a swap file that is in use. */
static void make_busy(struct play *play, struct host_ops *ops, const char *subvolume)
{
	busy = subvolume;
	real_ops = play->fake->host.ops;
	*ops = *real_ops;
	ops->snapshot = busy_snapshot;
	play->fake->host.ops = ops;
}

START_TEST(data_with_an_active_swap_file_is_not_left_out)
{
	struct host_swap swaps[] = {{(char *)"/var/swap", (char *)"@var"}};
	struct host_ops ops;
	struct play play;

	play_begin(&play);
	make_busy(&play, &ops, "@var");
	refused(&play, ERR_REFUSED, "'@var', which is mounted on /var, holds an active swap file",
		"swapon --show");
	play_end(&play);

	play_begin(&play);
	make_busy(&play, &ops, "@var");
	play.fake->swaps = (struct host_swaps){swaps, 1};
	refused(&play, ERR_REFUSED, "an active swap file, '/var/swap'", "sudo swapoff '/var/swap'");
	play_end(&play);
}
END_TEST

START_TEST(a_place_for_swap_files_is_read_only)
{
	struct host_ops ops;
	struct play play;

	play_begin(&play);
	fake_host_put_subvolume(play.fake, "@swap");
	add_lines(&play, POOL " /swap btrfs subvol=@swap 0 0\n");
	make_busy(&play, &ops, "@swap");
	runs(&play);
	ck_assert_str_eq(play.mounts, "overlay /home\nread-only /swap\noverlay /var\n");
	ck_assert_str_eq(play.notes, "");
	play_end(&play);
}
END_TEST

UNIT_MAIN("fill", a_line_that_may_fail_does_not_stop_anything, a_line_that_must_not_fail_stops_it,
	  data_on_another_file_system_can_be_neither_seen_nor_written,
	  what_is_mounted_in_an_empty_place_has_a_way_to_it,
	  logs_that_no_data_lies_below_are_thrown_away,
	  without_the_package_database_there_is_no_stage,
	  data_with_an_active_swap_file_is_not_left_out, a_place_for_swap_files_is_read_only)
