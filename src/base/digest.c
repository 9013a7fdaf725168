#include "digest.h"
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct digest_stream {
	EVP_MD_CTX *context;
};

struct digest_stream *digest_start(enum digest_kind kind)
{
	struct digest_stream *stream = calloc(1, sizeof(*stream));

	if (!stream || !(stream->context = EVP_MD_CTX_new()) ||
	    EVP_DigestInit_ex(stream->context, kind == DIGEST_MD5 ? EVP_md5() : EVP_sha256(),
			      NULL) != 1)
		abort();
	return stream;
}

void digest_feed(struct digest_stream *stream, const void *bytes, size_t length)
{
	if (EVP_DigestUpdate(stream->context, bytes, length) != 1)
		abort();
}

void digest_finish(struct digest_stream *stream, struct digest *ret)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	*ret = (struct digest){0};
	if (EVP_DigestFinal_ex(stream->context, raw, &length) != 1)
		abort();
	for (unsigned i = 0; i < length && 2 * i < DIGEST_HEX_LENGTH; i++) {
		ret->hex[2 * i] = "0123456789abcdef"[raw[i] >> 4];
		ret->hex[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
	}
	EVP_MD_CTX_free(stream->context);
	free(stream);
}

void digest_bytes(enum digest_kind kind, const void *bytes, size_t length, struct digest *ret)
{
	struct digest_stream *stream = digest_start(kind);

	digest_feed(stream, bytes, length);
	digest_finish(stream, ret);
}

bool digest_is_sha256(const char *hex)
{
	return strlen(hex) == DIGEST_HEX_LENGTH &&
	       strspn(hex, "0123456789abcdef") == DIGEST_HEX_LENGTH;
}
