/*
 * verifying - what the checks of a copy share; nobody outside this folder includes it.
 */
#pragma once
#include "fstab.h"
#include "names.h"
#include "verify.h"

/* The greatest sizes that are read whole; a larger file is a finding, never cut. */
#define FILE_MAX_BYTES (8 * 1024 * 1024)

struct verifying {
	struct machine *machine;
	struct host *host;
	const struct verify_request *request;
	char *root; /* path on the pool */
	struct packages packages, parent_packages;
	struct fstab fstab;
	struct kernel kernel; /* release NULL = there is none that could be chosen */
	struct findings findings;
};

/* What a check has to say; `why` names its object, and begins in lower case. Strings are copied. */
struct remark {
	const char *code;
	enum finding_level level;
	const char *object, *remedy;
};
void verifying_remark(struct verifying *verifying, const struct remark *remark, const char *why,
		      ...) __attribute__((format(printf, 3, 4)));

/* False and no finding: the file is not there; false with `broken`: a finding was made. */
bool verifying_read(struct verifying *verifying, const char *path, size_t max_bytes,
		    struct host_bytes *ret);
bool verifying_have(const struct verifying *verifying, const char *path);

typedef void verify_check(struct verifying *verifying);

/* verify_packages.c */
verify_check verify_packages, verify_files;
/* verify_kernel.c */
verify_check verify_kernel;
/* verify_initrd.c */
verify_check verify_initrd;
/* verify_root.c */
verify_check verify_fstab, verify_init;
/* verify_login.c */
verify_check verify_login;

/*
 * Newest kernel of a root by Debian's order of versions: its release, or NULL. *skipped
 * is raised by the files that look like kernels but have no usable release in their names.
 */
char *kernel_newest(struct host *host, const char *root, unsigned *skipped);
