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
int fake_swap_files(struct host *host, struct host_swaps *ret);
int fake_run_program(struct host *host, const struct host_program *program, char **ret_output,
		     int *ret_status);
int fake_reboot(struct host *host, bool force);
int fake_loader_entries(struct host *host, const char *const *loader_paths, size_t count);
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
