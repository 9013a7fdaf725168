/* change - what makes generations. */
#include "rows.h"

static const struct command rows[] = {
	{
		.name = "upgrade",
		.operands = "",
		.summary = "Make an upgraded generation and put it on trial",
		.help = "Upgrades a private copy of the current generation, verifies it and puts "
			"it "
			"on trial: the next boot tries it. If it comes up healthy it becomes "
			"current, "
			"if not the machine returns by itself to what runs now. The running system "
			"is "
			"not changed, and nothing reboots unless --reboot or --when is given. With "
			"--release "
			"the copy moves to another release of the distribution.",
		.group = GROUP_CHANGE,
		.needs = SWITCHES,
		.options = CHANGING | MAKING | BIT(RELEASE) | BIT(SOURCE) | BIT(WHEN),
		.verb = verb_upgrade_when,
		.render = render_change,
	},
	{
		.name = "run",
		.operands = "[--] COMMAND...",
		.summary = "Run a command in a copy that becomes a generation on trial",
		.help = "Runs COMMAND as root in a private copy of the current generation. If it "
			"succeeds, the copy is verified and put on trial like an upgrade. Options "
			"after COMMAND belong to it. Services and the running system are out of "
			"its "
			"reach; /home, /var and other data are seen as they are and not changed.",
		.group = GROUP_CHANGE,
		.needs = SWITCHES | TAKES_REST,
		.options = CHANGING | MAKING,
		.least = 1,
		.most = UINT32_MAX,
		.verb = verb_upgrade,
		.render = render_change,
	},
	{
		.name = "shell",
		.operands = "",
		.summary = "The same with a shell; 'exit 1' gives it up",
		.help = "Opens a root shell in a private copy of the current generation. When it "
			"ends "
			"with status 0 the copy is verified and put on trial like an upgrade; "
			"with any other status, 'exit 1' for instance, it is thrown away.",
		.group = GROUP_CHANGE,
		.needs = SWITCHES | USES_TERMINAL,
		.options = CHANGING | MAKING,
		.verb = verb_upgrade,
		.render = render_change,
	},
	{
		.name = "kargs",
		.operands = "[show|add|remove|set] [ARGUMENT...]",
		.summary = "Show the kernel command line, or try another one",
		.help = "Without an argument: what the current generation has on its kernel "
			"command line, its own and what moult adds. 'add' appends arguments, "
			"'remove' takes them out (without a value: whatever their value), 'set' "
			"replaces all of its own. The next boot tries the new line: if it comes up "
			"healthy it is kept, and the former one stays in the boot menu; if not the "
			"machine returns by itself to the line it has now.",
		.group = GROUP_CHANGE,
		.needs = WRITES | SHOWS,
		.options = CHANGING | BIT(REBOOT),
		.most = UINT32_MAX,
		.fields = {REQUEST(which)},
		.rest = REQUEST(arguments),
		.words = "show add remove set",
		.verb = verb_kargs,
		.render = render_kargs,
	},
};

const struct command_rows commands_change = {rows, COUNT(rows)};
