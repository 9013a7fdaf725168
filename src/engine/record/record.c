#include "record.h"
#include <errno.h>
#include <string.h>
#include "pristine.h"
#include "dpkgroot.h"

/* The schema version of moult.yaml: its own family, so far the only one. */
#define MOULT_FAMILY_VERSION 1
#define UNITS "etc/systemd/system"

struct recording {
	struct host *host;
	const struct record_request *request;
	char *root; /* path on the pool */
	char *making; /* the subvolume while it is writable */
	char *record; /* what it becomes */
	struct packages packages;
};

static void recording_done(struct recording *recording)
{
	free(recording->root);
	free(recording->making);
	free(recording->record);
	packages_done(&recording->packages);
}
DEFINE_AUTO_STRUCT(recording, struct recording, recording_done)

static bool fail(int r, const char *path, struct err *err)
{
	return err_set(err, ERR_SYSTEM, -r, "cannot write %s", path);
}

static bool write_document(const struct recording *recording, const char *name,
			   const json_t *document, struct err *err)
{
	struct host *host = recording->host;
	auto_free char *path = xasprintf("%s/%s", recording->making, name);
	auto_free char *text = json_print(document);
	int r = host->ops->write(host, VOLUME_POOL, path, text, strlen(text));

	return r < 0 ? fail(r, path, err) : true;
}

/* --- units ------------------------------------------------------------------------------------- */

/* Links of one folder into `links`: "multi-user.target.wants/ssh.service" → its target. */
static int list_links(const struct recording *recording, const char *folder, json_t *links)
{
	struct host *host = recording->host;
	auto_free char *directory =
		xasprintf("%s/" UNITS "%s%s", recording->root, *folder ? "/" : "", folder);
	auto_host_names struct host_names names = {0};
	int r = host->ops->list(host, VOLUME_POOL, directory, &names);

	for (size_t i = 0; r == 0 && i < names.count; i++) {
		const char *name = names.names[i].name;
		auto_free char *path = xasprintf("%s/%s", directory, name), *target = NULL;
		auto_free char *key = xasprintf("%s%s%s", folder, *folder ? "/" : "", name);

		if (names.names[i].type == HOST_SYMLINK) {
			r = host->ops->read_link(host, VOLUME_POOL, path, &target);
			if (r == 0)
				json_object_set_new(links, key, json_text(target));
		} else if (names.names[i].type == HOST_DIRECTORY && !*folder) {
			r = list_links(recording, name, links);
		}
	}
	return r == -ENOENT ? 0 : r;
}

static bool write_units(const struct recording *recording, struct err *err)
{
	auto_json json_t *document = json_object();
	json_t *links = json_object();
	int r = list_links(recording, "", links);

	json_object_set_new(document, "format_version", json_integer(1));
	json_object_set_new(document, "links", links);
	if (r < 0)
		return err_set(err, ERR_SYSTEM, -r, "cannot list the units of %s", recording->root);
	return write_document(recording, "units.json", document, err);
}

/* --- packages and families ---------------------------------------------------------------------- */

static bool write_packages(const struct recording *recording, struct err *err)
{
	auto_json json_t *document = packages_json(&recording->packages);

	return write_document(recording, "packages.json", document, err);
}

static bool write_families(const struct recording *recording, struct err *err)
{
	auto_json json_t *document = json_object();
	json_t *families = json_object(), *moult = json_object();

	json_object_set_new(moult, "version", json_integer(MOULT_FAMILY_VERSION));
	json_object_set_new(families, "moult", moult);
	json_object_set_new(document, "format_version", json_integer(1));
	json_object_set_new(document, "families", families);
	return write_document(recording, "families.json", document, err);
}

static bool write_defaults(const struct recording *recording, struct err *err)
{
	auto_free char *fresh = xasprintf("%s/new-defaults", recording->request->directory);
	struct pristine pristine = {
		.host = recording->host,
		.root = recording->root,
		.fresh = fresh,
		.parent_record = recording->request->parent_record,
		.record = recording->making,
	};
	auto_json json_t *unknown = NULL, *document = json_object();

	if (!pristine_collect(&pristine, &recording->packages, &unknown, err))
		return false;
	json_object_set_new(document, "format_version", json_integer(1));
	json_object_set(document, "unknown", unknown);
	return write_document(recording, "etc.base.json", document, err);
}

/* A read-only snapshot instead of a flag: what is called record was never writable. */
static bool seal(const struct recording *recording, struct err *err)
{
	const struct host_ops *ops = recording->host->ops;
	int r = ops->snapshot(recording->host, recording->making, recording->record, true);

	if (r == 0)
		r = ops->delete_subvolume(recording->host, recording->making);
	return r < 0 ? fail(r, recording->record, err) : true;
}

bool record_write(struct machine *machine, const struct record_request *request,
		  char **ret_package_digest, struct err *err)
{
	__attribute__((cleanup(auto_recording_))) struct recording recording = {
		.host = machine->host,
		.request = request,
		.root = xasprintf("%s/root", request->directory),
		.making = xasprintf("%s/record.new", request->directory),
		.record = xasprintf("%s/record", request->directory),
	};
	struct digest digest;
	int r;

	if (!dpkgroot_read(machine->host, recording.root, &recording.packages, err))
		return false;
	r = machine->host->ops->create_subvolume(machine->host, recording.making);
	if (r < 0)
		return fail(r, recording.making, err);
	if (!write_packages(&recording, err) || !write_units(&recording, err) ||
	    !write_families(&recording, err) || !write_defaults(&recording, err) ||
	    !seal(&recording, err))
		return false;
	packages_digest(&recording.packages, &digest);
	*ret_package_digest = xstrdup(digest.hex);
	return true;
}
