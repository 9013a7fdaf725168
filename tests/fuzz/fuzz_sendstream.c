/* However a stream is cut, it says the same; what comes of it is sorted, once each, and stays inside. */
#include "difference.h"
#include "fuzz.h"

static bool take_stream(const uint8_t *bytes, size_t length, size_t piece, struct touched_list *ret)
{
	auto_send_stream struct send_stream stream = {0};
	auto_difference struct difference *difference = difference_new();
	const struct send_taker taker = {difference_take, difference};
	struct err err = {0};
	bool fine = true;

	for (size_t at = 0; fine && at < length; at += piece)
		fine = send_stream_feed(
			&stream,
			&(struct send_bytes){bytes + at, length - at < piece ? length - at : piece},
			&taker, &err);
	must(fine == (err.kind == ERR_NONE));
	difference_list(difference, ret);
	touched_settle(ret);
	return fine;
}

static void check_list(const struct touched_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *path = list->all[i].path;

		must(i == 0 || strcmp(list->all[i - 1].path, path) < 0);
		must(path[0] != '/' && !strstr(path, "//") && !text_starts(path, "../") &&
		     !strstr(path, "/../") && !text_ends(path, "/.."));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	auto_touched_list struct touched_list whole = {0}, cut = {0};
	bool fine = take_stream(bytes, length, length + 1, &whole);

	check_list(&whole);
	must(take_stream(bytes, length, 3, &cut) == fine);
	if (!fine)
		return 0;
	must(whole.count == cut.count);
	for (size_t i = 0; i < whole.count; i++)
		must(strcmp(whole.all[i].path, cut.all[i].path) == 0 &&
		     whole.all[i].whole == cut.all[i].whole);
	return 0;
}
