/*
 * fill: what the stage sees of the machine's data, what it must go without, and what a base that
 * was never booted hands on. The stage itself is played: its overlays are written by hand.
 */
#include <errno.h>
#include <string.h>
#include "fake_host.h"
#include "fault_host.h"
#include "fill.h"
#include "unit.h"

#define UUID "11111111-2222-3333-4444-555555555555"
#define POOL "UUID=" UUID
#define MAKING "@gens/.8.tmp/"
#define BASE "@gens/7/"
#define UPPER MAKING "overlay/@var/upper/"

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
	bool accept;
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
		.base = "@gens/7",
		.generation = 8,
		.command = command,
		.accept_data_change = play->accept,
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

static void assert_text(const struct fake_host *fake, const char *path, const char *wanted)
{
	ck_assert_msg(text_equal(fake_host_text(fake, VOLUME_POOL, path), wanted), "%s is %s", path,
		      fake_host_text(fake, VOLUME_POOL, path));
}

/* --- a base that was never booted -------------------------------------------------------------- */

/* Something new, something the data has by now, and accepted: one changed, one removed. */
static void put_replay(struct fake_host *fake)
{
	fake_host_put(fake, VOLUME_POOL, BASE "replay/@var/lib/new/file", "n");
	fake_host_put(fake, VOLUME_POOL, BASE "replay/@var/lib/taken", "ours");
	fake_host_put(fake, VOLUME_POOL, BASE "replay/@var/lib/db", "2");
	fake_host_put(fake, VOLUME_POOL, BASE "replay/@srv/site", "s");
	fake_host_put(fake, VOLUME_POOL, BASE "replay.json",
		      "{\"format_version\":1,\"min_reader\":1,\"volumes\":["
		      "{\"name\":\"@var\",\"subvolume\":\"@var\",\"mount_point\":\"/var\","
		      "\"changes\":[{\"path\":\"lib/db\",\"kind\":\"changed\"},"
		      "{\"path\":\"lib/old\",\"kind\":\"removed\"}]},"
		      "{\"name\":\"@srv\",\"subvolume\":\"@srv\",\"mount_point\":\"/srv\","
		      "\"changes\":[]}]}");
}

static void look_and_add(struct fake_host *fake)
{
	assert_text(fake, UPPER "lib/new/file", "n");
	assert_text(fake, UPPER "lib/db", "2");
	assert_text(fake, UPPER "lib/taken", NULL);
	assert_text(fake, MAKING "data-lower/@var/lib/taken", "its own");
	assert_text(fake, MAKING "data-lower/@var/lib/old", NULL);
	assert_text(fake, "@var/lib/old", "x");
	fake_host_put(fake, VOLUME_POOL, UPPER "lib/new/second", "2");
}

START_TEST(what_the_base_was_going_to_add_is_there_and_goes_on)
{
	struct play play;
	struct err err = {0};

	play_begin(&play);
	put_replay(play.fake);
	fake_host_put_subvolume(play.fake, "@srv");
	play.act = look_and_add;
	runs(&play);
	ck_assert_uint_eq(json_array_size(play.fill.data_changes), 0);
	assert_text(play.fake, MAKING "replay/@var/lib/new/file", "n");
	assert_text(play.fake, MAKING "replay/@var/lib/new/second", "2");
	assert_text(play.fake, MAKING "replay/@srv/site", "s");
	assert_text(play.fake, MAKING "overlay/@var", NULL);
	/* the base, too, can still be booted */
	assert_text(play.fake, BASE "replay/@var/lib/new/file", "n");
	ck_assert_int_eq(play.fake->host.ops->rename(&play.fake->host, VOLUME_POOL, "@gens/.8.tmp",
						     "@gens/8"),
			 0);
	ck_assert_msg(replay_run(&play.machine, 8, &err), "%s", err.text);
	assert_text(play.fake, "@var/lib/new/file", "n");
	assert_text(play.fake, "@var/lib/new/second", "2");
	assert_text(play.fake, "@var/lib/taken", "its own");
	assert_text(play.fake, "@var/lib/db", "2");
	assert_text(play.fake, "@var/lib/old", NULL);
	assert_text(play.fake, "@srv/site", "s");
	assert_text(play.fake, "@gens/8/data/@var/lib/db", "1");
	assert_text(play.fake, "@gens/8/data/@var/lib/old", "x");
	play_end(&play);
}
END_TEST

static void change_again(struct fake_host *fake)
{
	fake_host_put(fake, VOLUME_POOL, UPPER "lib/db", "3");
}

START_TEST(what_was_accepted_is_not_asked_again_unless_it_changes_again)
{
	struct play play;

	play_begin(&play);
	put_replay(play.fake);
	play.act = change_again;
	refused(&play, ERR_NEEDS_ACK, "itself: /var/lib/db",
		"sudo moult run --continue --accept DATA_CHANGE -- COMMAND");
	play_end(&play);

	play_begin(&play);
	put_replay(play.fake);
	play.act = change_again;
	play.accept = true;
	runs(&play);
	assert_text(play.fake, MAKING "replay/@var/lib/db", "3");
	play_end(&play);
}
END_TEST

static void remove_all(struct fake_host *fake)
{
	fake->host.ops->remove_tree(&fake->host, VOLUME_POOL, UPPER "lib/new");
}

static void log_and_replace_a_link(struct fake_host *fake)
{
	fake_host_put(fake, VOLUME_POOL, UPPER "log/apt/term.log", "hello");
	fake_host_put(fake, VOLUME_POOL, UPPER "lib/apt/extended_states", "Auto-Installed: 1");
}

/* apt renames a new file over the link that leads into the root. */
START_TEST(logs_are_kept_apart_and_package_state_is_the_roots)
{
	struct play play;

	play_begin(&play);
	fake_host_put(play.fake, VOLUME_POOL, "@var/lib/apt/x", "");
	fake_host_put(play.fake, VOLUME_POOL, MAKING "root/usr/lib/sysimage/apt/x", "");
	ck_assert_int_eq(
		play.fake->host.ops->make_symlink(&play.fake->host, VOLUME_POOL,
						  "../../../usr/lib/sysimage/apt/extended_states",
						  "@var/lib/apt/extended_states"),
		0);
	play.act = log_and_replace_a_link;
	runs(&play);
	assert_text(play.fake, MAKING "log/apt/term.log", "hello");
	assert_text(play.fake, MAKING "root/usr/lib/sysimage/apt/extended_states",
		    "Auto-Installed: 1");
	play_end(&play);
}
END_TEST

START_TEST(what_is_taken_away_again_is_not_added)
{
	struct play play;

	play_begin(&play);
	put_replay(play.fake);
	play.act = remove_all;
	runs(&play);
	assert_text(play.fake, MAKING "replay/@var/lib/new/file", NULL);
	/* what the base removed stays removed */
	ck_assert_ptr_nonnull(strstr(fake_host_text(play.fake, VOLUME_POOL, MAKING "replay.json"),
				     "\"lib/old\""));
	play_end(&play);
}
END_TEST

START_TEST(a_base_that_was_booted_has_nothing_to_hand_on)
{
	struct play play;

	play_begin(&play);
	put_replay(play.fake);
	ck_assert_int_eq(play.fake->host.ops->rename(&play.fake->host, VOLUME_POOL, BASE "replay",
						     BASE "replay.done"),
			 0);
	runs(&play);
	assert_text(play.fake, MAKING "replay.json", NULL);
	play_end(&play);
}
END_TEST

START_TEST(a_failure_anywhere_is_told)
{
	unsigned failures = 0;

	for (unsigned call = 1;; call++) {
		struct fault_host fault;
		struct err err = {0};
		struct play play;
		bool done;

		play_begin(&play);
		put_replay(play.fake);
		fake_host_put_subvolume(play.fake, "@srv");
		fault_host_init(&fault, &play.fake->host);
		fault.fail_at = call;
		done = play_run(&play, &fault.host, &err);
		/* whatever it goes on without, nothing of the base's is lost */
		if (done) {
			assert_text(play.fake, MAKING "replay/@var/lib/new/file", "n");
			assert_text(play.fake, MAKING "replay/@srv/site", "s");
		} else {
			ck_assert_int_ne(err.text[0], '\0');
			failures++;
		}
		play_end(&play);
		if (fault.calls < call)
			break;
	}
	ck_assert_uint_gt(failures, 60);
}
END_TEST

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

UNIT_MAIN("fill", what_the_base_was_going_to_add_is_there_and_goes_on,
	  what_was_accepted_is_not_asked_again_unless_it_changes_again,
	  logs_are_kept_apart_and_package_state_is_the_roots, what_is_taken_away_again_is_not_added,
	  a_base_that_was_booted_has_nothing_to_hand_on, a_failure_anywhere_is_told,
	  a_line_that_may_fail_does_not_stop_anything, a_line_that_must_not_fail_stops_it,
	  data_on_another_file_system_can_be_neither_seen_nor_written,
	  what_is_mounted_in_an_empty_place_has_a_way_to_it,
	  logs_that_no_data_lies_below_are_thrown_away,
	  without_the_package_database_there_is_no_stage,
	  data_with_an_active_swap_file_is_not_left_out, a_place_for_swap_files_is_read_only)
