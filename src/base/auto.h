/*
 * auto - variables that release what they own when they go out of scope.
 *
 * An auto variable owns, never borrows. Ownership leaves it by take() or take_fd().
 * Descriptors start at -1. Every release function accepts the empty value and keeps errno.
 */
#pragma once
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define auto_free __attribute__((cleanup(auto_free_)))
#define auto_close __attribute__((cleanup(auto_close_)))

/* DEFINE_AUTO(json, json_t *, json_decref) gives auto_json. */
#define DEFINE_AUTO(name, type, release)                                                           \
	static inline void auto_##name##_(type *value)                                             \
	{                                                                                          \
		int saved_errno = errno;                                                           \
		if (*value)                                                                        \
			release(*value);                                                           \
		errno = saved_errno;                                                               \
	}

/* DEFINE_AUTO_STRUCT(text, struct text, text_done): for structs held by value. */
#define DEFINE_AUTO_STRUCT(name, type, release)                                                    \
	static inline void auto_##name##_(type *value)                                             \
	{                                                                                          \
		int saved_errno = errno;                                                           \
		release(value);                                                                    \
		errno = saved_errno;                                                               \
	}

static inline void auto_free_(void *pointer)
{
	int saved_errno = errno;

	free(*(void **)pointer);
	errno = saved_errno;
}

static inline void auto_close_(int *fd)
{
	int saved_errno = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved_errno;
}

static inline void *take_pointer(void *pointer)
{
	void *value = *(void **)pointer;

	*(void **)pointer = NULL;
	return value;
}

#define take(variable) ((__typeof__(variable))take_pointer(&(variable)))

static inline int take_fd(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
