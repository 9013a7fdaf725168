/* internal - for units, packaging and tests. */
#include "rows.h"
#include "help.h"

static const struct command rows[] = {
	{
		.name = "internal reconcile",
		.operands = "",
		.summary = "Each boot: compare what runs with what is on the disk",
		.help = "Finishes or undoes what was interrupted, records how the boots went, and "
			"writes /run/moult/status.json and the message of the day.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT,
		.verb = verb_reconcile,
		.render = render_change,
	},
	{
		.name = "internal first-boot",
		.operands = "",
		.summary = "First boot of a trial: put new data files in their place",
		.help = "Runs before the services. Does nothing in a boot that is not a trial.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT,
		.verb = verb_first_boot,
		.render = render_change,
	},
	{
		.name = "internal bless",
		.operands = "",
		.summary = "After a healthy trial boot: make it current",
		.help = "Does nothing in a boot that is not a trial.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT,
		.verb = verb_bless,
		.render = render_change,
	},
	{
		.name = "internal give-up",
		.operands = "[REASON]",
		.summary = "Record why the trial boot fails, and reboot",
		.help = "Does nothing in a boot that is not a trial.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT,
		.most = 1,
		.fields = {REQUEST(reason)},
		.verb = verb_give_up,
		.render = render_change,
	},
	{
		.name = "internal completion",
		.operands = "bash|zsh|fish",
		.summary = "The shell's completion, made from the table of commands",
		.help = "Prints a script to be read by the shell.",
		.group = GROUP_INTERNAL,
		.options = BIT(HELP),
		.least = 1,
		.most = 1,
		.words = "bash zsh fish",
		.local = completion_local,
	},
	{
		.name = "internal synopsis",
		.operands = "",
		.summary = "The synopsis of moult(8), one line for each command",
		.help = "A test compares it with the man page.",
		.group = GROUP_INTERNAL,
		.options = BIT(HELP),
		.local = synopsis_local,
	},
	{
		.name = "internal manual",
		.operands = "look|change|back|setup|internal [head|tail|names]",
		.summary = "The man page of a group of commands, for scdoc",
		.help = "Made from the table of commands: all of it, or what stands before and "
			"after "
			"the piece that is written by hand; or the names of its commands.",
		.group = GROUP_INTERNAL,
		.options = BIT(HELP),
		.least = 1,
		.most = 2,
		.words = "look change back setup internal",
		.local = manual_local,
	},
};

const struct command_rows commands_internal = {rows, COUNT(rows)};
