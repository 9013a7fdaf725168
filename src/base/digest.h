/*
 * digest - SHA-256 and MD5 as hexadecimal text, computed by libcrypto.
 *
 * MD5 is only for comparing with the lists that dpkg keeps, never for trust.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#define DIGEST_HEX_LENGTH 64

struct digest {
	char hex[DIGEST_HEX_LENGTH + 1]; /* lower case; MD5 uses the first 32 */
};

enum digest_kind { DIGEST_SHA256, DIGEST_MD5 };

struct digest_stream; /* opaque; created, fed, then finished (which frees it) */
struct digest_stream *digest_start(enum digest_kind kind);
void digest_feed(struct digest_stream *stream, const void *bytes, size_t length);
void digest_finish(struct digest_stream *stream, struct digest *ret);

void digest_bytes(enum digest_kind kind, const void *bytes, size_t length, struct digest *ret);
/* 64 lower-case hexadecimal digits and nothing else. */
bool digest_is_sha256(const char *hex);
