/* setup - what sets up and repairs, and help. */
#include <string.h>
#include "rows.h"
#include "help.h"

static int judge_health(const json_t *document)
{
	return document_true(document, "healthy") ? 0 : 1;
}

static const struct command rows[] = {
	{
		.name = "init",
		.operands = "",
		.summary = "Let moult look after this system; the original is kept",
		.help = "Checks the system, shows what it will do, and then makes generation 1 of "
			"it. "
			"The original becomes generation 0 and stays in the boot menu, untouched. "
			"A system is adopted while it runs: its next boot parts its data from it, "
			"and nothing that it writes gets lost. A machine that boots by GRUB on "
			"UEFI is moved to systemd-boot beside it with --loader systemd-boot. "
			"--undo goes back to the original "
			"and takes everything back; --finalize deletes it. Try it with --dry-run "
			"first.",
		.group = GROUP_SETUP,
		.needs = SWITCHES | FIRST_SHOWS,
		.options = CHANGING | BIT(ACCEPT) | BIT(LOADER) | BIT(UNDO) | BIT(FINALIZE),
		.verb = verb_init,
		.render = render_change,
	},
	{
		.name = "repair",
		.operands = "",
		.summary = "Finish or undo what was interrupted; rebuild the boot menu",
		.help = "Rebuilds what the boot loader needs, and everything else that moult "
			"keeps, "
			"from the generations on the disk. Works from a rescue stick with "
			"--sysroot; "
			"running it twice does no harm. What it would do cannot be shown before: "
			"'moult check' lists what is wrong.",
		.group = GROUP_SETUP,
		.needs = WRITES,
		.options = CHANGING,
		.verb = verb_repair,
		.render = render_change,
	},
	{
		.name = "health",
		.operands = "",
		.summary = "Is the running system healthy?",
		.help = "Runs the built-in checks and the programs in /etc/moult/health.d, as a "
			"trial "
			"boot does before it is blessed. Exits with 1 if a required one fails.",
		.group = GROUP_SETUP,
		.needs = WRITES, /* what failed, for whoever gives a trial up */
		.options = REPORTING,
		.verb = verb_health,
		.render = render_health,
		.judge = judge_health,
	},
	{
		.name = "help",
		.operands = "[COMMAND]",
		.summary = "This overview, or the help of one command",
		.help = "Shows what there is.",
		.group = GROUP_HELP,
		.options = BIT(HELP),
		.most = 2,
		.local = help_local,
	},
	{
		.name = "version",
		.operands = "",
		.summary = "The version of moult",
		.help = "Shows the version.",
		.group = GROUP_HELP,
		.options = BIT(HELP) | BIT(JSON) | BIT(VERSION),
		.local = version_local,
	},
};

const struct command_rows commands_setup = {rows, COUNT(rows)};
