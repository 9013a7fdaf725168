/* moult diff on a machine in memory: which two, which parts, what is refused, and every call failing. */
#include <string.h>
#include "engine_judge.h"
#include "fault_host.h"
#include "text.h"
#include "verbs.h"

#define STATUS "usr/lib/sysimage/dpkg/status"
#define KERNEL "c..... /boot/initrd.img-6.1.0-50-amd64;c..... /boot/vmlinuz-6.1.0-50-amd64;"
#define PACKAGE(name, version)                                                                     \
	"Package: " name "\nStatus: install ok installed\nVersion: " version                       \
	"\nArchitecture: all\n\n"

static void put(struct engine_world *world, const char *path, const char *text)
{
	fake_host_put(world->fake, VOLUME_POOL, path, text);
}

/* The tree of a generation, and its base, which is made anew. */
static void build(struct engine_world *world, unsigned id, const char *status, const char *hosts)
{
	struct host *host = &world->fake->host;
	auto_free char *root = xasprintf("@gens/%u/root", id),
		       *base = xasprintf("@gens/%u/base", id);
	auto_free char *packages = xasprintf("%s/" STATUS, root);
	auto_free char *file = xasprintf("%s/etc/hosts", root);

	put(world, packages, status);
	put(world, file, hosts);
	host->ops->delete_subvolume(host, base);
	ck_assert_int_eq(host->ops->snapshot(host, root, base, true), 0);
}

/* 1 is current and good, 2 good and newer by a package and a line; 1's owner wrote a file since. */
static void open_world(struct engine_world *world)
{
	struct err err = {0};

	engine_world_open(world);
	build(world, 1, PACKAGE("a", "1") PACKAGE("b", "2") PACKAGE("c", "1"), "one\n");
	build(world, 2, PACKAGE("a", "2") PACKAGE("b", "1") PACKAGE("d", "1"), "one\ntwo\n");
	put(world, "@gens/2/root/usr/bin/new", "n");
	put(world, "@gens/1/root/etc/mine", "m");
	must(engine_offer(&world->machine, 2, &err));
	must(engine_bless(&world->machine, 2, &err));
	engine_runs(world, 2, 2, false, "b2");
	must(engine_world_reopen(world, &world->fake->host, &err));
}

static json_t *diff(struct engine_world *world, struct verb_request request)
{
	json_t *document = NULL;
	struct err err = {0};

	request.verb = "diff";
	ck_assert_msg(verb_diff(&world->machine, &request, &document, &err), "%s", err.text);
	return document;
}

static struct err refused(struct engine_world *world, struct verb_request request)
{
	json_t *document = NULL;
	struct err err = {0};

	request.verb = "diff";
	ck_assert(!verb_diff(&world->machine, &request, &document, &err));
	ck_assert_ptr_null(document);
	return err;
}

/* "+..... /etc/new;" of each */
static char *paths(const json_t *document, const char *part)
{
	const json_t *item;
	struct text text = {0};
	size_t i;

	json_array_foreach(json_object_get(document, part), i, item)
	{
		text_addf(&text, "%s %s;", json_string_value(json_object_get(item, "marks")),
			  json_string_value(json_object_get(item, "path")));
	}
	return text_take(&text);
}

static json_int_t id_of(const json_t *document, const char *end)
{
	return json_integer_value(json_object_get(json_object_get(document, end), "id"));
}

#define assert_paths(document, part, expected)                                                     \
	do {                                                                                       \
		auto_free char *found_ = paths(document, part);                                    \
		ck_assert_str_eq(found_, expected);                                                \
	} while (0)

START_TEST(two_generations_differ_in_packages_configuration_and_files)
{
	auto_json json_t *document = NULL, *packages = NULL;
	auto_free char *printed = NULL;
	struct engine_world world;

	open_world(&world);
	document = diff(&world, (struct verb_request){.which = "1", .against = "2"});
	ck_assert_int_eq(id_of(document, "from"), 1);
	ck_assert_int_eq(id_of(document, "to"), 2);
	assert_paths(document, "config", "c..... /etc/hosts;-..... /etc/mine;");
	assert_paths(document, "files",
		     KERNEL "+..... /usr/bin;+..... /usr/bin/new;c..... /" STATUS ";");
	printed = json_print_line(json_object_get(document, "packages"));
	ck_assert_str_eq(printed,
			 "["
			 "{\"name\":\"a\",\"from\":\"1\",\"to\":\"2\",\"change\":\"upgraded\"},"
			 "{\"name\":\"b\",\"from\":\"2\",\"to\":\"1\",\"change\":\"downgraded\"},"
			 "{\"name\":\"c\",\"from\":\"1\",\"to\":null,\"change\":\"removed\"},"
			 "{\"name\":\"d\",\"from\":null,\"to\":\"1\",\"change\":\"added\"}"
			 "]");
	engine_world_done(&world);
}
END_TEST

START_TEST(as_they_were_built_what_their_owners_did_since_does_not_count)
{
	auto_json json_t *document = NULL;
	struct engine_world world;

	open_world(&world);
	document = diff(&world, (struct verb_request){.which = "1", .against = "2", .base = true});
	assert_paths(document, "config", "c..... /etc/hosts;");
	assert_paths(document, "files", KERNEL "c..... /" STATUS ";");
	engine_world_done(&world);
}
END_TEST

START_TEST(one_with_itself_is_what_its_owner_changed)
{
	auto_json json_t *document = NULL;
	struct engine_world world;
	struct err err;

	open_world(&world);
	document = diff(&world, (struct verb_request){.which = "1", .against = "1"});
	assert_paths(document, "config", "+..... /etc/mine;");
	assert_paths(document, "files", "");
	ck_assert(json_is_true(json_object_get(json_object_get(document, "from"), "built")));
	ck_assert(json_is_false(json_object_get(json_object_get(document, "to"), "built")));
	err = refused(&world, (struct verb_request){.which = "1", .against = "1", .base = true});
	ck_assert_int_eq(err.kind, ERR_USAGE);
	engine_world_done(&world);
}
END_TEST

START_TEST(without_a_word_it_is_the_previous_one_against_the_current_one)
{
	static const struct {
		const char *a, *b;
		int from, to;
	} cases[] = {{NULL, NULL, 1, 2},	   {"1", NULL, 1, 2},	{"current", "1", 2, 1},
		     {"running", "current", 2, 2}, {"last", "2", 1, 2}, {"2", "last", 2, 1},
		     {"old", NULL, 1, 2}};
	struct engine_world world;
	struct err err = {0};
	json_t *answer = NULL;

	open_world(&world);
	must(verb_pin(&world.machine,
		      &(struct verb_request){.verb = "pin", .which = "1", .name = "old"}, &answer,
		      &err));
	json_decref(answer);
	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_json json_t *document = diff(
			&world, (struct verb_request){.which = cases[i].a, .against = cases[i].b});

		ck_assert_int_eq(id_of(document, "from"), cases[i].from);
		ck_assert_int_eq(id_of(document, "to"), cases[i].to);
	}
	engine_world_done(&world);
}
END_TEST

START_TEST(what_cannot_be_compared_is_said)
{
	static const struct {
		struct verb_request request;
		enum err_kind kind;
		const char *says;
	} cases[] = {
		{{.which = "77"}, ERR_REFUSED, "there is no generation '77'"},
		{{.which = "nobody"}, ERR_REFUSED, "no generation is named"},
		{{.which = "3"}, ERR_CORRUPT, "generation 3 is damaged"},
		{{.which = "1", .against = "3"}, ERR_CORRUPT, "generation 3 is damaged"},
		{{.which = "0", .base = true}, ERR_REFUSED, "generation 0 was not built"},
		{{.file = "/etc/none"}, ERR_REFUSED, "neither generation 1 nor generation 2 has"},
		{{.file = "/etc/../hosts"}, ERR_USAGE, "--file wants the path"},
		{{.file = "/"}, ERR_USAGE, "--file wants the path"},
		{{.file = "etc//hosts"}, ERR_USAGE, "--file wants the path"},
		{{.file = "/var/lib/db"}, ERR_REFUSED, "is data"},
	};
	struct engine_world world;
	struct err err = {0};

	open_world(&world);
	fake_host_put_subvolume(world.fake, "@var");
	put(&world, "@gens/3/state.json", "{");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	for (size_t i = 0; i < COUNT(cases); i++) {
		err = refused(&world, cases[i].request);
		ck_assert_msg(err.kind == cases[i].kind && strstr(err.text, cases[i].says),
			      "%zu: %d %s", i, (int)err.kind, err.text);
	}
	world.machine.listing.layout.last_id = 77;
	err = refused(&world, (struct verb_request){.which = "77"});
	ck_assert_str_eq(err.text, "generation 77 is no more: it was removed, or never finished");
	engine_world_done(&world);
}
END_TEST

START_TEST(only_the_parts_that_were_asked_for)
{
	static const char *const parts[] = {"packages", "config", "files"};
	struct engine_world world;

	open_world(&world);
	for (unsigned wanted = 1; wanted < 8; wanted++) {
		auto_json json_t *document = diff(&world, (struct verb_request){
								  .packages = wanted & 1,
								  .config = wanted & 2,
								  .files = wanted & 4,
							  });

		for (unsigned i = 0; i < COUNT(parts); i++)
			ck_assert(!json_object_get(document, parts[i]) == !(wanted & 1u << i));
	}
	engine_world_done(&world);
}
END_TEST

static const json_t *file_of(struct engine_world *world, const char *path, json_t **ret_document)
{
	json_decref(*ret_document);
	*ret_document =
		diff(world, (struct verb_request){.which = "1", .against = "2", .file = path});
	return json_object_get(*ret_document, "file");
}

static const char *word(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value ? value : "";
}

START_TEST(one_file_is_shown_line_by_line)
{
	auto_json json_t *document = NULL;
	struct engine_world world;
	const json_t *file;

	open_world(&world);
	file = file_of(&world, "/etc/hosts", &document);
	ck_assert_str_eq(word(file, "text"), "--- /etc/hosts (generation 1)\n-one\n"
					     "+++ /etc/hosts (generation 2)\n+one\n+two\n");
	file = file_of(&world, "etc/mine/", &document);
	ck_assert_str_eq(word(file, "marks"), "-.....");
	ck_assert_ptr_nonnull(strstr(word(file, "text"), "-m\n"));
	file = file_of(&world, "/etc", &document);
	ck_assert(json_is_null(json_object_get(file, "text")));
	ck_assert_str_eq(word(file, "why"), "not a regular file");
	engine_world_done(&world);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_not_shown)
{
	static const char binary[] = "a\0b";
	auto_json json_t *document = NULL;
	auto_free char *large = xcalloc(1, 2 << 20);
	struct engine_world world;
	struct host *host;

	open_world(&world);
	host = &world.fake->host;
	memset(large, 'x', (2 << 20) - 1);
	ck_assert_int_eq(host->ops->write(host, VOLUME_POOL, "@gens/2/root/etc/hosts", binary,
					  sizeof(binary)),
			 0);
	ck_assert_str_eq(word(file_of(&world, "/etc/hosts", &document), "why"), "binary");
	put(&world, "@gens/2/root/etc/hosts", large);
	ck_assert_str_eq(word(file_of(&world, "/etc/hosts", &document), "why"),
			 "too large to be shown line by line");
	engine_world_done(&world);
}
END_TEST

static bool has_note(const json_t *document, const char *part)
{
	const json_t *note;
	size_t i;

	json_array_foreach(json_object_get(document, "notes"), i, note)
	{
		if (strstr(json_string_value(note), part))
			return true;
	}
	return false;
}

START_TEST(the_original_has_no_base_and_its_data_does_not_count)
{
	auto_json json_t *document = NULL;
	struct engine_world world;
	struct err err = {0};

	open_world(&world);
	fake_host_put_subvolume(world.fake, "@var");
	fake_host_put_subvolume(world.fake, "@home");
	put(&world, "@rootfs/var/lib/dpkg/status", PACKAGE("a", "1"));
	put(&world, "@rootfs/home/me/letter", "dear");
	put(&world, "@rootfs/etc/old", "o");
	must(engine_world_reopen(&world, &world.fake->host, &err));
	document = diff(&world, (struct verb_request){.which = "0", .against = "1"});
	ck_assert(has_note(document, "every file was looked at"));
	ck_assert(has_note(document, "/home, /var, /srv"));
	{
		auto_free char *files = paths(document, "files"),
			       *config = paths(document, "config");

		ck_assert_ptr_null(strstr(files, "letter"));
		ck_assert_ptr_null(strstr(files, "/var/"));
		ck_assert_ptr_nonnull(strstr(config, "-..... /etc/old;"));
		ck_assert_ptr_nonnull(strstr(config, "+..... /etc/mine;"));
	}
	engine_world_done(&world);
}
END_TEST

START_TEST(any_call_may_fail_and_it_is_said)
{
	static const struct verb_request requests[] = {
		{.verb = "diff", .which = "1", .against = "2"},
		{.verb = "diff", .which = "1", .against = "2", .file = "/etc/hosts"},
		{.verb = "diff", .which = "0", .against = "2"},
	};
	struct fault_host fault = {.failed = ""};
	struct engine_world world;
	struct err err = {0};
	size_t effects;

	open_world(&world);
	put(&world, "@rootfs/var/lib/dpkg/status", PACKAGE("a", "1"));
	effects = world.fake->effect_count;
	for (size_t i = 0; i < COUNT(requests); i++) {
		fault.failed = "";
		for (unsigned call = 1; fault.failed; call++) {
			json_t *document = NULL;

			fault_host_init(&fault, &world.fake->host);
			fault.fail_at = call;
			err = (struct err){0};
			if (engine_world_reopen(&world, &fault.host, &err) &&
			    verb_diff(&world.machine, &requests[i], &document, &err))
				json_decref(document);
			else
				ck_assert_msg(err.kind != ERR_NONE && err.text[0] && !document,
					      "%s", fault.failed);
		}
	}
	/* a reader */
	ck_assert_uint_eq(world.fake->effect_count, effects);
	err = (struct err){0};
	must(engine_world_reopen(&world, &world.fake->host, &err));
	engine_world_done(&world);
}
END_TEST

START_TEST(it_can_be_interrupted)
{
	struct engine_world world;

	open_world(&world);
	world.fake->interrupt = true;
	ck_assert_int_eq(refused(&world, (struct verb_request){.which = "1"}).kind,
			 ERR_INTERRUPTED);
	engine_world_done(&world);
}
END_TEST

UNIT_MAIN("diff", two_generations_differ_in_packages_configuration_and_files,
	  as_they_were_built_what_their_owners_did_since_does_not_count,
	  one_with_itself_is_what_its_owner_changed,
	  without_a_word_it_is_the_previous_one_against_the_current_one,
	  what_cannot_be_compared_is_said, only_the_parts_that_were_asked_for,
	  one_file_is_shown_line_by_line, bytes_that_are_no_text_are_not_shown,
	  the_original_has_no_base_and_its_data_does_not_count, any_call_may_fail_and_it_is_said,
	  it_can_be_interrupted)
