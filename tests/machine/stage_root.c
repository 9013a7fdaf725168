#include "stage_root.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include "text.h"

static const char script[] =
	"set -e; cd \"$1\"\n"
	"mkdir -p tree/root/bin tree/root/etc tree/root/srv tree/root/var tree/root/proc \\\n"
	"  tree/root/usr/sbin tree/shared tree/upper tree/work 'tree/data, with:odd\\name'\n"
	"put() { mkdir -p \"tree/root$(dirname \"$1\")\"; cp -L \"$1\" \"tree/root$1\"; }\n"
	"for program in sh cat ls mount umount mknod sleep touch hostname env grep sort head wc tr "
	"\\\n"
	"  readlink mkdir rm kill printf true mv ln; do\n"
	"  path=$(command -v $program || true)\n"
	"  case $path in /*) ;; *) path=$(PATH=/bin:/usr/bin type -P $program || true);; esac\n"
	"  [ -n \"$path\" ] || continue\n"
	"  cp -L \"$path\" tree/root/bin/$program\n"
	"  for library in $(ldd \"$path\" | grep -o '/[^ ]*'); do put \"$library\"; done\n"
	"done\n"
	"ln -s ../run/resolve/stub.conf tree/root/etc/resolv.conf\n"
	"ln -s ../../../../../../../../tmp/moult-stage-escaped tree/root/etc/escape\n"
	"ln -s ../../../../../../tmp tree/root/etc/away\n"
	"mkdir -p tree/root/tmp; echo theirs >tree/root/etc/there\n"
	"echo kept >'tree/data, with:odd\\name/kept'; echo gone >'tree/data, with:odd\\name/gone'\n"
	"truncate -s 512M image\n"
	"mkfs.btrfs -q --rootdir tree image >/dev/null 2>&1\n";

void stage_root_make(struct stage_root *ret)
{
	char pattern[] = "/tmp/moult-stage-XXXXXX";
	auto_free char *command = NULL;

	ck_assert_ptr_nonnull(mkdtemp(pattern));
	ret->directory = xstrdup(pattern);
	ret->image = xasprintf("%s/image", pattern);
	command = xasprintf("bash -c '%s' -- %s", "source /dev/stdin \"$@\"", pattern);
	FILE *shell = popen(command, "w");
	ck_assert_ptr_nonnull(shell);
	fputs(script, shell);
	ck_assert_int_eq(pclose(shell), 0);
}

void stage_root_remove(struct stage_root *root)
{
	auto_free char *command = xasprintf("rm -rf --one-file-system %s", root->directory);

	ck_assert_int_eq(system(command), 0);
	free(root->directory);
	free(root->image);
}
