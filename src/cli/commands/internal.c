/* internal - for units, packaging and tests. */
#include "rows.h"
#include "help.h"

/* Where timers wait there is no look, only a sentence. */
static void render_timed_check(const json_t *document, const struct view *view, struct text *out)
{
	if (document_array(document, "findings"))
		render_check(document, view, out);
	else
		render_change(document, view, out);
}

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
		.name = "internal kernel-changed",
		.operands = "",
		.summary = "The kernel or initrd was changed live: try it",
		.help = "Puts what /boot of the running generation has now on trial, if it is not "
			"what it boots already. Does nothing in a session that is not the usual "
			"one; the next usual boot does it then.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT,
		.verb = verb_kernel_changed,
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
		.name = "internal before-apt",
		.operands = "",
		.summary = "Before apt changes something: a checkpoint, where asked for",
		.help = "Does nothing unless moult.yaml(5) has checkpoint: {before_apt: true}.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT,
		.verb = verb_before_packages,
		.render = render_change,
	},
	{
		.name = "internal late-edits",
		.operands = "",
		.summary = "Before the machine goes down: carry over what was edited since",
		.help = "What was edited on the running root since the pending generation was "
			"staged gets into it, within ten seconds. A generation that it contradicts "
			"is taken out of the boot menu.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT | ELSEWHERE,
		.verb = verb_late_edits,
		.render = render_change,
	},
	{
		.name = "internal stale-check",
		.operands = "",
		.summary = "After packages changed live: a stale generation leaves the menu",
		.help = "Run by apt after each of its runs.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT | ELSEWHERE,
		.verb = verb_stale_check,
		.render = render_change,
	},
	{
		.name = "internal timed-upgrade",
		.operands = "",
		.summary = "A timer: upgrade and reboot, if it is time and nothing minds",
		.help = "Does what moult.yaml(5) lets it do by itself, and says what it waits for.",
		.group = GROUP_INTERNAL,
		.needs = SWITCHES,
		.options = UNIT,
		.verb = verb_timed_upgrade,
		.render = render_change,
	},
	{
		.name = "internal timed-check",
		.operands = "",
		.summary = "A timer: look at everything, and for upgrades",
		.help = "Like 'moult check'; status and journal say what it found.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT,
		.verb = verb_timed_check,
		.render = render_timed_check,
		.judge = judge_check,
	},
	{
		.name = "internal timed-cleanup",
		.operands = "",
		.summary = "A timer: cleanup, in an ordinary session",
		.help = "Like 'moult cleanup', but does nothing in a trial or a temporary session.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT,
		.verb = verb_timed_cleanup,
		.render = render_change,
	},
	{
		.name = "internal report-health",
		.operands = "",
		.summary = "After a trial was lost: say how the system is that runs now",
		.help = "Never reboots: what fails here lies in data or surroundings, which a "
			"reboot does not change.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT,
		.verb = verb_report_health,
		.render = render_change,
	},
	{
		.name = "internal at-shutdown",
		.operands = "",
		.summary = "End of a shutdown: copy a root at the top of the Btrfs",
		.help = "Run when nothing writes any more, in a system that was adopted while it "
			"ran. Does nothing elsewhere.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT,
		.verb = verb_at_shutdown,
		.render = render_change,
	},
	{
		.name = "internal carve",
		.operands = "",
		.summary = "First boot after an adoption: part data from the system",
		.help = "Runs before data is mounted, and goes on where it was cut off. Does "
			"nothing in any other boot.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT,
		.verb = verb_carve,
		.render = render_change,
	},
	{
		.name = "internal prune",
		.operands = "",
		.summary = "After that: delete what parting the data has put aside",
		.help = "Runs in the background once the first boot was found good.",
		.group = GROUP_INTERNAL,
		.needs = WRITES,
		.options = UNIT,
		.verb = verb_prune,
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
