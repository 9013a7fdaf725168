#include <string.h>
#include "firmware.h"
#include "loader_program.h"

/* The copies of systemd-boot that there are; returns how many. */
static size_t find_copies(struct host *host, const char *ret[2])
{
	const struct loader_program *program = loader_program_find(host);
	size_t count = 0;

	/* another loader under the fallback's name has no entry of ours */
	if (program && loader_program_is(host, program->systemd_boot) > 0)
		ret[count++] = program->systemd_boot;
	if (program && loader_program_is(host, program->fallback) > 0)
		ret[count++] = program->fallback;
	return count;
}

char *firmware_order_text(const struct host_firmware *firmware)
{
	struct text text = {0};

	for (size_t i = 0; i < firmware->ordered; i++)
		text_addf(&text, "%s%04X %s", i > 0 ? ", " : "", firmware->options[i].number,
			  text_quote(firmware->options[i].label));
	return text.length > 0 ? text_take(&text) : xstrdup("empty");
}

static const struct host_boot_option *first_option(const struct host_firmware *firmware)
{
	for (size_t i = 0; i < firmware->ordered; i++)
		if (firmware->options[i].active)
			return &firmware->options[i];
	return NULL;
}

bool firmware_starts_us(struct host *host, const struct host_firmware *firmware)
{
	const struct host_boot_option *first = first_option(firmware);
	const char *copies[2];
	size_t count = first && first->path ? find_copies(host, copies) : 0;

	for (size_t i = 0; i < count; i++)
		if (strcasecmp(first->path, copies[i]) == 0)
			return true;
	return false;
}

/* False where it cannot be reached, or *err says what is wrong with it. */
static bool read_firmware(struct host *host, struct host_firmware *ret, struct err *err)
{
	int r = host->ops->firmware(host, ret);

	if (r < 0 && r != -ENOSYS && r != -ENOTSUP)
		err_set(err, ERR_SYSTEM, -r, "cannot read the firmware's boot entries");
	return r == 0;
}

/* Before the first change of it; afterwards nobody could tell what it was. */
static bool write_down(struct machine *machine, const struct host_firmware *firmware,
		       struct err *err)
{
	auto_takeover struct takeover takeover = {0};

	if (!listing_find(&machine->listing, 0))
		return true;
	if (!takeover_read(machine, &takeover, err))
		return false;
	if (takeover.has_order)
		return true;
	takeover.has_order = true;
	for (size_t i = 0; i < firmware->ordered; i++)
		*array_add(takeover.order, takeover.order_count) = firmware->options[i].number;
	return takeover_write(machine, &takeover, err);
}

static bool check_taken(struct host *host, struct err *err)
{
	auto_host_firmware struct host_firmware now = {0};

	if (!read_firmware(host, &now, err))
		return false;
	return firmware_starts_us(host, &now) ||
	       err_set(err, ERR_SYSTEM, 0,
		       "the firmware does not keep systemd-boot in front of its boot order");
}

bool firmware_register(struct operation *operation, struct err *err)
{
	struct machine *machine = operation->machine;
	struct host *host = machine->host;
	auto_host_firmware struct host_firmware firmware = {0};
	const char *copies[2];
	size_t count = find_copies(host, copies);
	int r;

	if (count == 0 || !read_firmware(host, &firmware, err))
		return err->kind == ERR_NONE;
	if (!write_down(machine, &firmware, err))
		return false;
	r = host->ops->loader_entries(host, copies, count);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r,
			       "the firmware did not take the loader's boot entries");
	return check_taken(host, err);
}

bool firmware_register_if_possible(struct operation *operation, struct err *err)
{
	return firmware_register(operation, err) ||
	       operation_forgive(operation, "the firmware does not start systemd-boot first", err);
}
