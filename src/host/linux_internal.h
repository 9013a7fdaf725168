/*
 * linux_internal - what the files of the Linux host share; nobody else includes it.
 *
 * Functions return 0 or -errno and say nothing, like host.h, unless they take a struct err.
 * Paths on a volume are checked here (path_is_plain): they come from disks that others wrote.
 */
#pragma once
#include <sys/stat.h>
#include "host.h"
#include "linux.h"
#include "text.h"

struct linux_host;
struct linux_volume;

/* Where the bytes of a file go; returns 0, or -errno to stop. */
struct sink {
	int (*feed)(void *userdata, const void *bytes, size_t length);
	void *userdata;
};

/*
 * How a volume is reached: as mounted files, or through mtools on its device. What a volume cannot
 * do at all (links on FAT) is -EOPNOTSUPP.
 */
struct volume_access {
	int (*stat)(const struct linux_volume *, const char *path, struct host_stat *ret);
	int (*list)(const struct linux_volume *, const char *path, struct host_names *ret);
	int (*read_link)(const struct linux_volume *, const char *path, char **ret);
	/* the bytes of a regular file; `medium`: not from any cache */
	int (*stream)(const struct linux_volume *, const char *path, bool medium,
		      const struct sink *);
	int (*write)(const struct linux_volume *, const char *path, const void *bytes,
		     size_t length);
	int (*write_from)(const struct linux_volume *, const char *path,
			  int fd); /* all that fd gives */
	int (*write_at)(const struct linux_volume *, const char *path, off_t offset,
			const struct host_bytes *);
	int (*append)(const struct linux_volume *, const char *path, const void *bytes,
		      size_t length);
	int (*make_directory)(const struct linux_volume *, const char *path, mode_t mode);
	int (*make_symlink)(const struct linux_volume *, const char *target, const char *path);
	int (*rename)(const struct linux_volume *, const char *from, const char *to);
	int (*exchange)(const struct linux_volume *, const char *a, const char *b);
	int (*remove)(const struct linux_volume *, const char *path);
	int (*remove_tree)(const struct linux_volume *, const char *path);
	int (*space)(const struct linux_volume *, struct host_space *ret);
	int (*sync)(const struct linux_volume *);
};

extern const struct volume_access files_access, mtools_access;

struct linux_volume {
	const struct volume_access *access; /* NULL = there is no such volume */
	int fd; /* its top directory; -1 where `fat` is read */
	char *mounted; /* where, in our own mount namespace; NULL where `fat` is read */
	char *device; /* block device below it, "/dev/…"; NULL = unknown */
	int device_fd; /* of `device`, for flushing and reading the medium; -1 = none */
	struct fat_volume *fat; /* what is on device_fd; NULL where the kernel has it mounted */
	int image_fd; /* of the file behind a loop device; -1 = none; borrowed from linux_host */
	char *type; /* "btrfs", "vfat" … as blkid says */
	char *uuid; /* of the file system */
	bool unclean; /* FAT: its dirty flag was set while nobody had it mounted */
	bool bound; /* a directory was given: bound, not mounted from its device */
	bool attributes; /* owner, mode and extended attributes can be kept */
	bool write_protected; /* the medium takes no writes: it is only looked at */
	bool lent; /* mounted read-only by its owner, and written to by our own mount alone */
};

/* A GPT or MBR partition; for firmware boot entries. */
struct partition {
	int number; /* 1…; 0 = not a partition */
	uint64_t start, size; /* in sectors of 512 bytes */
	char uuid[37]; /* PARTUUID, lower case */
	bool gpt;
};

struct linux_host {
	struct host host; /* first: a struct host * of this kind is a struct linux_host * */
	bool live; /* no --sysroot: the pool carries the running system */
	bool read_only;
	struct linux_volume volumes[VOLUME_COUNT];
	char *directory; /* where our mount points are: /run/moult, or a temporary one */
	bool directory_is_temporary;
	char *where; /* for people: the disk or image that was given or found */
	char *boot_where; /* for people: where the boot volume is */
	char *disk; /* what was given, if it has partitions; else NULL */
	int image_fd; /* holds the locks on an image file; -1 */
	int esp_image_fd; /* the same for --esp IMAGE; -1 */
	int lock_fd; /* the operation lock; -1 */
	int package_fds[2];
};

static inline struct linux_host *linux_of(struct host *host)
{
	return (struct linux_host *)(void *)host;
}

/* linux_files.c */
bool path_is_plain(const char *path); /* relative, no empty, "." or ".." component; "" is the top */
/* Beneath `top`, following nothing; a descriptor or -errno. */
int open_beneath(int top, const char *path, int flags, mode_t mode);
/* As a system whose / is `root` would resolve it; a descriptor or -errno. */
int open_in_root(int root, const char *path, int flags);
/* The directory that holds the last component, which *ret_name borrows from path. */
int open_parent(int top, const char *path, const char **ret_name);
void host_stat_fill(const struct stat *st, struct host_stat *ret);
int list_directory(int fd, struct host_names *ret); /* fd stays the caller's */

/* linux_stream.c */
int stream_fd(int fd, const struct sink *sink);
/*
 * Regular files only: a pipe or a device must not make us wait or act. -EISDIR, -EINVAL; fd may be a
 * -errno, and is the result then. `ret` may be NULL.
 */
int regular_file(int fd, struct stat *ret);
int stream_regular(int fd, const struct sink *sink);
int write_all(int fd, const void *bytes, size_t length);

/* linux_root.c */
struct root_path {
	const char *root; /* on the pool */
	const char *path; /* inside it, links resolved there; a leading slash does not matter */
};
int open_root_path(struct host *host, const struct root_path *where, int flags);
int linux_root_read(struct host *, const char *root, const char *path, size_t max_bytes,
		    struct host_bytes *ret);
int linux_root_stat(struct host *, const char *root, const char *path, struct host_stat *ret);
int linux_root_list(struct host *, const char *root, const char *path, struct host_names *ret);
int linux_root_digest(struct host *, const char *root, const char *path, enum digest_kind,
		      struct digest *ret);

/* linux_volume.c: the ops that go to either kind of access */
int linux_read(struct host *, enum volume, const char *path, size_t max_bytes,
	       struct host_bytes *ret);
int linux_read_tail(struct host *, const char *path, size_t max_bytes, struct host_bytes *ret);
int linux_stat(struct host *, enum volume, const char *path, struct host_stat *ret);
int linux_list(struct host *, enum volume, const char *path, struct host_names *ret);
int linux_read_link(struct host *, enum volume, const char *path, char **ret);
int linux_digest(struct host *, enum volume, const char *path, enum digest_kind,
		 struct digest *ret);
int linux_digest_medium(struct host *, enum volume, const char *path, struct digest *ret);
int linux_read_medium(struct host *, enum volume, const char *path, size_t max_bytes,
		      struct host_bytes *ret);
int linux_space(struct host *, enum volume, struct host_space *ret);
int linux_write(struct host *, enum volume, const char *path, const void *bytes, size_t length);
int linux_write_at(struct host *, enum volume, const char *path, off_t offset, const void *bytes,
		   size_t length);
int linux_append(struct host *, enum volume, const char *path, const void *bytes, size_t length);
int linux_make_directory(struct host *, enum volume, const char *path, mode_t mode);
int linux_make_symlink(struct host *, enum volume, const char *target, const char *path);
int linux_rename(struct host *, enum volume, const char *from, const char *to);
int linux_exchange(struct host *, enum volume, const char *a, const char *b);
int linux_remove(struct host *, enum volume, const char *path);
int linux_remove_tree(struct host *, enum volume, const char *path);
int linux_copy(struct host *, enum volume from_volume, const char *from, enum volume to_volume,
	       const char *to);
int linux_sync(struct host *, enum volume);
int linux_identity(struct host *, struct host_identity *ret);
/* Collects a stream, or digests it. */
int collect_bytes(int (*stream)(void *source, const struct sink *), void *source, size_t max_bytes,
		  struct host_bytes *ret);
int collect_digest(int (*stream)(void *source, const struct sink *), void *source,
		   enum digest_kind kind, struct digest *ret);

/* linux_protect.c: on file systems that know no such flags nothing is protected */
struct fd_path { /* names the object behind a descriptor, also one by O_PATH, also a link itself */
	char text[32];
};
struct fd_path fd_path(int fd);
/* What `chattr +i` and `+a` have set on a file or directory; O_PATH descriptors will do. */
unsigned protection_of(int object);
int protection_set(int object, unsigned protection);
/* Lifted for one call that ended with EPERM, and put back after it; on what lives on. */
struct protections {
	struct lifted {
		int object;
		unsigned protection;
	} list[4];
	size_t count;
};
/* From the directory and what has this name in it; true: there was something, try again. */
bool protections_lift(struct protections *lifted, int parent, const char *name);
void protections_done(struct protections *lifted);
DEFINE_AUTO_STRUCT(protections, struct protections, protections_done)
#define auto_protections __attribute__((cleanup(auto_protections_)))
int unlink_through(int parent, const char *name, int flags); /* unlinkat, of protected ones too */
/* What chattr said of `from`, for its copy: while that is empty, and when all else is done. */
int flags_begin(int from, int to);
int flags_finish(int from, int to);

/* linux_tree.c: what is protected goes, too */
int tree_remove(int parent, const char *name);
/*
 * A file, link, node or directory with all in it; attributes too where `attributes`, and then every
 * byte is on the medium when it returns.
 */
struct tree_copy {
	int from_parent, to_parent;
	const char *from_name, *to_name;
	bool attributes;
};
int tree_copy(const struct tree_copy *copy);
int attributes_copy(int from, int to); /* O_PATH descriptors will do */
/* The names of the extended attributes, 0-separated; "" on file systems that have none. Caller frees. */
int xattr_names(const char *path, char **ret, size_t *ret_length);
int linux_copy_attributes(struct host *, const char *from, const char *to);

/* linux_xattr.c */
int linux_get_xattr(struct host *, const char *path, const char *name, struct host_bytes *ret);
int linux_remove_xattrs(struct host *, const char *path, const char *prefix);

/* linux_changed.c, linux_differ.c */
int linux_changed_since(struct host *, const struct host_since *, struct host_strings *ret);
int linux_differ(struct host *, const char *a, const char *b);

/* linux_exclusive.c */
int linux_exclusive_bytes(struct host *, const char *const *paths, size_t count,
			  uint64_t *ret_bytes);

/* linux_subvolume.c */
int linux_snapshot(struct host *, const char *from, const char *to, bool read_only);
int linux_create_subvolume(struct host *, const char *path);
int linux_delete_subvolume(struct host *, const char *path);
int linux_subvolume(struct host *, const char *path, struct host_subvolume *ret);
int linux_list_subvolumes(struct host *, struct host_names *ret);
int linux_get_default(struct host *, char **ret_path);
int linux_set_default(struct host *, const char *path);
/* Path from the top level of the subvolume that `fd` is in; caller frees. */
int subvolume_path_of(const struct linux_host *, int fd, char **ret);
int btrfs_uuid(int fd, char **ret);
/* Calls visit for each device of a mounted Btrfs until it returns something but 0. */
struct btrfs_ioctl_dev_info_args;
int each_device(int fd, int (*visit)(void *, const struct btrfs_ioctl_dev_info_args *),
		void *userdata);
/* A device of the mounted Btrfs that fd is on. */
int btrfs_device(int fd, char **ret);

/* linux_space.c */
int btrfs_space(const struct linux_volume *, struct host_space *ret);
/*
 * What new chunks of the profile in `flags` can take, copies counted once, where each device has
 * this many bytes in no chunk. Reorders and changes the array.
 */
uint64_t space_of_chunks(uint64_t *unallocated, size_t count, uint64_t flags);

/* linux_disk.c */
struct probe { /* what is on a device or in a file; all NULL where there is nothing */
	char *type; /* of the file system */
	char *uuid;
	char *table; /* "gpt", "dos" */
};
void probe_done(struct probe *probe);
int probe_fd(int fd, struct probe *ret);
/* The same, quicker: what else is there beside a file system is not seen. For what is not in doubt. */
int probe_fd_to_look(int fd, struct probe *ret);
/* The partitions of a disk or image in their order. */
enum partition_kind { PARTITION_BTRFS, PARTITION_ESP };
struct partition_list {
	struct partition_entry {
		struct partition partition;
		bool esp; /* by its type */
		bool btrfs; /* by its content */
	} * entries;
	size_t count;
};
int partitions_read(int fd, struct partition_list *ret);
/* A loop device on a part of a file; size_bytes 0 = to its end. Detaches itself when unused. */
struct loop_want {
	int file;
	uint64_t offset_bytes, size_bytes;
	bool read_only;
};
int loop_attach(const struct loop_want *want, char **ret_device, int *ret_fd);
/* What is cached of the image behind a volume's loop device goes, as far as the volume reaches in it. */
void image_drop_cache(const struct linux_volume *volume);
/* The kernel's own node of a partition, or -ENOENT. */
int partition_node(dev_t disk, const struct partition *partition, char **ret_device);
/* The disk that a partition node is on, and which part of it; -ENOENT: not a partition. */
int partition_parent(dev_t device, char **ret_disk, struct partition *ret);
/* "/dev/…" of a block device number. */
int device_path(dev_t device, char **ret);
/* Locks the image for ourselves; -EBUSY where another process still holds a lock after a second. */
int image_lock(int fd);

/* linux_container.c */
struct container { /* something that holds a file system or partitions */
	const char *path; /* as it was given; borrowed */
	int fd;
	bool read_only;
	bool image;
	bool may_be_protected; /* one that takes no writes is opened for looking, and not refused */
	bool in_use; /* this machine boots from it: what it holds is not in doubt */
	bool write_protected;
	dev_t number; /* of a block device */
	struct probe probe;
	struct partition_list list; /* empty where the whole of it is one file system */
};
void container_done(struct container *container);
DEFINE_AUTO_STRUCT(container, struct container, container_done)
#define auto_container __attribute__((cleanup(auto_container_)))
/*
 * path, fd = -1, read_only and may_be_protected are the caller's; an image is locked against other
 * programs.
 */
bool container_open(struct container *container, struct err *err);
bool container_read(struct container *container, struct err *err); /* of an fd that is open */
struct choice { /* the file system that was chosen */
	char *device;
	int device_fd; /* of a loop device, which lasts as long as somebody has it open; else -1 */
	char *where; /* for people */
	bool write_protected;
	const struct probe *probe; /* of a container that is one file system, borrowed; else NULL */
};
bool container_choose(const struct container *container, enum partition_kind kind,
		      struct choice *choice, struct err *err);
/* Moves device and device_fd into the volume, and reads what is on it. */
bool volume_take(struct linux_volume *volume, struct choice *choice, struct err *err);

/* linux_find.c: pool and boot volume, with sentences */
bool find_pool(struct linux_host *host, const struct linux_options *options, struct err *err);
bool find_boot(struct linux_host *host, const struct linux_options *options, struct err *err);

/* linux_boot.c */
/* Mounts volume->device (or binds `directory`) at host->directory/name. */
int volume_mount(struct linux_host *host, enum volume volume, const char *directory);
void volume_unmount(struct linux_host *host, enum volume volume);
int linux_writable(struct host *, enum volume);

/* linux_fsck.c */
int linux_check(struct host *, enum volume, char **ret_findings);
int linux_repair(struct host *, enum volume, char **ret_findings);
int linux_unclean(struct host *, enum volume);

/* linux_fat_files.c: FAT12, FAT16 and FAT32, read only, straight from the device */
struct fat_volume;
struct fat_volume *fat_volume_new(int fd); /* which stays the caller's; never NULL */
/* To be called after every write to it: some of what was read is kept. NULL: nothing. */
void fat_volume_forget(struct fat_volume *volume);
void fat_volume_free(struct fat_volume *volume);
int fat_stat(struct fat_volume *volume, const char *path, struct host_stat *ret);
int fat_list(struct fat_volume *volume, const char *path, struct host_names *ret);
int fat_stream(struct fat_volume *volume, const char *path, const struct sink *sink);
int fat_space(struct fat_volume *volume, struct host_space *ret);
/* Where byte `offset` of a file lies on the device, and how many follow it there. */
struct fat_place {
	off_t at_bytes;
	size_t length_bytes;
};
int fat_locate(struct fat_volume *volume, const char *path, off_t offset, struct fat_place *ret);
/* linux_fat.c: whether it was not unmounted the last time, by its boot sector; false where it is none */
bool fat_is_dirty(int fd);

/* linux_program.c */
struct program {
	const char *const *argv; /* argv[0] is looked up in a fixed PATH; no shell */
	const char *const *environment; /* added to a fixed one; may be NULL */
	int input; /* becomes stdin; -1 = /dev/null */
	int output; /* becomes stdout instead of what is gathered; 0 = none */
	unsigned timeout_sec; /* 0 = none; then its whole process group is killed: -ETIMEDOUT */
	const struct host_confinement *confinement; /* NULL = none */
	const struct linux_host
		*host; /* with a confinement: whose mounts are not for the program */
};
/* *ret_status as from waitpid; the last 4 KiB of stdout and stderr, caller frees. */
int program_run(const struct program *program, char **ret_output, int *ret_status);
int linux_run_program(struct host *, const struct host_program *, char **ret_output,
		      int *ret_status);

/* history/ */
int linux_send(struct host *, const struct host_sending *sending);
int linux_compare(struct host *, const struct host_pair *pair, struct host_comparison *ret);
int linux_links(struct host *, const char *subvolume, const char *path, struct host_strings *ret);
int linux_text_difference(struct host *, const struct host_text_side sides[2], size_t max_bytes,
			  struct host_bytes *ret);

/* linux_confine.c: for a process that is about to become another program */
int confine(const struct linux_host *host, const struct host_confinement *confinement);
/* Drops every capability outside the mask from all sets. */
int capabilities_limit(uint64_t mask);

/* linux_initrd.c */
int linux_list_initrd(struct host *, const char *root, const char *path,
		      void (*on_name)(void *userdata, const char *name), void *userdata);

/* linux_running.c */
int64_t linux_clock(struct host *, enum host_clock);
int linux_running(struct host *, struct host_running *ret);
int linux_default_routes(struct host *, struct host_strings *ret);
int linux_mount_points(struct host *, struct host_strings *ret);
bool linux_interrupted(struct host *);
int linux_sleep(struct host *, unsigned milliseconds);
void signals_install(void);
/* A small file of /proc or /sys, whole, without its last newline. */
int read_small_file(const char *path, char **ret);

/* linux_surroundings.c */
int linux_surroundings(struct host *, struct host_surroundings *ret);
int linux_utc_offset(struct host *, int64_t when, int *ret_sec);
/* 1 = the machine runs from its battery, by the directory that stands for /sys/class/power_supply. */
int battery_in_use(const char *directory);

/* linux_network.c */
int linux_network(struct host *, struct host_network *ret);
int linux_clock_synchronised(struct host *, bool *ret);
struct sockaddr_storage;
/* Whether who listens there greets as SSH does. */
bool banner_answers(const struct sockaddr_storage *address);
/* Of a resolv.conf. */
int name_servers(const char *path, struct host_strings *ret);

/* linux_notices.c */
int linux_hibernation(struct host *, bool allowed);
/* The links of linux_hibernation() below the directory that stands for /run. */
int hibernation_write(int directory, bool allowed);
int linux_publish_status(struct host *, const char *name, const char *text);
int linux_reboot_required(struct host *, bool required);
void linux_log(struct host *, const struct host_message *);
/* The files of linux_reboot_required() in the directory that stands for /run. */
int reboot_files_write(int directory, bool required);

/* linux_swap.c */
int linux_swap_files(struct host *, struct host_swaps *ret);

/* linux_lock.c */
int linux_lock(struct host *, const char *holder, char **ret_other);
void linux_unlock(struct host *);
int linux_package_lock(struct host *, const char *root, unsigned wait_sec);
void linux_package_unlock(struct host *);

/* linux_systemd.c */
int linux_failed_units(struct host *, struct host_strings *ret);
int linux_reboot(struct host *, bool force);

/* linux_efi.c */
int linux_loader_entries(struct host *, const char *const *loader_paths, size_t count);
/* The same for a partition that is given, whoever's it is. */
int efi_entries_write(const struct partition *partition, const char *const *loader_paths,
		      size_t count);
/* A string variable of the boot loader interface, as UTF-8; -ENOENT. Caller frees. */
int loader_variable(const char *name, char **ret);

/* linux_firmware.c */
int linux_firmware(struct host *, struct host_firmware *ret);
int linux_set_boot_order(struct host *, const uint16_t *numbers, size_t count);
int linux_remove_boot_option(struct host *, uint16_t number);
/* The same, with the boot volume's partition given; NULL = no option is on it. */
int efi_firmware_read(const struct partition *partition, struct host_firmware *ret);
int efi_boot_order_write(const uint16_t *numbers, size_t count);
int efi_boot_option_remove(uint16_t number);

/* linux_stage.c */
int linux_run_stage(struct host *, const struct stage *, const struct stage_command *,
		    int *ret_status);
