/* The questions as a list: built-in ones and the owner's programs, and one way to ask either. */
#include <string.h>
#include "exit_text.h"
#include "health.h"
#include "health_check.h"

#define PROGRAMS_MAX 256

/* Which programs of health.d decide, by how their names begin; the others are not ours to run. */
static const struct {
	const char *prefix;
	bool required;
} kinds[] = {
	{"required-", true},
	{"wanted-", false},
};

/* Their names end up in commands that a person pastes into a shell. */
static bool is_plain(const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "._-";

	return name[strspn(name, plain)] == '\0' && !strstr(name, ".dpkg-");
}

static void add_program(struct verdicts *verdicts, const char *name)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct verdict *verdict;

		if (!text_starts(name, kinds[i].prefix) || !is_plain(name))
			continue;
		verdict = array_add(verdicts->list, verdicts->count);
		*verdict = (struct verdict){.name = xstrdup(name),
					    .required = kinds[i].required,
					    .program = xasprintf("/" HEALTH_DIRECTORY "/%s", name)};
	}
}

bool verdicts_list(struct health *health, struct verdicts *ret, struct err *err)
{
	struct host *host = health->machine->host;
	auto_host_names struct host_names names = {0};
	int r = host->ops->root_list(host, health->root, HEALTH_DIRECTORY, &names);

	*ret = (struct verdicts){0};
	if (r < 0 && r != -ENOENT)
		return err_set(err, ERR_SYSTEM, -r, "cannot list /%s", HEALTH_DIRECTORY);
	if (names.count > PROGRAMS_MAX)
		return err_set(err, ERR_CONFIG, 0, "/%s has more than %d files", HEALTH_DIRECTORY,
			       PROGRAMS_MAX);
	for (size_t i = 0; i < health_check_count; i++)
		*array_add(ret->list, ret->count) =
			(struct verdict){.name = xstrdup(health_checks[i].name),
					 .required = health_checks[i].required,
					 .remedy = health_checks[i].remedy,
					 .check = &health_checks[i]};
	for (size_t i = 0; i < names.count; i++)
		add_program(ret, names.names[i].name);
	return true;
}

/* The last line that says anything: what most programs end with is why. */
static char *last_line(const char *output)
{
	const char *cursor = output, *line, *last = "";
	size_t length, last_length = 0;

	while (text_next_line(&cursor, output + strlen(output), &line, &length)) {
		if (length == 0)
			continue;
		last = line;
		last_length = length;
	}
	return last_length > 0 ? xstrndup(last, last_length < 200 ? last_length : 200) : NULL;
}

static char *ask_program(struct host *host, const char *program)
{
	auto_free char *output = NULL, *last = NULL, *how = NULL;
	int status = 0;
	const struct host_program asked = {
		.path = program, .argument = "check", .timeout_sec = HEALTH_TIMEOUT_SEC};
	int r = host->ops->run_program(host, &asked, &output, &status);

	if (r == -ETIMEDOUT)
		return xasprintf("%s did not end within %d s", program, HEALTH_TIMEOUT_SEC);
	/* a check that its owner forgot to make executable was meant to be asked */
	if (r < 0)
		return xasprintf("%s cannot be run: %s", program, strerror(-r));
	if (status == 0)
		return NULL;
	how = exit_text(exit_of_wait(status));
	last = output ? last_line(output) : NULL;
	return xasprintf("%s %s%s%s", program, how, last ? ": " : "", last ? last : "");
}

void verdict_ask(struct health *health, struct verdict *verdict)
{
	free(verdict->why);
	verdict->why = NULL;
	if (verdict->check) {
		verdict->passed = verdict->check->run(health, &verdict->why);
		return;
	}
	verdict->why = ask_program(health->machine->host, verdict->program);
	verdict->passed = verdict->why == NULL;
}

void verdicts_done(struct verdicts *verdicts)
{
	for (size_t i = 0; i < verdicts->count; i++) {
		free(verdicts->list[i].name);
		free(verdicts->list[i].why);
		free(verdicts->list[i].program);
	}
	free(verdicts->list);
	*verdicts = (struct verdicts){0};
}
