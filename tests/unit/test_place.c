/* Commands that help, as they are typed where another system is worked on. */
#include <string.h>
#include "render.h"
#include "unit.h"

START_TEST(commands_that_help_another_system_cannot_be_taken_for_ones_of_this)
{
	static const struct {
		struct place place;
		const char *from, *to;
	} cases[] = {
		{{0}, "sudo bootctl install", "sudo bootctl install"},
		{{.sysroot = "d.img"}, "moult log", "moult --sysroot d.img log"},
		{{.sysroot = "d.img"}, "sudo bootctl install", PLACE_THERE "sudo bootctl install"},
		{{.sysroot = "d.img"}, "sudoedit /etc/fstab", PLACE_THERE "sudoedit /etc/fstab"},
		{{.sysroot = "d.img"}, "sudo umount /a; b", PLACE_THERE "sudo umount /a; b"},
		{{.sysroot = "d.img"}, PLACE_THERE "sudo x", PLACE_THERE "sudo x"},
		{{.sysroot = "d.img"}, "man moult.yaml", "man moult.yaml"},
		{{.sysroot = "d.img"}, "lsblk --fs", "lsblk --fs"},
		{{.sysroot = "/a b/it's"}, "moult list", "moult --sysroot '/a b/it'\\''s' list"},
		{{.sysroot = "$(x)", .esp = ""},
		 "moult list",
		 "moult --sysroot '$(x)' --esp '' list"},
		{{.sysroot = "a", .esp = "/dev/b"},
		 "sudo moult --sysroot a --esp DEVICE repair",
		 "sudo moult --sysroot a --esp DEVICE repair"},
		{{.sysroot = "a"},
		 "sudo moult --esp DEVICE repair",
		 "sudo moult --sysroot a --esp DEVICE repair"},
		/* this system's own boot volume was only not found */
		{{.esp = "/dev/b"}, "sudo moult check", "sudo moult --esp /dev/b check"},
		{{.esp = "/dev/b"}, "sudo bootctl install", "sudo bootctl install"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		auto_text struct text out = {0};

		place_add_command(&cases[i].place, cases[i].from, &out);
		ck_assert_str_eq(out.bytes, cases[i].to);
	}
}
END_TEST

START_TEST(documents_name_the_same_commands_as_the_text)
{
	static const struct view view = {.columns = 100, .place = {.sysroot = "/dev/sda"}};
	const char *text =
		"{\"findings\":[{\"code\":\"A\",\"level\":\"error\",\"why\":\"w\",\"remedy\":"
		"\"sudo moult repair\"},{\"code\":\"B\",\"level\":\"error\",\"why\":\"w\","
		"\"remedy\":\"sudo apt-get install x\"}],"
		"\"error\":{\"text\":\"t\",\"try\":\"moult list\"}}";
	auto_json json_t *document = json_loads(text, 0, NULL);
	auto_text struct text shown = {0};
	auto_free char *printed = NULL;

	ck_assert_ptr_nonnull(document);
	render_check(document, &view, &shown);
	place_document(&view.place, document);
	printed = json_dumps(document, JSON_SORT_KEYS);
	ck_assert_ptr_nonnull(strstr(printed, "\"sudo moult --sysroot /dev/sda repair\""));
	ck_assert_ptr_nonnull(strstr(printed, "\"# in that system: sudo apt-get install x\""));
	ck_assert_ptr_nonnull(strstr(printed, "\"moult --sysroot /dev/sda list\""));
	ck_assert_ptr_nonnull(strstr(shown.bytes, "  try: sudo moult --sysroot /dev/sda repair\n"));
	ck_assert_ptr_nonnull(
		strstr(shown.bytes, "  try (in that system): sudo apt-get install x\n"));
}
END_TEST

UNIT_MAIN("place", commands_that_help_another_system_cannot_be_taken_for_ones_of_this,
	  documents_name_the_same_commands_as_the_text)
