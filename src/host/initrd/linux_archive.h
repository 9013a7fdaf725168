/*
 * linux_archive - libarchive, loaded when something is to be unpacked.
 *
 * It brings libxml2, ICU and libstdc++ with it, which cost more at the start of every verb than
 * most verbs do themselves; only a look into an initrd needs it.
 */
#pragma once
#include <archive.h>
#include "library.h"

#define ARCHIVE_FUNCTIONS(X)                                                                       \
	X(archive_read_new)                                                                        \
	X(archive_read_free)                                                                       \
	X(archive_read_support_filter_zstd)                                                        \
	X(archive_read_support_filter_gzip)                                                        \
	X(archive_read_support_filter_xz)                                                          \
	X(archive_read_support_filter_lzma)                                                        \
	X(archive_read_support_filter_bzip2)                                                       \
	X(archive_read_support_filter_lz4)                                                         \
	X(archive_read_support_format_raw)                                                         \
	X(archive_read_open)                                                                       \
	X(archive_read_next_header)                                                                \
	X(archive_read_data_block)                                                                 \
	X(archive_filter_count)                                                                    \
	X(archive_filter_bytes)                                                                    \
	X(archive_set_error)

/* The functions of the library, by their names. */
struct archive_library {
	ARCHIVE_FUNCTIONS(LIBRARY_MEMBER)
};

/* NULL where it is not installed. Stays loaded to the end. */
const struct archive_library *archive_library(void);
