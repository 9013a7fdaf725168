#include "linux_search.h"
#include <endian.h>
#include <errno.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <sys/ioctl.h>
#include "linux_internal.h"

/* --- items -------------------------------------------------------------------------------------- */

/* The first key after the last one that was seen; false: there is none. */
static bool advance(struct btrfs_ioctl_search_key *key,
		    const struct btrfs_ioctl_search_header *last)
{
	key->min_objectid = last->objectid;
	key->min_type = last->type;
	key->min_offset = last->offset + 1;
	if (key->min_offset > 0)
		return true;
	key->min_type = last->type + 1;
	if (key->min_type <= UINT8_MAX)
		return true;
	key->min_type = 0;
	key->min_objectid++;
	return key->min_objectid <= key->max_objectid;
}

/* They follow each other without padding. False: what is left is no item. */
static bool read_item(const unsigned char *at, size_t left, struct tree_item *ret)
{
	if (left < sizeof(ret->header))
		return false;
	memcpy(&ret->header, at, sizeof(ret->header));
	ret->bytes = at + sizeof(ret->header);
	return ret->header.len <= left - sizeof(ret->header);
}

/* A buffer full; *ret_last is the last of them. */
static int visit_items(const struct tree_search *search, const struct tree_visit *visit,
		       struct tree_item *ret_last)
{
	const unsigned char *at = (const unsigned char *)search->args.buf;
	const unsigned char *end = at + TREE_SEARCH_BYTES;
	int result = 0;

	for (uint32_t i = 0; result == 0 && i < search->args.key.nr_items; i++) {
		if (!read_item(at, (size_t)(end - at), ret_last))
			return -EIO;
		at = ret_last->bytes + ret_last->header.len;
		result = visit->item(visit->userdata, ret_last);
	}
	return result;
}

int tree_search(struct tree_search *search, int fd, const struct btrfs_ioctl_search_key *key,
		const struct tree_visit *visit)
{
	struct btrfs_ioctl_search_key from = *key;
	struct tree_item last;
	int result;

	do {
		search->args.key = from;
		search->args.key.nr_items = UINT32_MAX;
		search->args.buf_size = TREE_SEARCH_BYTES;
		if (ioctl(fd, BTRFS_IOC_TREE_SEARCH_V2, &search->args) < 0)
			return -errno;
		if (search->args.key.nr_items == 0)
			return 0;
		result = visit_items(search, visit, &last);
	} while (result == 0 && advance(&from, &last.header));
	return result;
}

/* --- names -------------------------------------------------------------------------------------- */

/* The head of one name at `at`, and how long it is; 0 = it is cut. */
static size_t read_head(const struct tree_item *item, size_t at, struct tree_name *ret)
{
	const char *bytes = (const char *)item->bytes + at;
	size_t left = item->header.len - at;
	struct btrfs_inode_ref ref;
	struct btrfs_inode_extref extref;

	if (item->header.type == BTRFS_INODE_REF_KEY) {
		if (left < sizeof(ref))
			return 0;
		memcpy(&ref, bytes, sizeof(ref));
		*ret = (struct tree_name){item->header.offset, bytes + sizeof(ref),
					  le16toh(ref.name_len)};
		return sizeof(ref);
	}
	if (left < sizeof(extref))
		return 0;
	memcpy(&extref, bytes, sizeof(extref));
	*ret = (struct tree_name){le64toh(extref.parent_objectid), bytes + sizeof(extref),
				  le16toh(extref.name_len)};
	return sizeof(extref);
}

static bool is_name(const struct tree_name *name)
{
	auto_free char *text = xstrndup(name->bytes, name->length);

	return name->length > 0 && strlen(text) == name->length && !strchr(text, '/') &&
	       path_is_plain(text);
}

/* An item holds all names in one directory. */
static int visit_names(void *userdata, const struct tree_item *item)
{
	const struct tree_visit *visit = userdata;
	int result = 0;

	for (size_t at = 0; result == 0 && at < item->header.len;) {
		struct tree_name name;
		size_t head = read_head(item, at, &name);

		if (head == 0 || name.length > item->header.len - at - head || !is_name(&name))
			return -EUCLEAN;
		result = visit->name(visit->userdata, &name);
		at += head + name.length;
	}
	return result;
}

int tree_names(struct tree_search *search, int fd, uint64_t inode, const struct tree_visit *visit)
{
	const struct btrfs_ioctl_search_key key = {
		.min_objectid = inode,
		.max_objectid = inode,
		.min_type = BTRFS_INODE_REF_KEY,
		.max_type = BTRFS_INODE_EXTREF_KEY,
		.max_offset = UINT64_MAX,
		.max_transid = UINT64_MAX,
	};
	struct tree_visit items = {.item = visit_names, .userdata = (void *)visit};

	return tree_search(search, fd, &key, &items);
}
