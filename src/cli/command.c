#include "command.h"
#include <stddef.h>
#include <string.h>
#include "help.h"
#include "options.h"
#include "text.h"

const char *const command_groups[GROUP_COUNT] = {
	[GROUP_LOOK] = "Look",
	[GROUP_CHANGE] = "Change the system",
	[GROUP_BACK] = "Go back, and tidy up",
	[GROUP_SETUP] = "Set up and repair",
	[GROUP_HELP] = "Help",
	[GROUP_INTERNAL] = "For units and packaging",
};

#define BIT(id) OPTION_BIT(OPTION_##id)
#define REPORTING (BIT(JSON) | BIT(QUIET) | BIT(VERBOSE) | BIT(HELP))
#define ELSEWHERE (BIT(SYSROOT) | BIT(ESP))
#define WORKING (BIT(NO_PROGRESS) | BIT(PROGRESS_FD))
#define READING (REPORTING | ELSEWHERE)
#define CHANGING (READING | WORKING | BIT(UNCHANGED) | BIT(DRY_RUN))
#define MAKING (BIT(ACCEPT) | BIT(REPLACE) | BIT(CONTINUE) | BIT(REBOOT))
#define UNIT (REPORTING | WORKING)

#define READS NEEDS_MACHINE
#define WRITES (NEEDS_MACHINE | NEEDS_WRITING)
#define SWITCHES (WRITES | NEEDS_BOOT)

#define REQUEST(member) offsetof(struct verb_request, member)

static int judge_check(const json_t *document)
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

static int judge_health(const json_t *document)
{
	return document_true(document, "healthy") ? 0 : 1;
}

static const struct command commands[] = {
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
		.words = "last",
		.open_words = true,
		.verb = verb_show,
		.render = render_show,
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
		.options = READING | WORKING | BIT(RELEASE) | BIT(SOURCE),
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
			"not changed, and nothing reboots unless --reboot is given. With --release "
			"the copy moves to another release of the distribution.",
		.group = GROUP_CHANGE,
		.needs = SWITCHES,
		.options = CHANGING | MAKING | BIT(RELEASE) | BIT(SOURCE),
		.verb = verb_upgrade,
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
		.name = "rollback",
		.operands = "[N|last|NAME]",
		.summary = "Make an earlier generation current again, for good",
		.help = "Makes the named generation current: the next boot and all later ones use "
			"it. "
			"Without a name that is the last good one other than the running one. It "
			"needs no network and next to no space. Data (/home, /var, /srv ...) stays "
			"as it is; only generation 0, the original, has its data as it was at the "
			"adoption, and wants --accept ORIGINAL_DATA. A generation that is not good "
			"is put on trial instead; a bad one only with --accept BAD_GENERATION.",
		.group = GROUP_BACK,
		.needs = SWITCHES,
		.options = CHANGING | BIT(BASE) | BIT(ACCEPT) | BIT(REBOOT),
		.most = 1,
		.fields = {REQUEST(which)},
		.words = "last",
		.open_words = true,
		.verb = verb_rollback,
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
	{
		.name = "init",
		.operands = "",
		.summary = "Let moult look after this system; the original is kept",
		.help = "Checks the system, shows what it will do, and then makes generation 1 of "
			"it. "
			"The original becomes generation 0 and stays in the boot menu, untouched. "
			"--undo goes back to it and takes everything back. Try it with --dry-run "
			"first.",
		.group = GROUP_SETUP,
		.needs = SWITCHES | FIRST_SHOWS,
		.options = CHANGING | BIT(ACCEPT) | BIT(UNDO),
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
};

const struct command *command_at(size_t index)
{
	return index < COUNT(commands) ? &commands[index] : NULL;
}

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

const char *command_nearest(const char *name)
{
	const char *nearest = NULL;
	unsigned least = UINT32_MAX;

	for (size_t i = 0; i < COUNT(commands); i++) {
		unsigned distance = edit_distance(name, commands[i].name);

		if (distance < least && edit_is_near(name, commands[i].name)) {
			nearest = commands[i].name;
			least = distance;
		}
	}
	return nearest;
}
