/* The machine as it runs: clock, session, firmware variables, the package manager. */
#include <string.h>
#include "checking.h"
#include "report.h"
#include "stamp.h"

/* --- clock -------------------------------------------------------------------------------------- */

/* 2025-01-01: nothing of moult is older. */
#define EPOCH_SEC 1735689600
/* An image made on a machine whose clock runs a little ahead is no reason to refuse. */
#define CLOCK_SLACK_SEC 3600

struct newest {
	int64_t sec;
	const char *what;
};

static void consider(struct newest *newest, int64_t sec, const char *what)
{
	if (sec > newest->sec)
		*newest = (struct newest){sec, what};
}

static struct newest newest_known(struct checking *checking)
{
	static const char *const files[] = {"usr/lib/sysimage/dpkg/status", "var/lib/dpkg/status"};
	const struct listing *listing = &checking->machine->listing;
	struct newest newest = {EPOCH_SEC, "this moult"};
	struct host_stat stat;

	for (size_t i = 0; checking->root && i < COUNT(files); i++)
		if (checking_in_root(checking, files[i], &stat))
			consider(&newest, stat.mtime_sec, "the package database");
	for (size_t i = 0; i < listing->count; i++)
		if (!listing->generations[i].damage)
			consider(&newest, listing->generations[i].created, "the newest generation");
	return newest;
}

void check_clock(struct checking *checking)
{
	struct host *host = checking->machine->host;
	int64_t now = host->ops->clock(host, HOST_CLOCK_REAL_SEC);
	struct newest newest = newest_known(checking);
	char now_text[STAMP_MAX], newest_text[STAMP_MAX];
	struct finding *finding;

	if (now + CLOCK_SLACK_SEC >= newest.sec)
		return;
	finding = checking_add(checking, FINDING_ERROR, "CLOCK", "the clock");
	finding_why(finding,
		    "the clock says %s, but %s is of %s: signatures would be judged by a wrong "
		    "date",
		    now <= 0 ? "1970-01-01T00:00:00Z" : stamp_text(now, now_text), newest.what,
		    stamp_text(newest.sec, newest_text));
	finding_remedy(finding, "sudo timedatectl set-ntp true");
}

/* --- session ------------------------------------------------------------------------------------ */

/* What cannot be changed in which session, by the names of report_session(). */
static const struct {
	const char *session, *why, *remedy;
} sessions[] = {
	{"trial", "is on trial, and nothing is changed before it is found good or bad",
	 "moult status"},
	{"adopting", "was adopted while it ran, and its data is parted from it at its next boot",
	 "sudo reboot"},
	{"temporary", "is a temporary session, which the next boot leaves", "sudo moult keep"},
	{"volatile", "is only looked into: this session forgets everything at the next boot",
	 "sudo reboot"},
	{"foreign", "is none of moult's generations, although moult looks after this disk",
	 "sudo reboot"},
};

void check_session(struct checking *checking)
{
	const char *session = report_session(checking->machine);
	int booted = checking->machine->listing.running.booted;
	auto_free char *what =
		booted >= 0 ? xasprintf("generation %d", booted) : xstrdup("the system that runs");

	for (size_t i = 0; i < COUNT(sessions); i++) {
		struct finding *finding;

		if (strcmp(sessions[i].session, session) != 0)
			continue;
		finding = checking_add(checking,
				       checking_level(checking, CHECK_UPGRADE, FINDING_NOTE),
				       "SESSION", what);
		finding_why(finding, "%s %s", what, sessions[i].why);
		finding_remedy(finding, "%s", sessions[i].remedy);
	}
}

bool checks_require_session(const struct machine *machine, struct err *err)
{
	const char *session = report_session(machine);

	for (size_t i = 0; i < COUNT(sessions); i++)
		if (strcmp(sessions[i].session, session) == 0) {
			err_set(err, ERR_REFUSED, 0, "the system that runs %s", sessions[i].why);
			return err_try(err, "%s", sessions[i].remedy);
		}
	return true;
}

/* --- firmware ----------------------------------------------------------------------------------- */

void check_firmware_default(struct checking *checking)
{
	struct host *host = checking->machine->host;
	auto_host_running struct host_running running = {0};
	struct finding *finding;
	int r = host->ops->running(host, &running);

	if (r == -ENOSYS)
		return;
	if (checking_cannot(checking, r, "cannot read what the boot loader reported"))
		return;
	if (!running.entry_default || !*running.entry_default)
		return;
	finding = checking_add(checking,
			       checking->context == CHECK_ALL ? FINDING_ERROR : FINDING_WARN,
			       "FIRMWARE_DEFAULT", "LoaderEntryDefault");
	finding_why(finding,
		    "the firmware variable LoaderEntryDefault was set to %s by hand: it overrules "
		    "moult's choice, and a failing trial of that name would be booted for ever",
		    text_quote(running.entry_default));
	finding_remedy(finding, "sudo bootctl set-default ''");
}

/* --- package manager ---------------------------------------------------------------------------- */

void check_package_lock(struct checking *checking)
{
	struct host *host = checking->machine->host;
	const struct running *running = &checking->machine->listing.running;
	struct finding *finding;
	int r;

	if (!running->live || running->booted < 0)
		return;
	r = host->ops->package_lock(host, checking->root, 0);
	if (r == 0) {
		host->ops->package_unlock(host);
		return;
	}
	if (r == -ENOENT)
		return;
	if (r != -EBUSY && r != -EAGAIN && r != -EACCES) {
		checking_cannot(checking, r, "cannot try the package manager's lock");
		return;
	}
	finding = checking_add(checking, FINDING_ERROR, "PACKAGE_LOCK", "the package manager");
	finding_why(finding, "another package manager is at work and holds dpkg's lock");
	finding_remedy(finding, "sudo fuser -v /var/lib/dpkg/lock-frontend");
}

/* --- watchdog ----------------------------------------------------------------------------------- */

void check_watchdog(struct checking *checking)
{
	struct finding *finding;

	if (checking->machine->policy.watchdog_sec > 0)
		return;
	finding = checking_add(checking, FINDING_NOTE, "NO_WATCHDOG", "the hardware watchdog");
	finding_why(
		finding,
		"no hardware watchdog is set up for trials: a new kernel that hangs stays where "
		"it is until somebody resets the machine, and before Linux runs nothing comes "
		"back by itself");
	finding_remedy(finding, "echo 'watchdog: 60' | sudo tee /etc/moult/moult.d/watchdog.yaml");
}
