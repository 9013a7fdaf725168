/*
 * grubmenu - what GRUB's menu, as update-grub writes it, hands to the kernel.
 *
 * Pure, and no shell: only `linux` lines are looked at, words are unquoted as GRUB does it, and a
 * word with a variable in it is left out. Source: GRUB's manual 2.06, "Shell-like scripting".
 */
#pragma once
#include <stddef.h>

/*
 * The words after the kernel in the first `linux` line: that of the entry that boots by itself where
 * nothing else was asked for. NULL = there is none. Caller frees.
 */
char *grub_menu_command_line(const char *bytes, size_t length);
