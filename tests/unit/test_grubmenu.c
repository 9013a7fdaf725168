/* The command line in GRUB's menu: as the kernel gets it, and nothing where it cannot be told. */
#include "grubmenu.h"
#include <string.h>
#include "auto.h"
#include "unit.h"

static const struct {
	const char *menu, *line; /* NULL = there is none */
} menus[] = {
	/* as update-grub writes it: the first entry boots by itself */
	{"set default=\"0\"\n"
	 "menuentry 'Debian GNU/Linux' --class debian {\n"
	 "\tload_video\n"
	 "\techo\t'Loading Linux 6.1.0-50-amd64 ...'\n"
	 "\tlinux\t/@rootfs/boot/vmlinuz-6.1.0-50-amd64 root=UUID=ab-cd ro "
	 "rootflags=subvol=@rootfs "
	 "console=ttyS0,115200 quiet\n"
	 "\tinitrd\t/@rootfs/boot/initrd.img-6.1.0-50-amd64\n"
	 "}\n"
	 "submenu 'Advanced' {\n\tlinux /@rootfs/boot/vmlinuz-6.1 root=UUID=ab-cd ro single\n}\n",
	 "root=UUID=ab-cd ro rootflags=subvol=@rootfs console=ttyS0,115200 quiet"},
	/* Ubuntu's variable, and an older command */
	{"linuxefi /@/boot/vmlinuz root=UUID=1 ro quiet splash $vt_handoff ${x}\n",
	 "root=UUID=1 ro quiet splash"},
	/* quotes are GRUB's; the kernel knows one kind */
	{"linux /k root=UUID=1 dyndbg=\\\"file\\ a\\ +p\\\" 'x=a b' \"y=c d\" z='e'f\n",
	 "root=UUID=1 dyndbg=\"file a +p\" x=\"a b\" y=\"c d\" z=ef"},
	{"linux /k a ; reboot\nlinux /k b\n", "a"},
	{"linux /k a # b\n", "a"},
	{"linux /k\n", ""},
	{"linux\nlinux /k c", "c"},
	{"linux /k 'never closed\n", "\"never closed\""},
	{"linux /k trailing\\", "trailing\\"},
	/* an empty word is one; what is no text is not for the kernel */
	{"linux /k '' quiet\n", "quiet"},
	{"linux /k a\x01z root=x \033[2J quiet\r\n", "root=x"},
	{"'' linux /k a\nlinux /k b\n", "b"},
	{"echo linux /k a\n# linux /k b\nxlinux /k c\n", NULL},
	{"", NULL},
	{"\n\n", NULL},
};

START_TEST(the_first_entrys_command_line)
{
	for (size_t i = 0; i < COUNT(menus); i++) {
		auto_free char *line = grub_menu_command_line(menus[i].menu, strlen(menus[i].menu));

		if (!menus[i].line)
			ck_assert_msg(!line, "%zu: %s", i, line);
		else
			ck_assert_msg(line && strcmp(line, menus[i].line) == 0, "%zu: %s", i, line);
	}
}
END_TEST

UNIT_MAIN("grubmenu", the_first_entrys_command_line)
