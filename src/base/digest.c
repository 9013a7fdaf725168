#include "digest.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "auto.h"
#include "library.h"

struct digest_stream {
	EVP_MD_CTX *context;
};

#define CRYPTO_FUNCTIONS(X)                                                                        \
	X(OPENSSL_init_crypto)                                                                     \
	X(EVP_MD_fetch)                                                                            \
	X(EVP_MD_CTX_new)                                                                          \
	X(EVP_MD_CTX_free)                                                                         \
	X(EVP_DigestInit_ex)                                                                       \
	X(EVP_DigestUpdate)                                                                        \
	X(EVP_DigestFinal_ex)

struct crypto_library {
	CRYPTO_FUNCTIONS(LIBRARY_MEMBER)
};

/* Never NULL: without it nothing of what moult proves could be proved. */
static const struct crypto_library *crypto(void)
{
	static struct crypto_library functions;
	static const struct library_function wanted[] = {CRYPTO_FUNCTIONS(LIBRARY_FUNCTION)};
	static struct library library = {"libcrypto.so.3", wanted, COUNT(wanted), false, false};

	if (library.loaded)
		return &functions;
	if (!library_load(&library)) {
		fprintf(stderr, "moult: %s cannot be loaded\ntry: sudo apt install --fix-broken\n",
			library.soname);
		abort();
	}
	/* the machine's openssl.cnf has no say in how files are told apart, and is not read */
	functions.OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	return &functions;
}

/* Looked up once: that takes as long as a few hundred kilobytes do. */
static const EVP_MD *algorithm(enum digest_kind kind)
{
	static EVP_MD *found[] = {[DIGEST_SHA256] = NULL, [DIGEST_MD5] = NULL};

	if (!found[kind])
		found[kind] =
			crypto()->EVP_MD_fetch(NULL, kind == DIGEST_MD5 ? "MD5" : "SHA256", NULL);
	return found[kind];
}

struct digest_stream *digest_start(enum digest_kind kind)
{
	struct digest_stream *stream = calloc(1, sizeof(*stream));
	const EVP_MD *md = algorithm(kind);

	if (!stream || !(stream->context = crypto()->EVP_MD_CTX_new()) ||
	    crypto()->EVP_DigestInit_ex(stream->context, md, NULL) != 1)
		abort();
	return stream;
}

void digest_feed(struct digest_stream *stream, const void *bytes, size_t length)
{
	if (crypto()->EVP_DigestUpdate(stream->context, bytes, length) != 1)
		abort();
}

void digest_finish(struct digest_stream *stream, struct digest *ret)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	*ret = (struct digest){0};
	if (crypto()->EVP_DigestFinal_ex(stream->context, raw, &length) != 1)
		abort();
	for (unsigned i = 0; i < length && 2 * i < DIGEST_HEX_LENGTH; i++) {
		ret->hex[2 * i] = "0123456789abcdef"[raw[i] >> 4];
		ret->hex[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
	}
	crypto()->EVP_MD_CTX_free(stream->context);
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
