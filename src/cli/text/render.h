/*
 * render - result documents as text for people; one function per kind of document.
 *
 * Pure: a document and a view give a text. Whatever the document lacks is left out. Every line
 * is complete and no longer than the view's columns, where words allow it.
 */
#pragma once
#include "document.h"
#include "view.h"

typedef void render_fn(const json_t *document, const struct view *view, struct text *out);

render_fn render_status; /* status */
render_fn render_list; /* list */
render_fn render_show; /* show */
render_fn render_diff; /* diff */
render_fn render_log; /* log */
render_fn render_check; /* check */
render_fn render_health; /* health */
render_fn render_plan; /* plan, and every changing verb with --dry-run */
render_fn render_change; /* every changing verb */
render_fn render_kargs; /* kargs */

/* Pieces that several of them show. */

/* "next boot   generation 8, on trial: reboot to try it" */
void render_next(const json_t *next, const struct view *view, struct text *out);
/* Package changes by kind, a summary line first; at most 20 unless the view is verbose. */
void render_packages(const json_t *packages, const struct view *view, struct text *out);
/* What a plan does, grouped into sentences; every step when the view is verbose. */
void render_steps(const json_t *steps, const struct view *view, struct text *out);
/* What timers wait for and found, of `status`. */
void render_standing(const json_t *unattended, const struct view *view, struct text *out);
/* Generations, one a line: whether each stays or goes, and why. */
void render_fates(const json_t *fates, const struct view *view, struct text *out);
/* "good", "on trial" … and its colour. */
const char *render_state(const json_t *generation, enum tint *ret_tint);
