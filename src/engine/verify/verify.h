/*
 * verify - whether a copy is fit to become a generation: nothing unverified does (promise P6).
 *
 * One table of checks (verify.c); all that is found is reported at once. Only reads, and only what
 * the change can have touched: the files of packages that differ from the parent's are hashed, the
 * rest is not.
 */
#pragma once
#include "dpkg.h"
#include "machine.h"

struct verify_request {
	/* of the generation on the pool, "@gens/.7.tmp"; its root is `directory`/root */
	const char *directory;
	/* path of the root it was made from; NULL = none */
	const char *parent_root;
	/* of the source, besides what differs from the parent; NULL = none */
	const struct package_changes *changes;
	/* of the kernel that it will boot; NULL = the newest in it */
	const char *release;
};

/* The kernel that the generation boots. */
struct kernel {
	char *release; /* "6.12.107+deb13-amd64" */
	char *linux_path; /* on the pool */
	char *initrd_path; /* on the pool */
};

void kernel_done(struct kernel *kernel);
/*
 * On failure *ret is empty and the sentence holds every finding that fits. Warnings go to the
 * progress as notes.
 */
bool verify_generation(struct machine *machine, const struct verify_request *request,
		       struct kernel *ret, struct err *err);

/*
 * What edits can break, and nothing that costs: fstab, init, a way to log in. `root` is a copy that
 * has been verified before, and edited since as `edited_root` was.
 */
bool verify_edits(struct machine *machine, const char *root, const char *edited_root,
		  struct err *err);

/*
 * The newest kernel with its initrd of a root that is in use, where its owner put it. `root` is on the
 * pool.
 */
bool verify_live_kernel(struct machine *machine, const char *root, struct kernel *ret,
			struct err *err);

DEFINE_AUTO_STRUCT(kernel, struct kernel, kernel_done)
#define auto_kernel __attribute__((cleanup(auto_kernel_)))
