/* Settings for what happens by itself that contradict each other, or come to nothing. */
#include <string.h>
#include "checking.h"
#include "text.h"
#include "window.h"

/* A timer asks every ten minutes, give or take five. */
#define WINDOW_LEAST_MIN 30

static unsigned shortest_min(const char *text)
{
	struct window window = {0};
	struct err unused = {0};

	window_parse(text, &window, &unused);
	return window_shortest_min(&window);
}

static bool reboots(const struct policy *policy, const char *how)
{
	return text_equal(policy->reboot_policy, how);
}

static bool upgrade_never_comes(const struct policy *policy)
{
	return policy->automatic && shortest_min(policy->upgrade_window) == 0;
}

static bool upgrade_is_short(const struct policy *policy)
{
	unsigned length = shortest_min(policy->upgrade_window);

	return policy->automatic && length > 0 && length < WINDOW_LEAST_MIN;
}

static bool reboot_never_comes(const struct policy *policy)
{
	return reboots(policy, "window") && shortest_min(policy->reboot_window) == 0;
}

static bool reboot_is_short(const struct policy *policy)
{
	unsigned length = shortest_min(policy->reboot_window);

	return reboots(policy, "window") && length > 0 &&
	       length < WINDOW_LEAST_MIN + policy->reboot_warning_sec / 60;
}

static bool reboot_is_not_asked(const struct policy *policy)
{
	return reboots(policy, "never") && shortest_min(policy->reboot_window) > 0;
}

static bool reboot_has_one_try(const struct policy *policy)
{
	return !reboots(policy, "never") && policy->tries == 1;
}

/* In moult.yaml, most of all what keeps from happening what its owner expects. */
static const struct {
	const char *object, *why;
	bool (*is_so)(const struct policy *policy);
} contradictions[] = {
	{"upgrade.window",
	 "upgrades are automatic, but their window never comes: none is ever made by itself",
	 upgrade_never_comes},
	{"upgrade.window",
	 "the window for upgrades may pass between two questions of the timer, "
	 "which asks every ten minutes",
	 upgrade_is_short},
	{"reboot.window",
	 "the machine is to reboot in a window that never comes: what is pending waits for ever",
	 reboot_never_comes},
	{"reboot.window",
	 "the window for reboots may pass between two questions of the timer and "
	 "the time that is given to those who are logged in",
	 reboot_is_short},
	{"reboot.policy",
	 "there is a window for reboots, but the policy is never: nothing "
	 "reboots in it",
	 reboot_is_not_asked},
	{"tries",
	 "the machine reboots by itself into a trial that has one try: whatever "
	 "interrupts that boot ends the trial",
	 reboot_has_one_try},
};

void check_unattended(struct checking *checking)
{
	const struct policy *policy = &checking->machine->policy;

	for (size_t i = 0; i < COUNT(contradictions); i++) {
		struct finding *finding;

		if (!contradictions[i].is_so(policy))
			continue;
		finding = checking_add(checking, FINDING_WARN, "UNATTENDED",
				       contradictions[i].object);
		finding_why(finding, "%s", contradictions[i].why);
		finding_remedy(finding, "man moult.yaml");
	}
}
