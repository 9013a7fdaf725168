/*
 * checking - what the checks share; nobody else includes it.
 *
 * What several checks need of the root is read once, and is empty where the root has no such file.
 */
#pragma once
#include "checks.h"
#include "fstab.h"
#include "dpkg.h"

struct checking {
	struct machine *machine;
	enum check_context context;
	const char *root; /* path on the pool; never NULL in a check that needs one */
	bool original; /* the root is generation 0: as its owner had it, not laid out by moult */
	struct findings *findings;
	struct fstab fstab;
	struct packages packages;
	struct err
		trouble; /* what kept the check that runs now from its answer; the first counts */
	uint64_t kernel_bytes; /* of the root's largest kernel with its initrd; 0 = none */
};

void checking_done(struct checking *checking);
DEFINE_AUTO_STRUCT(checking, struct checking, checking_done)
#define auto_checking __attribute__((cleanup(auto_checking_)))
/* What is read once of a root that is there. */
void checking_read_root(struct checking *checking);
/* What the check of this name could not answer becomes a finding; then there is no trouble any more. */
void checking_tell_trouble(struct checking *checking, const char *name);

/* Shorthand for findings_make(). */
struct finding *checking_add(struct checking *checking, enum finding_level level, const char *code,
			     const char *object);
/* An error in a preflight for `contexts`, else `level`. */
enum finding_level checking_level(const struct checking *checking, unsigned contexts,
				  enum finding_level level);

/* Where the running system has the boot volume; borrowed. */
const char *checking_boot_mount_point(const struct checking *checking);
/* For people: device or image and partition of the boot volume; borrowed, NULL = there is none. */
const char *checking_boot_where(const struct checking *checking);
/* Whether a path may be named in a remedy, which people paste into a shell. */
bool checking_is_pasteable(const char *path);
/* Where r < 0: the check that runs now could not be carried out, and why; true then. */
bool checking_cannot(struct checking *checking, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Whether there is such a thing; what cannot be told is checking_cannot(), and false. `ret` may be NULL. */
bool checking_on_boot(struct checking *checking, const char *path, struct host_stat *ret);
bool checking_in_root(struct checking *checking, const char *path, struct host_stat *ret);

/* What an adoption needs on the boot volume. */
uint64_t checking_adoption_bytes(const struct checking *checking);

/* --- each/ -------------------------------------------------------------------------------------- */

typedef void check_function(struct checking *checking);

/* checks_pool.c */
check_function check_adopted, check_policy, check_numbers, check_current, check_generations,
	check_leftovers, check_interrupted, check_space, check_pending;
/* checks_root.c */
check_function check_layout, check_kernel, check_modules, check_nested, check_units, check_hooks;
/* checks_packages.c */
check_function check_moult_package, check_systemd, check_packages;
/* checks_fstab.c */
check_function check_fstab, check_boot_directory, check_data, check_swap;
/* checks_data.c */
check_function check_aside, check_left, check_size;
/* checks_adopt.c */
check_function check_elsewhere, check_names, check_adopting;
/* checks_found.c */
check_function check_found;
/* checks_boot.c */
check_function check_boot_volume, check_boot_damage, check_boot_room;
/* checks_loader.c */
check_function check_loader, check_loader_copies, check_random_seed, check_boot_order;
/* checks_menu.c */
check_function check_settings, check_candidates, check_entries, check_torn, check_good_entries,
	check_blobs, check_others, check_foreign;
/* checks_running.c */
check_function check_clock, check_session, check_firmware_default, check_package_lock,
	check_watchdog;
/* checks_unattended.c */
check_function check_unattended;
