/* What a person may do to a publication's own part of the kernel command line. */
#include <string.h>
#include "kargs.h"
#include "text.h"
#include "unit.h"

#define MAX 4

static const struct {
	const char *options, *verb, *arguments[MAX], *becomes;
} changes[] = {
	{"ro quiet", "add", {"nosmt"}, "ro quiet nosmt"},
	{"", "add", {"quiet", "splash"}, "quiet splash"},
	{"ro quiet", "add", {"quiet"}, "ro quiet"},
	{"ro", "add", {"nosmt", "nosmt"}, "ro nosmt"},
	{"ro quiet", "add", {"nosmt foo=1"}, "ro quiet nosmt foo=1"},
	{"ro console=tty0", "add", {"console=ttyS0"}, "ro console=tty0 console=ttyS0"},
	{"ro", "add", {"dyndbg=\"file x +p\""}, "ro dyndbg=\"file x +p\""},
	{"ro dyndbg=\"file x +p\"", "add", {"\"dyndbg=file x +p\""}, "ro dyndbg=\"file x +p\""},
	{"ro -- emergency", "add", {"nosmt"}, "ro nosmt -- emergency"},
	{"ro -- nosmt", "add", {"nosmt"}, "ro nosmt -- nosmt"},
	{"ro", "add", {"panic=30"}, "ro panic=30"},
	{"ro  quiet", "remove", {"quiet"}, "ro"},
	{"ro quiet", "remove", {"quiet", "ro"}, ""},
	{"a=1 b a=2", "remove", {"a=1"}, "b a=2"},
	{"a=1 b a=2", "remove", {"a"}, "b"},
	{"a-b=1 c", "remove", {"a_b"}, "c"},
	{"x=\"1 2\" c", "remove", {"x=\"1 2\""}, "c"},
	{"x=\"1 2\" c", "remove", {"\"x=1 2\""}, "c"},
	{"ab=1 a", "remove", {"a"}, "ab=1"},
	{"ro quiet -- quiet", "remove", {"quiet"}, "ro -- quiet"},
	{"ro quiet", "set", {"rw", "debug"}, "rw debug"},
	{"ro quiet", "set", {"rw  debug"}, "rw debug"},
	{"ro quiet", "set", {""}, ""},
	{"ro", "set", {"rw -- root=x moult.gen=1"}, "rw -- root=x moult.gen=1"},
};

START_TEST(a_line_is_changed_word_by_word)
{
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct kargs_change change = {changes[i].verb, changes[i].arguments};
		auto_free char *becomes = NULL;
		struct err err = {0};

		ck_assert_msg(kargs_apply(changes[i].options, &change, &becomes, &err), "%zu: %s",
			      i, err.text);
		ck_assert_msg(strcmp(becomes, changes[i].becomes) == 0, "%zu: '%s'", i, becomes);
	}
}
END_TEST

static const struct {
	const char *verb, *arguments[MAX];
	enum err_kind kind;
	const char *says;
} refusals[] = {
	{"add", {"root=/dev/sda"}, ERR_REFUSED, "moult's own"},
	{"add", {"quiet root=/dev/sda"}, ERR_REFUSED, "'root=/dev/sda'"},
	{"add", {"\"root=/dev/sda\""}, ERR_REFUSED, "moult's own"},
	{"add", {"rootflags=subvol=@"}, ERR_REFUSED, "moult's own"},
	{"add", {"moult.trial=1"}, ERR_REFUSED, "moult's own"},
	{"add", {"moult.gen"}, ERR_REFUSED, "moult's own"},
	{"add", {"initrd=/x"}, ERR_REFUSED, "moult's own"},
	{"add", {"BOOT_IMAGE=/x"}, ERR_REFUSED, "moult's own"},
	{"add", {"systemd.machine-id=1"}, ERR_REFUSED, "moult's own"},
	{"set", {"rw moult.serial=3"}, ERR_REFUSED, "moult's own"},
	{"remove", {"root"}, ERR_REFUSED, "moult's own"},
	{"remove", {"debug"}, ERR_REFUSED, "'debug' is not on"},
	{"remove", {"quie"}, ERR_REFUSED, "not on"},
	{"remove", {"quiet", "debug"}, ERR_REFUSED, "'debug' is not on"},
	{"remove", {"init"}, ERR_REFUSED, "not on"},
	{"add", {"a\nlinux /evil"}, ERR_USAGE, "cannot be on"},
	{"add", {"a\x1b[31m"}, ERR_USAGE, "cannot be on"},
	{"add", {"gr\xc3\xbc\xc3\x9f"}, ERR_USAGE, "cannot be on"},
	{"add", {"a=\"b"}, ERR_USAGE, "not closed"},
	/* no quote of one closes that of another */
	{"add", {"a=\"b", "c\""}, ERR_USAGE, "not closed"},
	{"add", {"--", "single"}, ERR_USAGE, "for init"},
	{"remove", {"--"}, ERR_USAGE, "for init"},
	{"add", {NULL}, ERR_USAGE, "nothing to add"},
	{"add", {""}, ERR_USAGE, "nothing to add"},
	{"remove", {"  "}, ERR_USAGE, "nothing to remove"},
	{"set", {NULL}, ERR_USAGE, "nothing to set"},
};

START_TEST(what_is_moults_or_malformed_is_refused_by_name)
{
	for (size_t i = 0; i < COUNT(refusals); i++) {
		struct kargs_change change = {refusals[i].verb, refusals[i].arguments};
		char *becomes = NULL;
		struct err err = {0};

		ck_assert_msg(!kargs_apply("ro quiet -- init", &change, &becomes, &err), "%zu", i);
		ck_assert_ptr_null(becomes);
		ck_assert_int_eq(err.kind, refusals[i].kind);
		ck_assert_msg(strstr(err.text, refusals[i].says), "%zu: '%s'", i, err.text);
	}
}
END_TEST

START_TEST(what_does_not_hold_on_a_trial_is_said)
{
	auto_free char *note = kargs_note("ro panic=30 oops=panic quiet");

	ck_assert_ptr_nonnull(note);
	ck_assert_ptr_nonnull(strstr(note, "panic=30 oops=panic"));
	ck_assert_ptr_null(strstr(note, "quiet"));
	ck_assert_ptr_null(kargs_note("ro quiet -- panic=1"));
}
END_TEST

UNIT_MAIN("kargs_line", a_line_is_changed_word_by_word,
	  what_is_moults_or_malformed_is_refused_by_name, what_does_not_hold_on_a_trial_is_said)
