/* look - what only looks. */
#include <string.h>
#include "rows.h"

int judge_check(const json_t *document)
{
	const json_t *findings = document_array(document, "findings"), *finding;
	size_t i;

	json_array_foreach(findings, i, finding)
	{
		if (strcmp(document_words(finding, "level"), "error") == 0)
			return 1;
	}
	return 0;
}

static const struct command rows[] = {
	{
		.name = "status",
		.operands = "",
		.summary = "What runs, what boots next, and what needs attention",
		.help = "Says which generation runs, which one is current and which one boots "
			"next, "
			"what is pending, how the last operation ended and how much space is free. "
			"Without root it shows what moult last wrote down for everybody.",
		.group = GROUP_LOOK,
		.needs = READS | HAS_SNAPSHOT,
		.options = READING,
		.verb = verb_status,
		.render = render_status,
	},
	{
		.name = "list",
		.operands = "",
		.summary = "All generations",
		.help = "One line for each generation. The marks in front: * running and current, "
			"- running, + boots next (where that is not the running current one), ! "
			"bad.",
		.group = GROUP_LOOK,
		.needs = READS,
		.options = READING | BIT(SIZES),
		.verb = verb_list,
		.render = render_list,
	},
	{
		.name = "show",
		.operands = "N|last|NAME",
		.summary = "One generation: where it is from and how its boots went",
		.help = "Shows one generation by its number or name; 'last' is the one that "
			"'moult rollback' would go back to.",
		.group = GROUP_LOOK,
		.needs = READS,
		.options = READING,
		.least = 1,
		.most = 1,
		.fields = {REQUEST(which)},
		.words = "last current running",
		.open_words = true,
		.verb = verb_show,
		.render = render_show,
	},
	{
		.name = "diff",
		.operands = "[A [B]]",
		.summary = "Packages, configuration and files that differ between two",
		.help = "Shows what differs between generation A and generation B, each a number, "
			"a name, 'current', 'running' or 'last'. Without B that is the current "
			"one; without A the one that 'moult rollback' would go back to. One "
			"generation with itself: what was changed in it since it was built. The "
			"marks in front of a path are + created, - removed, c other content, t "
			"another type, p permissions, u owner, g group, x extended attributes, a "
			"access control list. Data (/home, /var ...) is the same in all "
			"generations.",
		.group = GROUP_LOOK,
		.needs = READS,
		.options =
			READING | BIT(BASE) | BIT(PACKAGES) | BIT(CONFIG) | BIT(FILES) | BIT(FILE),
		.most = 2,
		.fields = {REQUEST(which), REQUEST(against)},
		.words = "last current running",
		.open_words = true,
		.verb = verb_diff,
		.render = render_diff,
	},
	{
		.name = "check",
		.operands = "",
		.summary = "Everything that would break a promise, each with a remedy",
		.help = "Checks layout, boot menu, kernels on the ESP, space and settings. Exits "
			"with 1 if it found an error; warnings and notes do not count.",
		.group = GROUP_LOOK,
		.needs = READS,
		.options = READING,
		.verb = verb_check,
		.render = render_check,
		.judge = judge_check,
	},
	{
		.name = "plan",
		.operands = "[upgrade|rollback [N|last|NAME]]",
		.summary = "What an upgrade or a rollback would change",
		.help = "Shows the packages that would change, what will not roll back, the space "
			"it "
			"takes and what would be done, and changes nothing.",
		.group = GROUP_LOOK,
		/* of an upgrade it fills a copy to see what would change, and takes that away again */
		.needs = WRITES,
		.reading_word = "rollback",
		.options = READING | WORKING | BIT(RELEASE) | BIT(SOURCE) | BIT(DATA),
		.most = 2,
		.fields = {REQUEST(which), REQUEST(name)},
		.words = "upgrade rollback",
		.verb = verb_plan,
		.render = render_plan,
	},
	{
		.name = "log",
		.operands = "[N]",
		.summary = "What was done, or what making a generation printed",
		.help = "Without a generation: the operations of this machine, newest last. With "
			"one: "
			"what the package manager and its scripts printed while it was made, and "
			"why its boots failed.",
		.group = GROUP_LOOK,
		.needs = READS,
		.options = READING,
		.most = 1,
		.fields = {REQUEST(which)},
		.verb = verb_log,
		.render = render_log,
	},
};

const struct command_rows commands_look = {rows, COUNT(rows)};
