/* back - what goes back, and tidies up. */
#include "rows.h"

static const struct command rows[] = {
	{
		.name = "checkpoint",
		.operands = "[NAME]",
		.summary = "Keep the running system as it is, to return to",
		.help = "Makes a generation of the running system as it is at this moment: a "
			"snapshot, verified and added to the boot menu; what runs goes on. "
			"'moult rollback' returns to it. With NAME it is pinned: it is kept until "
			"'moult unpin'. Data (/home, /var, /srv ...) is not part of it.",
		.group = GROUP_BACK,
		.needs = WRITES,
		.options = CHANGING,
		.most = 1,
		.fields = {REQUEST(name)},
		.verb = verb_checkpoint,
		.render = render_change,
	},
	{
		.name = "rollback",
		.operands = "[N|last|NAME]",
		.summary = "Make an earlier generation current again, for good",
		.help = "Makes the named generation current: the next boot and all later ones use "
			"it. "
			"Without a name that is the last good one other than the running one. It "
			"needs no network and next to no space. Data (/home, /var, /srv ...) stays "
			"as it is, unless --data names it: that goes back to what it was before "
			"the newer system first ran, and what it is now is kept aside. Only "
			"generation 0, the original, has its data as it was at the "
			"adoption, and wants --accept ORIGINAL_DATA. A generation that is not good "
			"is put on trial instead; a bad one only with --accept BAD_GENERATION.",
		.group = GROUP_BACK,
		.needs = SWITCHES,
		.options = CHANGING | BIT(BASE) | BIT(DATA) | BIT(ACCEPT) | BIT(REBOOT),
		.most = 1,
		.fields = {REQUEST(which)},
		.words = "last current running",
		.open_words = true,
		.verb = verb_rollback,
		.render = render_change,
	},
	{
		.name = "restore",
		.operands = "N|last|NAME PATH...",
		.summary = "Single files and directories back from a generation",
		.help = "Puts files and directories back as they are in the named generation, or, "
			"where PATH is data (/home, /var, /srv ...), as they were before that "
			"generation first ran. What is there now is kept beside them, under "
			"names that end in '.moult-before-' and the time.",
		.group = GROUP_BACK,
		.needs = WRITES | TAKES_PATHS,
		.options = CHANGING | BIT(BASE),
		.least = 2,
		.most = UINT32_MAX,
		.fields = {REQUEST(which)},
		.words = "last current running",
		.open_words = true,
		.verb = verb_restore,
		.render = render_change,
	},
	{
		.name = "keep",
		.operands = "",
		.summary = "Make the generation picked in the boot menu current",
		.help = "A generation that was picked by hand in the boot menu runs for this one "
			"session. This makes it current for good.",
		.group = GROUP_BACK,
		.needs = SWITCHES,
		.options = CHANGING | BIT(ACCEPT),
		.verb = verb_keep,
		.render = render_change,
	},
	{
		.name = "discard",
		.operands = "",
		.summary = "Leave the generation picked in the boot menu",
		.help = "Ends the session of a generation that was picked by hand in the boot "
			"menu: "
			"the next boot returns to the current one.",
		.group = GROUP_BACK,
		.needs = SWITCHES,
		.options = CHANGING | BIT(REBOOT),
		.verb = verb_discard,
		.render = render_change,
	},
	{
		.name = "pin",
		.operands = "N|last|NAME [NEW-NAME]",
		.summary = "Never remove this generation; give it a name",
		.help = "A pinned generation is never removed by 'cleanup' or for lack of space. "
			"With "
			"NEW-NAME it can be called by that name in every command.",
		.group = GROUP_BACK,
		.needs = WRITES,
		.options = CHANGING,
		.least = 1,
		.most = 2,
		.fields = {REQUEST(which), REQUEST(name)},
		.verb = verb_pin,
		.render = render_change,
	},
	{
		.name = "unpin",
		.operands = "N|last|NAME",
		.summary = "Let 'cleanup' remove it again",
		.help = "Takes back 'moult pin'. The name stays.",
		.group = GROUP_BACK,
		.needs = WRITES,
		.options = CHANGING,
		.least = 1,
		.most = 1,
		.fields = {REQUEST(which)},
		.verb = verb_pin,
		.render = render_change,
	},
	{
		.name = "cleanup",
		.operands = "",
		.summary = "Remove generations that nobody needs any more",
		.help = "Removes what the settings in moult.yaml(5) do not ask to keep. Never "
			"removed: "
			"the running generation, the current one, the last other good one, pinned "
			"ones, and the system as it was before moult.",
		.group = GROUP_BACK,
		.needs = WRITES,
		.options = CHANGING,
		.verb = verb_cleanup,
		.render = render_change,
	},
};

const struct command_rows commands_back = {rows, COUNT(rows)};
