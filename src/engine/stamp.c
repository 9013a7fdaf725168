#include "stamp.h"
#include <stdio.h>
#include <time.h>

const char *stamp_text(int64_t seconds, char buffer[STAMP_MAX])
{
	time_t when = (time_t)seconds;
	struct tm utc;

	if (seconds == 0 || !gmtime_r(&when, &utc) ||
	    strftime(buffer, STAMP_MAX, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		snprintf(buffer, STAMP_MAX, "unknown");
	return buffer;
}

json_t *stamp_json(int64_t seconds)
{
	char buffer[STAMP_MAX];

	return seconds == 0 ? json_null() : json_string(stamp_text(seconds, buffer));
}
