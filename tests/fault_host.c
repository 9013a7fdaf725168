#include "fault_host.h"

/* Whether this call is to fail; counts it. */
static bool is_faulty(struct fault_host *fault, const char *name)
{
	unsigned call = ++fault->calls;

	if (fault->fail_at == 0 || call < fault->fail_at ||
	    (call > fault->fail_at && !fault->forever))
		return false;
	if (!fault->failed)
		fault->failed = name;
	return true;
}

/* Each: name, parameters after the host, the same as arguments. */
/* Calls that give something back, */
#define READING(X)                                                                                 \
	X(read, (enum volume v, const char *p, size_t m, struct host_bytes *r), (v, p, m, r))      \
	X(read_tail, (const char *p, size_t m, struct host_bytes *r), (p, m, r))                   \
	X(stat, (enum volume v, const char *p, struct host_stat *r), (v, p, r))                    \
	X(list, (enum volume v, const char *p, struct host_names *r), (v, p, r))                   \
	X(read_link, (enum volume v, const char *p, char **r), (v, p, r))                          \
	X(digest, (enum volume v, const char *p, enum digest_kind k, struct digest *r),            \
	  (v, p, k, r))                                                                            \
	X(digest_medium, (enum volume v, const char *p, struct digest *r), (v, p, r))              \
	X(read_medium, (enum volume v, const char *p, size_t m, struct host_bytes *r),             \
	  (v, p, m, r))                                                                            \
	X(space, (enum volume v, struct host_space * r), (v, r))                                   \
	X(check, (enum volume v, char **r), (v, r))                                                \
	X(repair, (enum volume v, char **r), (v, r))                                               \
	X(unclean, (enum volume v), (v))                                                           \
	X(identity, (struct host_identity * r), (r))                                               \
	X(root_read, (const char *o, const char *p, size_t m, struct host_bytes *r), (o, p, m, r)) \
	X(root_stat, (const char *o, const char *p, struct host_stat *r), (o, p, r))               \
	X(root_list, (const char *o, const char *p, struct host_names *r), (o, p, r))              \
	X(root_digest, (const char *o, const char *p, enum digest_kind k, struct digest *r),       \
	  (o, p, k, r))                                                                            \
	X(list_initrd, (const char *o, const char *p, void (*f)(void *u, const char *n), void *d), \
	  (o, p, f, d))                                                                            \
	X(subvolume, (const char *p, struct host_subvolume *r), (p, r))                            \
	X(list_subvolumes, (struct host_names * r), (r))                                           \
	X(exclusive_bytes, (const char *const *p, size_t c, uint64_t *r), (p, c, r))               \
	X(changed_since, (const struct host_since *s, struct host_strings *r), (s, r))             \
	X(differ, (const char *a, const char *b), (a, b))                                          \
	X(send, (const struct host_sending *s), (s))                                               \
	X(compare, (const struct host_pair *p, struct host_comparison *r), (p, r))                 \
	X(links, (const char *v, const char *p, struct host_strings *r), (v, p, r))                \
	X(text_difference, (const struct host_text_side s[2], size_t m, struct host_bytes *r),     \
	  (s, m, r))                                                                               \
	X(get_default, (char **r), (r))                                                            \
	X(run_stage, (const struct stage *s, const struct stage_command *c, int *r), (s, c, r))    \
	X(running, (struct host_running * r), (r))                                                 \
	X(lock, (const char *w, char **r), (w, r))                                                 \
	X(package_lock, (const char *o, unsigned w), (o, w))                                       \
	X(failed_units, (struct host_strings * r), (r))                                            \
	X(default_routes, (struct host_strings * r), (r))                                          \
	X(mount_points, (struct host_strings * r), (r))                                            \
	X(surroundings, (struct host_surroundings * r), (r))                                       \
	X(network, (struct host_network * r), (r))                                                 \
	X(utc_offset, (int64_t w, int *r), (w, r))                                                 \
	X(swap_files, (struct host_swaps * r), (r))                                                \
	X(run_program, (const struct host_program *p, char **r, int *s), (p, r, s))                \
	X(get_xattr, (const char *p, const char *n, struct host_bytes *r), (p, n, r))              \
	X(sleep, (unsigned m), (m))                                                                \
	X(writable, (enum volume v), (v))                                                          \
	X(firmware, (struct host_firmware * r), (r))                                               \
	X(clock_synchronised, (bool *r), (r))

/* and calls that leave something behind. */
#define WRITING(X)                                                                                 \
	X(write, (enum volume v, const char *p, const void *b, size_t l), (v, p, b, l))            \
	X(write_at, (enum volume v, const char *p, off_t o, const void *b, size_t l),              \
	  (v, p, o, b, l))                                                                         \
	X(append, (enum volume v, const char *p, const void *b, size_t l), (v, p, b, l))           \
	X(make_directory, (enum volume v, const char *p, mode_t m), (v, p, m))                     \
	X(make_symlink, (enum volume v, const char *t, const char *p), (v, t, p))                  \
	X(rename, (enum volume v, const char *a, const char *b), (v, a, b))                        \
	X(exchange, (enum volume v, const char *a, const char *b), (v, a, b))                      \
	X(remove, (enum volume v, const char *p), (v, p))                                          \
	X(remove_tree, (enum volume v, const char *p), (v, p))                                     \
	X(copy, (enum volume v, const char *a, enum volume w, const char *b), (v, a, w, b))        \
	X(copy_attributes, (const char *a, const char *b), (a, b))                                 \
	X(remove_xattrs, (const char *p, const char *n), (p, n))                                   \
	X(sync, (enum volume v), (v))                                                              \
	X(snapshot, (const char *a, const char *b, bool o), (a, b, o))                             \
	X(create_subvolume, (const char *p), (p))                                                  \
	X(delete_subvolume, (const char *p), (p))                                                  \
	X(set_default, (const char *p), (p))                                                       \
	X(reboot, (bool f), (f))                                                                   \
	X(loader_entries, (const char *const *p, size_t c), (p, c))                                \
	X(set_boot_order, (const uint16_t *n, size_t c), (n, c))                                   \
	X(remove_boot_option, (uint16_t n), (n))                                                   \
	X(publish_status, (const char *n, const char *t), (n, t))                                  \
	X(reboot_required, (bool y), (y))                                                          \
	X(hibernation, (bool y), (y))

#define UNWRAP(...) __VA_ARGS__

#define DEFINE_OP(name, parameters, arguments, also_failing)                                       \
	static int fault_##name(struct host *host, UNWRAP parameters)                              \
	{                                                                                          \
		struct fault_host *fault = (struct fault_host *)host;                              \
		bool faulty = is_faulty(fault, #name);                                             \
		int result = 0;                                                                    \
                                                                                                   \
		if (!faulty || (also_failing))                                                     \
			result = fault->inner->ops->name(fault->inner, UNWRAP arguments);          \
		return faulty ? -fault->errnum : result;                                           \
	}
#define DEFINE_READING(name, parameters, arguments) DEFINE_OP(name, parameters, arguments, false)
#define DEFINE_WRITING(name, parameters, arguments)                                                \
	DEFINE_OP(name, parameters, arguments, fault->afterwards)

READING(DEFINE_READING)
WRITING(DEFINE_WRITING)

static int64_t fault_clock(struct host *host, enum host_clock clock)
{
	struct host *inner = ((struct fault_host *)host)->inner;

	return inner->ops->clock(inner, clock);
}

static void fault_unlock(struct host *host)
{
	struct host *inner = ((struct fault_host *)host)->inner;

	inner->ops->unlock(inner);
}

static void fault_package_unlock(struct host *host)
{
	struct host *inner = ((struct fault_host *)host)->inner;

	inner->ops->package_unlock(inner);
}

/* Where a call failed what is done may be lost, and a fake would not have it said. */
static void fault_log(struct host *host, const struct host_message *message)
{
	const struct fault_host *fault = (struct fault_host *)host;

	if (!fault->failed)
		fault->inner->ops->log(fault->inner, message);
}

static bool fault_interrupted(struct host *host)
{
	struct host *inner = ((struct fault_host *)host)->inner;

	return inner->ops->interrupted(inner);
}

/* clang-format off */
#define LIST_OP(name, parameters, arguments) .name = fault_##name,

static const struct host_ops fault_ops = {
	READING(LIST_OP)
	WRITING(LIST_OP)
	.clock = fault_clock,
	.unlock = fault_unlock,
	.package_unlock = fault_package_unlock,
	.log = fault_log,
	.interrupted = fault_interrupted,
};
/* clang-format on */

void fault_host_init(struct fault_host *fault, struct host *inner)
{
	*fault = (struct fault_host){.host.ops = &fault_ops, .inner = inner, .errnum = EIO};
}
