#include "late_rules.h"
#include <string.h>
#include "auto.h"
#include "territory.h"
#include "text.h"

enum late_verdict late_decide(const struct late_sides *sides)
{
	/* [edited][rebuilt][alike] */
	static const enum late_verdict verdicts[2][2][2] = {
		[true][false][false] = LATE_CARRY,
		[true][true][false] = LATE_CONFLICT,
	};

	return verdicts[sides->edited][sides->rebuilt][sides->alike];
}

/* The directory itself, or what is in it. */
static bool is_at(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	return text_starts(path, directory) && (path[length] == '\0' || path[length] == '/');
}

static bool is_in_any(const char *path, const char *const *directories, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_at(path, directories[i]))
			return true;
	return false;
}

/* Seen only where they are in the root: /opt may be its own, and a home too, if nothing parted them. */
static bool is_data(const char *path)
{
	for (size_t i = 0; i < data_path_count; i++)
		if (!data_paths[i].if_unowned && is_at(path, data_paths[i].path))
			return true;
	return false;
}

bool late_in_scope(const char *path)
{
	/* what a running system has mounted, or makes by itself; /boot is that of the generation */
	static const char *const outside[] = {
		"boot",
		"dev",
		"proc",
		"run",
		"sys",
		"tmp",
		"lost+found",
		"usr/lib/modules",
		"usr/lib/.updated",
		SYSIMAGE,
		"etc/.pwd.lock",
		"etc/.updated",
		"etc/ld.so.cache",
		"etc/mtab",
	};

	return !is_data(path) && !is_in_any(path, outside, COUNT(outside)) &&
	       !strstr(path, "__pycache__");
}

bool late_is_configuration(const char *path)
{
	return is_at(path, "etc");
}

bool late_is_identity(const char *path)
{
	static const char *const places[] = {
		"etc/passwd",
		"etc/shadow",
		"etc/group",
		"etc/gshadow",
		"etc/subuid",
		"etc/subgid",
		"etc/sudoers",
		"etc/sudoers.d",
		"etc/machine-id",
		"etc/hostname",
		"etc/krb5.keytab",
		"etc/ssl",
		"etc/pki",
		"etc/letsencrypt",
		"etc/ca-certificates.conf",
		"etc/NetworkManager/system-connections",
		"etc/netplan",
		"etc/network/interfaces",
		"etc/network/interfaces.d",
		"etc/systemd/network",
		"etc/wpa_supplicant",
		"etc/wireguard",
		"etc/openvpn",
		"etc/ipsec.d",
		"etc/ipsec.secrets",
	};

	return is_in_any(path, places, COUNT(places)) || text_starts(path, "etc/ssh/ssh_host_") ||
	       is_at(path, "etc/ssh/authorized_keys");
}

const char *late_baked_into(const char *path)
{
	static const struct {
		const char *path, *does;
	} sources[] = {
		{"etc/crypttab", "opens encrypted disks"},
		{"etc/cryptsetup-initramfs", "opens encrypted disks"},
		{"etc/modprobe.d", "loads drivers"},
		{"etc/modules", "loads drivers"},
		{"etc/modules-load.d", "loads drivers"},
		{"etc/initramfs-tools", "is made"},
		{"etc/dracut.conf", "is made"},
		{"etc/dracut.conf.d", "is made"},
		{"etc/default/keyboard", "reads the keyboard"},
		{"etc/default/console-setup", "reads the keyboard"},
		{"etc/console-setup", "reads the keyboard"},
		{"etc/vconsole.conf", "reads the keyboard"},
		{"etc/udev", "names devices"},
		{"etc/systemd/network", "names devices"},
		{"etc/lvm", "assembles volumes"},
		{"etc/mdadm", "assembles volumes"},
		{"etc/multipath", "assembles volumes"},
		{"etc/multipath.conf", "assembles volumes"},
		{"etc/iscsi", "reaches disks over the network"},
		{"etc/dropbear/initramfs", "lets somebody log in"},
		{"etc/plymouth", "shows the boot screen"},
	};

	/* of systemd's network files only those that name links are copied */
	if (is_at(path, "etc/systemd/network") && !text_ends(path, ".link"))
		return NULL;
	for (size_t i = 0; i < COUNT(sources); i++)
		if (is_at(path, sources[i].path))
			return sources[i].does;
	return NULL;
}
