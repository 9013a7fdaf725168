#include "damage.h"
#include "text.h"

const struct damage *damage_at(size_t number)
{
	const struct {
		const struct damage *list;
		size_t count;
	} tables[] = {
		{damages_anywhere, damages_anywhere_count},
		{damages_debian, damages_debian_count},
		{damages_pool, damages_pool_count},
		{damages_menu, damages_menu_count},
	};

	for (size_t i = 0; i < COUNT(tables); i++) {
		if (number < tables[i].count)
			return &tables[i].list[number];
		number -= tables[i].count;
	}
	return NULL;
}

void damage_do(struct engine_world *world, const char *code)
{
	const struct damage *damage;

	for (size_t i = 0; (damage = damage_at(i)); i++) {
		if (!text_equal(damage->expected.code, code))
			continue;
		damage->break_it(world);
		return;
	}
	abort();
}

void put(struct engine_world *world, const char *path, const char *text)
{
	fake_host_put(world->fake, VOLUME_POOL, path, text);
}

void put_boot(struct engine_world *world, const char *path, const char *text)
{
	fake_host_put(world->fake, VOLUME_BOOT, path, text);
}
