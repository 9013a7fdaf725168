/* dataclass: every path that a stage wrote has one fate, by the most precise row. */
#include "auto.h"
#include "dataclass.h"
#include "territory.h"
#include "text.h"
#include "unit.h"

START_TEST(test_rows)
{
	static const struct {
		const char *path;
		enum data_class class;
	} cases[] = {
		{"/var/lib/mysql/ibdata1", DATA_KEEP},
		{"/var/lib", DATA_KEEP},
		{"/var", DATA_KEEP},
		{"/srv/www", DATA_KEEP},
		{"/home/me/.cache/x", DATA_KEEP},
		{"/var/log", DATA_LOG},
		{"/var/log/apt/term.log", DATA_LOG},
		{"/var/logs", DATA_KEEP},
		{"/var/logrotate/x", DATA_KEEP},
		{"/var/cache/man/index.db", DATA_CACHE},
		{"/var/cache", DATA_CACHE},
		{"/var/tmp/dracut.1", DATA_DROP},
		{"/var/lib/apt/lists/partial", DATA_DROP},
		{"/var/lib/apt/listchanges.db", DATA_KEEP},
		{"/var/lib/apt/periodic/update-stamp", DATA_CACHE},
		{"/var/lib/systemd/catalog/database", DATA_CACHE},
		{"/root/.cache/x", DATA_DROP},
		{"/root/.bash_history", DATA_DROP},
		{"/root/.bash_history2", DATA_KEEP},
		{"/root/notes", DATA_KEEP},
		{"/root/.profile", DATA_STAY},
		{"/var/lib/shells.state", DATA_STAY},
		/* more precise than /var/cache */
		{"/var/cache/debconf/config.dat", DATA_PACKAGE},
		{"/var/lib/dpkg", DATA_PACKAGE},
		{"/var/lib/dpkg/status", DATA_PACKAGE},
		{"/var/lib/dpkg2", DATA_KEEP},
		{"/var/lib/apt/extended_states", DATA_PACKAGE},
		{"/srv/var/lib/dpkg/status", DATA_KEEP},
		{"/", DATA_KEEP},
		{"", DATA_KEEP},
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(dataclass_of(cases[i].path) == cases[i].class, "%s is %d",
			      cases[i].path, (int)dataclass_of(cases[i].path));
}
END_TEST

START_TEST(test_all_package_state)
{
	for (size_t i = 0; i < state_path_count; i++) {
		auto_free char *path = xasprintf("/var/%s", state_paths[i].path);
		auto_free char *inside = xasprintf("%s/a/b", path);

		ck_assert_int_eq(dataclass_of(path), DATA_PACKAGE);
		ck_assert_int_eq(dataclass_of(inside), DATA_PACKAGE);
		ck_assert_str_eq(dataclass_place(path), state_paths[i].place);
		ck_assert_ptr_null(dataclass_place(inside));
	}
	ck_assert_ptr_null(dataclass_place("/var/lib/mysql"));
	ck_assert_ptr_null(dataclass_place("/etc/passwd"));
}
END_TEST

UNIT_MAIN("dataclass", test_rows, test_all_package_state)
