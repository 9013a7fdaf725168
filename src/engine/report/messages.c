#include "messages.h"
#include <syslog.h>

static const struct {
	const char *id;
	int priority;
} messages[MESSAGE_COUNT] = {
	[MESSAGE_DONE] = {"5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a01", LOG_NOTICE},
	[MESSAGE_FAILED] = {"5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a02", LOG_ERR},
	[MESSAGE_RETURNED] = {"5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a03", LOG_WARNING},
	[MESSAGE_GIVE_UP] = {"5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a04", LOG_ERR},
	[MESSAGE_WAITS] = {"5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a10", LOG_INFO},
	[MESSAGE_REBOOTS] = {"5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a11", LOG_WARNING},
	[MESSAGE_POSTPONED] = {"5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a12", LOG_NOTICE},
	[MESSAGE_CHECKED] = {"5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a13", LOG_ERR},
	[MESSAGE_AVAILABLE] = {"5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a14", LOG_INFO},
	[MESSAGE_UNHEALTHY] = {"5f3c1d5e6f0c4c0a9d2f0b7f6a5e1a15", LOG_WARNING},
	[MESSAGE_STALE] = {"5f3c1d5e6f0c4c0a9d2f0b7f6a5e1b01", LOG_WARNING},
};

const char *message_id(enum message message)
{
	return messages[message].id;
}

void message_log(struct host *host, enum message message, const struct host_message *said)
{
	struct host_message whole = *said;

	whole.id = messages[message].id;
	whole.priority = messages[message].priority;
	host->ops->log(host, &whole);
}
