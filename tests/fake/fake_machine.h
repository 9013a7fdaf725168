/* fake_machine - the ops of fake_host that are not about its disk. For fake_ops.c only. */
#pragma once
#include "fake_host.h"

#define fake_of(host_) ((struct fake_host *)(host_))

int fake_run_stage(struct host *host, const struct stage *stage,
		   const struct stage_command *command, int *ret_status);
int64_t fake_clock(struct host *host, enum host_clock clock);
int fake_running(struct host *host, struct host_running *ret);
int fake_lock(struct host *host, const char *holder, char **ret_other);
void fake_unlock(struct host *host);
int fake_package_lock(struct host *host, const char *root, unsigned wait_sec);
void fake_package_unlock(struct host *host);
int fake_failed_units(struct host *host, struct host_strings *ret);
int fake_default_routes(struct host *host, struct host_strings *ret);
int fake_mount_points(struct host *host, struct host_strings *ret);
int fake_surroundings(struct host *host, struct host_surroundings *ret);
int fake_network(struct host *host, struct host_network *ret);
int fake_clock_synchronised(struct host *host, bool *ret);
int fake_utc_offset(struct host *host, int64_t when, int *ret_sec);
int fake_hibernation(struct host *host, bool allowed);
int fake_swap_files(struct host *host, struct host_swaps *ret);
int fake_run_program(struct host *host, const struct host_program *program, char **ret_output,
		     int *ret_status);
int fake_reboot(struct host *host, bool force);
int fake_loader_entries(struct host *host, const char *const *loader_paths, size_t count);
int fake_firmware(struct host *host, struct host_firmware *ret);
int fake_set_boot_order(struct host *host, const uint16_t *numbers, size_t count);
int fake_remove_boot_option(struct host *host, uint16_t number);
int fake_publish_status(struct host *host, const char *name, const char *text);
int fake_reboot_required(struct host *host, bool required);
void fake_log(struct host *host, const struct host_message *message);
bool fake_interrupted(struct host *host);
int fake_sleep(struct host *host, unsigned milliseconds);

/* fake_root.c: reading inside a root */
int fake_root_read(struct host *host, const char *root, const char *path, size_t max_bytes,
		   struct host_bytes *ret);
int fake_root_stat(struct host *host, const char *root, const char *path, struct host_stat *ret);
int fake_root_list(struct host *host, const char *root, const char *path, struct host_names *ret);
int fake_root_digest(struct host *host, const char *root, const char *path, enum digest_kind kind,
		     struct digest *ret);
/* A fake initrd is a text file with a name on each line. */
int fake_list_initrd(struct host *host, const char *root, const char *path,
		     void (*on_name)(void *userdata, const char *name), void *userdata);

/* fake_change.c: each is one effect, recorded */
int fake_write(struct host *host, enum volume volume, const char *path, const void *bytes,
	       size_t length);
int fake_write_at(struct host *host, enum volume volume, const char *path, off_t offset,
		  const void *bytes, size_t length);
int fake_append(struct host *host, enum volume volume, const char *path, const void *bytes,
		size_t length);
int fake_make_directory(struct host *host, enum volume volume, const char *path, mode_t mode);
int fake_make_symlink(struct host *host, enum volume volume, const char *target, const char *path);
int fake_rename(struct host *host, enum volume volume, const char *from, const char *to);
int fake_exchange(struct host *host, enum volume volume, const char *a, const char *b);
int fake_remove(struct host *host, enum volume volume, const char *path);
int fake_remove_tree(struct host *host, enum volume volume, const char *path);
int fake_copy(struct host *host, enum volume from_volume, const char *from, enum volume to_volume,
	      const char *to);
int fake_get_xattr(struct host *host, const char *path, const char *name, struct host_bytes *ret);
int fake_remove_xattrs(struct host *host, const char *path, const char *prefix);
int fake_copy_attributes(struct host *host, const char *from, const char *to);
int fake_sync(struct host *host, enum volume volume);
int fake_snapshot(struct host *host, const char *from, const char *to, bool read_only);
int fake_create_subvolume(struct host *host, const char *path);
int fake_delete_subvolume(struct host *host, const char *path);
int fake_set_default(struct host *host, const char *path);

/* fake_compare.c */
int fake_changed_since(struct host *host, const struct host_since *since, struct host_strings *ret);
int fake_differ(struct host *host, const char *a, const char *b);

/* fake_difference.c */
int fake_send(struct host *host, const struct host_sending *sending);
int fake_compare(struct host *host, const struct host_pair *pair, struct host_comparison *ret);
int fake_links(struct host *host, const char *subvolume, const char *path,
	       struct host_strings *ret);
int fake_text_difference(struct host *host, const struct host_text_side sides[2], size_t max_bytes,
			 struct host_bytes *ret);

/* fake_change.c: applies and records; borrows everything in *effect */
int fake_perform(struct host *host, struct fake_effect *effect);
/* fake_firmware.c: the entries that loader_entries() wants, made and put first. */
void fake_firmware_register(struct fake_host *fake, const char *const *paths, size_t count);
