/*
 * host - the machine, as the engine sees it.
 *
 * The only door to the kernel and to other programs. Each call is one effect that either happens
 * or does not. Returns 0 or -errno (a count or a descriptor where said); says nothing and logs
 * nothing: the caller knows what it was for.
 *
 * Paths are relative to a volume's top and never leave it; no symbolic link is followed, except by
 * the root_* calls, which resolve links inside the given root as that system itself would.
 *
 * What the owner of a machine protected (chattr +i, +a) is changed all the same, and stays
 * protected: moult works on copies of its own, and on data where the owner asked for it.
 *
 * Implementations: host/linux (real), tests/fake_host (in memory), tests/fault_host (wraps any of
 * them and makes call N fail).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "digest.h"
#include "host_difference.h"
#include "host_stage.h"
#include "volume.h"

struct host;

struct host_bytes {
	char *bytes; /* caller frees; a 0 follows the last byte */
	size_t length;
};

struct host_stat {
	enum host_type type;
	bool subvolume; /* a directory that is the top of a subvolume */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	uint64_t size_bytes;
	int64_t mtime_sec;
	int64_t ctime_nsec; /* nobody can set it back; where there is none (FAT) the mtime */
	dev_t rdev; /* HOST_OTHER: device number of a device node */
	bool whiteout; /* HOST_OTHER: a character device 0/0, by which an overlay says "removed" */
};

struct host_name {
	char *name;
	enum host_type type;
	uint64_t inode; /* 0 = it has none (FAT) */
};

/* A subvolume, an older snapshot of it (or of what it is itself a snapshot of), and when that was taken. */
struct host_since {
	const char *subvolume, *ancestor; /* on the pool */
	uint64_t transid; /* that of the snapshot, or an older one; 0 finds the same, slowly */
};

struct host_names {
	struct host_name *names; /* sorted by name bytes; without "." and ".." */
	size_t count;
};

struct host_space {
	uint64_t total_bytes, free_bytes; /* of data; on the boot volume of everything */
	uint64_t
		metadata_free_bytes; /* pool: what metadata can still take, unallocated space counted in */
};

struct host_subvolume {
	uint64_t id, parent_id;
	uint64_t transid; /* last transaction that changed it */
	uint64_t
		made_transid; /* the transaction that made it; of a snapshot: all before it is in it */
	bool read_only;
	char *path; /* from the top level; caller frees */
};

/* The system that runs now. Not available (-ENOSYS) on --sysroot. */
struct host_running {
	char *root_path; /* path of the subvolume mounted at /, from the top level */
	char *command_line;
	char *boot_id;
	char *lower_path; /* volatile session: the root below the overlay; else NULL */
	char *entry; /* LoaderEntrySelected, or NULL */
	char *entry_default; /* LoaderEntryDefault, set by hand in the menu; or NULL */
};

/* What the pool and the boot volume are, for root=UUID= and the like. */
struct host_identity {
	char *pool_uuid; /* of the Btrfs file system */
	char *boot_uuid; /* of the boot volume's file system; NULL = there is none */
	char *boot_where; /* for people: device or image and partition */
};

/* All that a program of the owner's may do beyond reading. */
struct host_confinement {
	uint64_t capabilities; /* 1 << CAP_…; kept, all others are dropped */
	const char *const
		*writes; /* absolute paths; besides them only /run and /tmp are writable */
	size_t write_count;
	bool network; /* false: an empty network namespace */
};

/* A program of the running system; as root, in its own process group. */
struct host_program {
	const char *path, *argument;
	const char *const *environment; /* NULL-terminated, beside PATH and LC_ALL; NULL = none */
	unsigned timeout_sec; /* then its whole process group is killed: -ETIMEDOUT */
	const struct host_confinement *confinement; /* NULL = none */
};

/* Files that the kernel swaps to now, as far as they lie on the pool. */
struct host_swap {
	char *path; /* as swapoff takes it */
	char *subvolume; /* of the pool, that holds it */
};

struct host_swaps {
	struct host_swap *swaps;
	size_t count;
};

struct host_strings {
	char **strings;
	size_t count;
};

/* How the machine is placed now; -1 = cannot be found out. */
struct host_surroundings {
	int on_battery; /* 1, or 0: on mains, or without a battery */
	int metered; /* 1: the network link costs by the byte, as NetworkManager says; 0 */
	int load_percent; /* of each CPU, over the last minute */
	struct host_strings users; /* that are logged in, each once; no greeter is one */
	struct host_strings inhibitors; /* that block a shutdown: "who (why)" */
};

/* What the machine reaches, and by what it is reached. */
struct host_network {
	struct host_strings
		remote; /* TCP ports where a remote login answers with its banner: "22" */
	struct host_strings gateways; /* of IPv4 default routes, that answer on their link */
	struct host_strings name_servers; /* that /etc/resolv.conf names */
};

/* One entry of the firmware's own boot menu. */
struct host_boot_option {
	uint16_t number; /* of Boot#### */
	bool active; /* the firmware would use it */
	char *label;
	char *path; /* of a file on the boot volume, with slashes; NULL = it starts something else */
};

/* How the firmware starts this machine. */
struct host_firmware {
	bool secure_boot; /* it starts only what is signed */
	struct host_boot_option *options; /* those of BootOrder in its order, then the others */
	size_t count;
	size_t ordered; /* how many of them are in BootOrder */
};

/* For the journal of the machine. */
struct host_message {
	int priority; /* LOG_ERR … */
	const char *id; /* MESSAGE_ID; NULL = none */
	const char *text;
	const char *verb; /* MOULT_VERB; NULL = none */
	int generation; /* MOULT_GENERATION; -1 = none */
};

enum host_clock { HOST_CLOCK_REAL_SEC, HOST_CLOCK_MONOTONIC_USEC };

struct host_ops {
	/* reading */
	int (*read)(struct host *, enum volume, const char *path, size_t max_bytes,
		    struct host_bytes *ret); /* -EFBIG */
	/* of a file on the pool the last bytes, or all where there are no more */
	int (*read_tail)(struct host *, const char *path, size_t max_bytes, struct host_bytes *ret);
	int (*stat)(struct host *, enum volume, const char *path, struct host_stat *ret);
	int (*list)(struct host *, enum volume, const char *path, struct host_names *ret);
	int (*read_link)(struct host *, enum volume, const char *path, char **ret);
	int (*digest)(struct host *, enum volume, const char *path, enum digest_kind,
		      struct digest *ret);
	/* like digest and read, but the bytes come from the medium: cached pages are dropped first */
	int (*digest_medium)(struct host *, enum volume, const char *path, struct digest *ret);
	int (*read_medium)(struct host *, enum volume, const char *path, size_t max_bytes,
			   struct host_bytes *ret);
	int (*space)(struct host *, enum volume, struct host_space *ret);
	int (*check)(struct host *, enum volume,
		     char **ret_findings); /* 0 = clean, -EUCLEAN = *ret_findings says what */
	/*
	 * fsck.fat -a on the unmounted boot volume; 0 = clean now, clusters without a name are free and
	 * the flag of unclean() is gone; -EBUSY: also mounted elsewhere
	 */
	int (*repair)(struct host *, enum volume, char **ret_findings);
	/* 1 = nobody unmounted the file system before the last power cut; 0 = it was, or cannot be told */
	int (*unclean)(struct host *, enum volume);
	int (*identity)(struct host *, struct host_identity *ret);

	/* reading inside a root, where links are followed as in that system */
	int (*root_read)(struct host *, const char *root, const char *path, size_t max_bytes,
			 struct host_bytes *ret);
	int (*root_stat)(struct host *, const char *root, const char *path, struct host_stat *ret);
	int (*root_list)(struct host *, const char *root, const char *path, struct host_names *ret);
	int (*root_digest)(struct host *, const char *root, const char *path, enum digest_kind,
			   struct digest *ret);
	/* the names in an initrd (cpio members after every kind of compression), relative, in order */
	int (*list_initrd)(struct host *, const char *root, const char *path,
			   void (*on_name)(void *userdata, const char *name), void *userdata);

	/* writing; not durable before sync */
	int (*write)(struct host *, enum volume, const char *path, const void *bytes,
		     size_t length); /* created 0644, or truncated */
	int (*write_at)(struct host *, enum volume, const char *path, off_t offset,
			const void *bytes, size_t length); /* in place, never grows */
	int (*append)(struct host *, enum volume, const char *path, const void *bytes,
		      size_t length);
	int (*make_directory)(struct host *, enum volume, const char *path, mode_t mode);
	int (*make_symlink)(struct host *, enum volume, const char *target, const char *path);
	int (*rename)(struct host *, enum volume, const char *from,
		      const char *to); /* replaces a file */
	int (*exchange)(struct host *, enum volume, const char *a, const char *b);
	int (*remove)(struct host *, enum volume,
		      const char *path); /* file, link or empty directory */
	int (*remove_tree)(struct host *, enum volume,
			   const char *path); /* -EXDEV at a subvolume */
	int (*copy)(
		struct host *, enum volume from_volume, const char *from, enum volume to_volume,
		const char *to); /* within the pool: reflink, attributes too, bytes on the medium */
	int (*copy_attributes)(struct host *, const char *from,
			       const char *to); /* pool: owner, mode, times, xattrs, protection */
	int (*get_xattr)(struct host *, const char *path, const char *name,
			 struct host_bytes *ret); /* pool; -ENODATA */
	int (*remove_xattrs)(struct host *, const char *path,
			     const char *prefix); /* pool: all whose names begin so */
	int (*sync)(struct host *,
		    enum volume); /* after it, all earlier effects on the volume are durable */

	/* subvolumes of the pool */
	int (*snapshot)(struct host *, const char *from, const char *to, bool read_only);
	int (*create_subvolume)(struct host *, const char *path);
	int (*delete_subvolume)(struct host *, const char *path);
	int (*subvolume)(struct host *, const char *path,
			 struct host_subvolume *ret); /* -EINVAL: not one */
	int (*list_subvolumes)(struct host *, struct host_names *ret); /* paths of all, no inodes */
	/* data that nothing outside these subvolumes refers to, before compression; reads all their metadata */
	int (*exclusive_bytes)(struct host *, const char *const *paths, size_t count,
			       uint64_t *ret_bytes);
	/*
	 * Where a subvolume may differ from its ancestor: paths in it that changed, are new or are gone,
	 * sorted, so a directory before what is in it. None that differs is missing; one that was only
	 * read is not there. It costs what was changed, not what there is.
	 */
	int (*changed_since)(struct host *, const struct host_since *, struct host_strings *ret);
	/*
	 * 1: two objects of the pool differ in type, owner, mode, extended attributes, protection, content
	 * or target; 0: they do not, or neither is there. Times do not count, nor what is in a directory.
	 */
	int (*differ)(struct host *, const char *a, const char *b);
	int (*get_default)(struct host *, char **ret_path); /* "" = top level */
	int (*set_default)(struct host *,
			   const char *path); /* "" = top level; not durable before sync */

	/* how two trees of the pool differ (host_difference.h) */
	int (*send)(struct host *, const struct host_sending *); /* no data in the stream */
	int (*compare)(struct host *, const struct host_pair *, struct host_comparison *ret);
	/* every name of the file at `path` of the subvolume, as of its last transaction */
	int (*links)(struct host *, const char *subvolume, const char *path,
		     struct host_strings *ret);
	/* as `diff -u` has it; empty: no difference. -EFBIG */
	int (*text_difference)(struct host *, const struct host_text_side sides[2],
			       size_t max_bytes, struct host_bytes *ret);

	/* programs */
	int (*run_stage)(struct host *, const struct stage *, const struct stage_command *,
			 int *ret_status);

	/* the machine as it runs */
	int64_t (*clock)(struct host *, enum host_clock);
	int (*running)(struct host *, struct host_running *ret);
	int (*lock)(struct host *, const char *holder,
		    char **ret_other); /* -EBUSY: *ret_other describes who has it */
	void (*unlock)(struct host *);
	/* dpkg's and apt's own locks inside a root that is in use; held until package_unlock */
	int (*package_lock)(struct host *, const char *root, unsigned wait_sec);
	void (*package_unlock)(struct host *); /* where it is not held: nothing */
	int (*failed_units)(struct host *, struct host_strings *ret);
	int (*default_routes)(struct host *, struct host_strings *ret); /* interfaces with one */
	int (*mount_points)(struct host *, struct host_strings *ret);
	/* on --sysroot too: its disk may be in use; one that is not visible from here is left out */
	int (*surroundings)(struct host *, struct host_surroundings *ret);
	int (*network)(struct host *, struct host_network *ret); /* asks: may take seconds */
	int (*clock_synchronised)(struct host *,
				  bool *ret); /* by NTP or the like, as the kernel knows */
	int (*utc_offset)(struct host *, int64_t when, int *ret_sec); /* of the local clock */
	int (*swap_files)(struct host *, struct host_swaps *ret);
	/* *ret_status as from waitpid; the last 4 KiB of stdout and stderr, caller frees */
	int (*run_program)(struct host *, const struct host_program *, char **ret_output,
			   int *ret_status);
	int (*reboot)(struct host *, bool force);
	int (*loader_entries)(
		struct host *, const char *const *loader_paths,
		size_t count); /* firmware boot entries, created where missing, in this order */
	/* -ENOSYS on --sysroot; -ENOTSUP: not started by UEFI, or its variables are out of reach */
	int (*firmware)(struct host *, struct host_firmware *ret);
	int (*set_boot_order)(struct host *, const uint16_t *numbers, size_t count);
	/* one that is not there counts as done; BootOrder is left as it is */
	int (*remove_boot_option)(struct host *, uint16_t number);
	int (*publish_status)(struct host *, const char *name,
			      const char *text); /* a file in /run/moult, 0644 */
	/* /run/reboot-required with its .pkgs, and /run/reboot-needed: written, or what was ours of them gone */
	int (*reboot_required)(struct host *, bool required);
	/* hibernation masked until the next boot, or what was masked so no more; what others masked stays */
	int (*hibernation)(struct host *, bool allowed);
	void (*log)(struct host *, const struct host_message *); /* the journal */
	bool (*interrupted)(struct host *); /* SIGINT or SIGTERM came */
	int (*sleep)(struct host *, unsigned milliseconds); /* -EINTR: interrupted before that */
	int (*writable)(
		struct host *,
		enum volume); /* 0; -EROFS: the file system is read-only; -EPERM: we look only */
};

struct host {
	const struct host_ops *ops;
};

void host_bytes_done(struct host_bytes *bytes);
void host_names_done(struct host_names *names);
void host_swaps_done(struct host_swaps *swaps);
void host_strings_done(struct host_strings *strings);
void host_names_sort(struct host_names *names); /* by bytes */
void host_subvolume_done(struct host_subvolume *subvolume);
void host_running_done(struct host_running *running);
void host_identity_done(struct host_identity *identity);
void host_surroundings_done(struct host_surroundings *surroundings);
void host_network_done(struct host_network *network);
/* A copy, unless it is there. */
void host_strings_add(struct host_strings *strings, const char *string);
void host_firmware_done(struct host_firmware *firmware);
bool host_strings_have(const struct host_strings *strings, const char *string);

#include "auto.h"
DEFINE_AUTO_STRUCT(host_bytes, struct host_bytes, host_bytes_done)
DEFINE_AUTO_STRUCT(host_names, struct host_names, host_names_done)
DEFINE_AUTO_STRUCT(host_strings, struct host_strings, host_strings_done)
DEFINE_AUTO_STRUCT(host_swaps, struct host_swaps, host_swaps_done)
DEFINE_AUTO_STRUCT(host_surroundings, struct host_surroundings, host_surroundings_done)
DEFINE_AUTO_STRUCT(host_network, struct host_network, host_network_done)
DEFINE_AUTO_STRUCT(host_subvolume, struct host_subvolume, host_subvolume_done)
DEFINE_AUTO_STRUCT(host_running, struct host_running, host_running_done)
DEFINE_AUTO_STRUCT(host_firmware, struct host_firmware, host_firmware_done)
DEFINE_AUTO_STRUCT(host_identity, struct host_identity, host_identity_done)
#define auto_host_bytes __attribute__((cleanup(auto_host_bytes_)))
#define auto_host_names __attribute__((cleanup(auto_host_names_)))
#define auto_host_strings __attribute__((cleanup(auto_host_strings_)))
#define auto_host_swaps __attribute__((cleanup(auto_host_swaps_)))
#define auto_host_surroundings __attribute__((cleanup(auto_host_surroundings_)))
#define auto_host_network __attribute__((cleanup(auto_host_network_)))
#define auto_host_subvolume __attribute__((cleanup(auto_host_subvolume_)))
#define auto_host_running __attribute__((cleanup(auto_host_running_)))
#define auto_host_firmware __attribute__((cleanup(auto_host_firmware_)))
#define auto_host_identity __attribute__((cleanup(auto_host_identity_)))
