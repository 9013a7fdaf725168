#include "territory.h"
#include <string.h>
#include "auto.h"

const struct data_path data_paths[] = {
	{.path = "var", .subvolume = "@var"},
	{.path = "home", .subvolume = "@home"},
	{.path = "root", .subvolume = "@root"},
	{.path = "srv", .subvolume = "@srv"},
	{.path = "usr/local", .subvolume = "@usr-local"},
	{.path = "opt", .subvolume = "@opt", .if_unowned = true},
};
const size_t data_path_count = COUNT(data_paths);

/* What a package manager or a maintainer script remembers about the root it worked on. */
const struct state_path state_paths[] = {
	{.path = "lib/dpkg", .place = "dpkg"},
	{.path = "lib/apt/extended_states", .place = "apt/extended_states", .file = true},
	{.path = "cache/debconf", .place = "debconf"},
	{.path = "lib/ucf", .place = "ucf"},
	{.path = "lib/pam", .place = "pam"},
	{.path = "lib/systemd/deb-systemd-helper-enabled", .place = "deb-systemd-helper-enabled"},
	{.path = "lib/systemd/deb-systemd-helper-masked", .place = "deb-systemd-helper-masked"},
	{.path = "lib/systemd/deb-systemd-user-helper-enabled",
	 .place = "deb-systemd-user-helper-enabled"},
	{.path = "lib/systemd/deb-systemd-user-helper-masked",
	 .place = "deb-systemd-user-helper-masked"},
	{.path = "lib/initramfs-tools", .place = "initramfs-tools"},
	{.path = "lib/dkms", .place = "dkms"},
	{.path = "lib/dictionaries-common", .place = "dictionaries-common"},
	{.path = "lib/emacsen-common", .place = "emacsen-common"},
	{.path = "lib/xml-core", .place = "xml-core"},
	{.path = "lib/sgml-base", .place = "sgml-base"},
	{.path = "lib/texmf", .place = "texmf"},
	{.path = "lib/doc-base", .place = "doc-base"},
};
const size_t state_path_count = COUNT(state_paths);

bool territory_is_swap(const char *subvolume, const char *mount_point)
{
	return strcmp(subvolume, SWAP_SUBVOLUME) == 0 || strcmp(mount_point, SWAP_MOUNT_POINT) == 0;
}
